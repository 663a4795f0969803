"""Detection of repetitions unlike the others of their class."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.quality.electrode_rotation import channel_pattern
from myogestic_ros.decoding.quality.signal_summary import SignalSummary

__all__ = ['OutlierRepetition', 'outlier_repetition_warnings', 'outlier_repetitions']

MIN_OTHERS = 2
"""Minimum number of other repetitions of the class, to decide which one is the outlier."""

OUTLIER = 5.5
"""Minimum distance of an outlier, relative to the median distance."""

ROTATED_OUTLIER = 3.0
"""The same if a rotation of the electrodes explains the distance."""

MIN_LENGTH = 0.5
"""Minimum length of a repetition to be compared, relative to the median length."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OutlierRepetition:
    """A repetition unlike the others of its class.

    Attributes
    ----------
    class_name : str
        Name of its class.
    repetition : int
        Number of the repetition, from 0.
    relative_distance : float
        Distance from the others, relative to the median distance of all repetitions.
    rotation : int
        Rotation of the electrodes, in places, that explains the distance; 0: none does.
    """

    class_name: str
    repetition: int
    relative_distance: float
    rotation: int


def outlier_repetitions(
    summary: SignalSummary, classes: Collection[int] = ()
) -> list[OutlierRepetition]:
    """Return the repetitions unlike the others of their class.

    The pattern of a repetition is the logarithm of its covariance, normalised because the effort
    varies. Its distance is that from the median pattern of the other repetitions of the class,
    relative to the median distance of all repetitions. The class of lowest amplitude (rest) is left
    out, since it has no pattern.

    In 15 sessions with a Myo armband, the largest relative distance is 4.9 (a first attempt at
    ulnar deviation); it is about 6 for a repetition rotated by one electrode and 8 by two. A
    rotation explains the distance if less than twice the median and less than half remain.

    Parameters
    ----------
    summary : SignalSummary
        One session.
    classes : collection of int
        Class indices to check; empty: all.
    """
    found = _repetitions(summary, classes)
    if not found:
        return []
    floor = np.maximum(np.quantile([np.diag(cov) for _, _, cov in found], 0.1, axis=0), 1e-30)
    patterns = [channel_pattern(covariance, floor) for _, _, covariance in found]
    distances: list[tuple[int, float, Floats]] = []
    for number, (index, _, _) in enumerate(found):
        others = [
            patterns[other]
            for other, (own, _, _) in enumerate(found)
            if own == index and other != number
        ]
        if len(others) >= MIN_OTHERS:
            middle: Floats = np.median(others, axis=0)
            distances.append((number, _distance(patterns[number], middle), middle))
    if not distances:
        return []
    median = max(float(np.median([distance for _, distance, _ in distances])), 0.05)
    outliers = []
    for number, distance, middle in distances:
        relative_distance = distance / median
        if relative_distance < ROTATED_OUTLIER:
            continue
        index, repetition, covariance = found[number]
        rotation, left = _best_rotation(covariance, floor, middle)
        explained = left < 2 * median and left < distance / 2
        if relative_distance >= OUTLIER or explained:
            name = summary.cues()[index, repetition][0].class_name or f'class {index}'
            outliers.append(
                OutlierRepetition(
                    name, repetition, relative_distance, rotation if explained else 0
                )
            )
    return outliers


def _repetitions(
    summary: SignalSummary, classes: Collection[int]
) -> list[tuple[int, int, Floats]]:
    """Return class, repetition and covariance, without the class of lowest amplitude."""
    cues = {
        key: segments
        for key, segments in summary.cues().items()
        if not classes or key[0] in classes
    }
    if not cues:
        return []
    lengths = {key: sum(s.n_samples for s in segments) for key, segments in cues.items()}
    least = MIN_LENGTH * float(np.median(list(lengths.values())))
    found = [
        (
            index,
            repetition,
            np.average(
                [s.covariance for s in segments],
                axis=0,
                weights=[s.n_samples for s in segments],
            ),
        )
        for (index, repetition), segments in cues.items()
        if lengths[index, repetition] >= least
    ]
    powers: dict[int, list[float]] = {}
    for index, _, covariance in found:
        powers.setdefault(index, []).append(float(np.trace(covariance)))
    weakest = min(powers, key=lambda index: float(np.median(powers[index])))
    return [entry for entry in found if entry[0] != weakest or len(powers) == 1]


def _distance(one: Floats, other: Floats) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def _best_rotation(covariance: Floats, floor: Floats, middle: Floats) -> tuple[int, float]:
    """Return the rotation, other than 0, with the smallest distance, and that distance."""
    count = len(covariance)
    if count < 3:
        return 0, float('inf')
    left = [
        _distance(
            channel_pattern(np.roll(covariance, (rotation, rotation), (0, 1)), floor), middle
        )
        for rotation in _rotations(count)
    ]
    best = int(np.argmin(left))
    return _rotations(count)[best], left[best]


def _rotations(count: int) -> list[int]:
    """Return the rotations to test: all of a ring of at most 16 channels, else up to 4 places."""
    most = count // 2 if count <= 16 else 4
    return [rotation for rotation in range(-most, most + 1) if rotation]


def outlier_repetition_warnings(
    summary: SignalSummary, classes: Collection[int] = ()
) -> list[str]:
    """Warn about repetitions unlike the others of their class, with the probable cause."""
    outliers = outlier_repetitions(summary, classes)
    if not outliers:
        return []
    named = ', '.join(f'{entry.class_name} {entry.repetition + 1}' for entry in outliers[:4])
    more = f' and {len(outliers) - 4} more' if len(outliers) > 4 else ''
    rotations = {entry.rotation for entry in outliers}
    if len(rotations) == 1 and 0 not in rotations:
        (rotation,) = rotations
        why = f'the electrodes seem to have moved by {abs(rotation)} place(s)'
    else:
        why = 'an electrode may have moved or come off, or the movement was another one'
    verb = 'is' if len(outliers) == 1 else 'are'
    return [
        f"Session '{summary.session}': {named}{more} {verb} unlike the other repetitions "
        f'(up to {max(entry.relative_distance for entry in outliers):.0f} times the median distance): {why}. Check '
        f'the signal, and leave the repetition out or record it again.'
    ]
