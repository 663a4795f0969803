"""A repetition unlike its siblings: an electrode that slipped, or another movement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.quality.electrode_rotation import channel_pattern
from myogestic_ros.decoding.quality.signal_summary import SignalSummary

__all__ = ['OutlierRepetition', 'outlier_repetition_warnings', 'outlier_repetitions']

MIN_SIBLINGS = 2
"""With fewer it cannot be said which is the odd one."""

UNLIKE = 5.5
"""From so many times the usual distance on a repetition is odd, whatever the reason."""

UNLIKE_IF_TURNED = 3.0
"""From so many times on, when turning the electrodes by some places explains it."""

SETTLED_SHARE = 0.5
"""Repetitions of less than this share of the usual length have no pattern worth comparing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OutlierRepetition:
    """A repetition unlike its siblings.

    Attributes
    ----------
    class_name : str
    repetition : int
        Its number, from 0.
    times : float
        Distance from its siblings, 1: as usual.
    turn : int
        By so many places turned back, it is like them; 0: no turn explains it.
    """

    class_name: str
    repetition: int
    times: float
    turn: int


def outlier_repetitions(
    summary: SignalSummary, classes: Collection[int] = ()
) -> list[OutlierRepetition]:
    """Return the repetitions unlike their siblings; ``classes``: empty for all.

    A repetition's pattern is the logarithm of its covariance between channels, its size apart
    (effort varies). Its distance is that from the median of its siblings' patterns; what is
    usual is the median distance of all. The weakest class is left out: rest has no pattern.

    In 15 sessions of a Myo armband the largest distance is 4.9 times the usual (a first try at
    ulnar deviation), and a repetition moved by one electrode has about 6 times, by two 8. A turn
    explains it when it leaves less than twice the usual, and less than half of what was.
    """
    found = _repetitions(summary, classes)
    if not found:
        return []
    floor = np.maximum(np.quantile([np.diag(cov) for _, _, cov in found], 0.1, axis=0), 1e-30)
    patterns = [channel_pattern(covariance, floor) for _, _, covariance in found]
    distances: list[tuple[int, float, Floats]] = []
    for number, (index, _, _) in enumerate(found):
        siblings = [
            patterns[other]
            for other, (own, _, _) in enumerate(found)
            if own == index and other != number
        ]
        if len(siblings) >= MIN_SIBLINGS:
            middle: Floats = np.median(siblings, axis=0)
            distances.append((number, _distance(patterns[number], middle), middle))
    if not distances:
        return []
    usual = max(float(np.median([distance for _, distance, _ in distances])), 0.05)
    odd = []
    for number, distance, middle in distances:
        times = distance / usual
        if times < UNLIKE_IF_TURNED:
            continue
        index, repetition, covariance = found[number]
        turn, left = _best_turn(covariance, floor, middle)
        explained = left < 2 * usual and left < distance / 2
        if times >= UNLIKE or explained:
            name = summary.cues()[index, repetition][0].class_name or f'class {index}'
            odd.append(OutlierRepetition(name, repetition, times, turn if explained else 0))
    return odd


def _repetitions(
    summary: SignalSummary, classes: Collection[int]
) -> list[tuple[int, int, Floats]]:
    """Return class, repetition and covariance of all but the weakest class."""
    cues = {
        key: stretches
        for key, stretches in summary.cues().items()
        if not classes or key[0] in classes
    }
    if not cues:
        return []
    lengths = {key: sum(s.n_samples for s in stretches) for key, stretches in cues.items()}
    least = SETTLED_SHARE * float(np.median(list(lengths.values())))
    found = [
        (
            index,
            repetition,
            np.average(
                [s.covariance for s in stretches],
                axis=0,
                weights=[s.n_samples for s in stretches],
            ),
        )
        for (index, repetition), stretches in cues.items()
        if lengths[index, repetition] >= least
    ]
    powers: dict[int, list[float]] = {}
    for index, _, covariance in found:
        powers.setdefault(index, []).append(float(np.trace(covariance)))
    weakest = min(powers, key=lambda index: float(np.median(powers[index])))
    return [entry for entry in found if entry[0] != weakest or len(powers) == 1]


def _distance(one: Floats, other: Floats) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def _best_turn(covariance: Floats, floor: Floats, middle: Floats) -> tuple[int, float]:
    """Return the turn other than none that brings a repetition closest, and what is left then."""
    count = len(covariance)
    if count < 3:
        return 0, float('inf')
    left = [
        _distance(channel_pattern(np.roll(covariance, (turn, turn), (0, 1)), floor), middle)
        for turn in _turns(count)
    ]
    best = int(np.argmin(left))
    return _turns(count)[best], left[best]


def _turns(count: int) -> list[int]:
    """Return the turns that are tried: up to half round a small ring, a few places otherwise."""
    most = count // 2 if count <= 16 else 4
    return [turn for turn in range(-most, most + 1) if turn]


def outlier_repetition_warnings(
    summary: SignalSummary, classes: Collection[int] = ()
) -> list[str]:
    """Say which repetitions are unlike their siblings, and what may be the reason."""
    odd = outlier_repetitions(summary, classes)
    if not odd:
        return []
    named = ', '.join(f'{entry.class_name} {entry.repetition + 1}' for entry in odd[:4])
    more = f' and {len(odd) - 4} more' if len(odd) > 4 else ''
    turns = {entry.turn for entry in odd}
    if len(turns) == 1 and 0 not in turns:
        (turn,) = turns
        why = f'as if the electrodes had slipped by {abs(turn)} place(s)'
    else:
        why = 'an electrode that slipped or came off, or another movement'
    verb = 'is' if len(odd) == 1 else 'are'
    return [
        f"Session '{summary.session}': {named}{more} {verb} unlike the other repetitions "
        f'({max(entry.times for entry in odd):.0f} times as far from them as usual): {why}. Look '
        f'at the signal, and leave it out or record it again.'
    ]
