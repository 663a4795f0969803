"""Rotation of an armband between sessions: number of electrodes, and confidence.

The covariance of the channels for each class depends on the position of each electrode around the
arm. A rotated band shifts all rows and columns by the same number of places. All rotations are
tried, and the one with the smallest distance between the patterns of both sessions is proposed. It
is never applied automatically.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SignalError
from myogestic_ros.decoding.quality.signal_summary import SignalSummary

__all__ = [
    'CONFIDENT',
    'Rotation',
    'channel_pattern',
    'class_covariances',
    'find_rotation',
    'rotate_channels',
]

CONFIDENT = 0.3
"""Minimum confidence to propose a rotation, 0 to 1.

In 30 pairs of sessions of one person each with a Myo armband in the same position, the minimum was
0.5. Half way between two electrodes it is about 0."""

MIN_CLASSES = 2
"""Minimum number of common classes for a comparison."""

MIN_EIGENVALUE = 1e-3
"""Minimum eigenvalue of a covariance as a share of the largest, to ignore noise."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rotation:
    """Rotation of the electrodes between two sessions.

    Attributes
    ----------
    channels : int
        Channel ``c`` now is where channel ``(c + channels) % n_channels`` was before: shifting the
        channels up by this number of places undoes the rotation. From ``-n_channels / 2`` to
        ``n_channels / 2``; 0: no rotation.
    confidence : float
        1 - distance at this rotation / distance at the second best; 0 (ambiguous) to 1 (certain).
    improvement : float
        1 - distance at this rotation / distance without rotation; 0 if there is no rotation.
    """

    channels: int
    confidence: float
    improvement: float

    @property
    def is_proposed(self) -> bool:
        """True if there is a rotation with at least the confidence `CONFIDENT`."""
        return self.channels != 0 and self.confidence >= CONFIDENT

    def message(self, stream: str = 'emg', setting: int | None = None) -> str:
        """Return a sentence with the rotation and its correction; '' if none is proposed.

        Parameters
        ----------
        stream : str
            Name of the stream.
        setting : int, optional
            Value for the parameter ``stream.<name>.rotation``; ``channels`` by default.
        """
        if not self.is_proposed:
            return ''
        count = abs(self.channels)
        return (
            f'The electrodes are rotated by {count} place{"s" if count > 1 else ""} compared with '
            f'the earlier sessions (confidence {self.confidence:.0%}): move the armband back, or '
            f'set stream.{stream}.rotation to {self.channels if setting is None else setting}.'
        )


def rotate_channels(data: NDArray[Any], channels: int, axis: int) -> NDArray[Any]:
    """Return samples with the channels, along ``axis``, shifted up by ``channels`` places."""
    return np.roll(data, channels, axis)


def class_covariances(summaries: Iterable[SignalSummary]) -> dict[str, Floats]:
    """Return the mean covariance of the channels for each class.

    Returns
    -------
    dict of str to ndarray, shape (n_channels, n_channels)
        Covariance by class name, volt²; all repetitions have the same weight.
    """
    found: dict[str, list[Floats]] = {}
    for summary in summaries:
        for (index, _), segments in summary.cues().items():
            weights = [segment.n_samples for segment in segments]
            covariance = np.average([s.covariance for s in segments], axis=0, weights=weights)
            found.setdefault(segments[0].class_name or f'class {index}', []).append(covariance)
    return {name: np.mean(covariances, axis=0) for name, covariances in found.items()}


def channel_pattern(covariance: Floats, floor: float | Floats) -> Floats:
    """Return the logarithm of a covariance, normalised to trace 0.

    Parameters
    ----------
    covariance : ndarray, shape (n_channels, n_channels)
        Volt².
    floor : float or ndarray, shape (n_channels,)
        Noise power, added to that of each channel, volt².

    Returns
    -------
    ndarray, shape (n_channels, n_channels)
    """
    values, vectors = np.linalg.eigh(covariance + np.diag(np.broadcast_to(floor, len(covariance))))
    logs = np.log(np.maximum(values, max(float(values[-1]) * MIN_EIGENVALUE, 1e-300)))
    pattern: Floats = (vectors * (logs - logs.mean())) @ vectors.T
    return pattern


def find_rotation(before: Mapping[str, Floats], now: Mapping[str, Floats]) -> Rotation | None:
    """Find the rotation between two sessions with one ring of electrodes.

    Parameters
    ----------
    before, now : mapping of str to ndarray, shape (n_channels, n_channels)
        Covariance of each class from `class_covariances`, of the earlier and the new session.

    Returns
    -------
    Rotation or None
        None if there are fewer than three channels, or fewer than two common classes.

    Raises
    ------
    SignalError
        If the numbers of channels differ.
    """
    common = [name for name in before if name in now]
    if len(common) < MIN_CLASSES:
        return None
    count = len(before[common[0]])
    if len(now[common[0]]) != count:
        raise SignalError(
            f'Cannot compare {len(now[common[0]])} channels with {count} channels of the earlier '
            f'session; expected the same electrodes in both.'
        )
    if count < 3:
        return None
    old, new = (_patterns([side[name] for name in common]) for side in (before, now))
    distances = np.array(
        [((np.roll(new, (shift, shift), (1, 2)) - old) ** 2).sum() for shift in range(count)]
    )
    best, second = np.argsort(distances, kind='stable')[:2]
    nearest = max(float(distances[best]), 1e-30)
    channels = int(best) if best <= count // 2 else int(best) - count
    return Rotation(
        channels,
        1 - nearest / max(float(distances[second]), nearest),
        1 - nearest / max(float(distances[0]), nearest),
    )


def _patterns(covariances: list[Floats]) -> Floats:
    """Return the patterns of the classes, shape (n_classes, n_channels, n_channels).

    With three or more classes, their mean is subtracted: it contains the properties of the
    electrodes (contact, noise), which move with the band.
    """
    floor = float(np.quantile([np.diag(covariance) for covariance in covariances], 0.1))
    patterns = np.array([channel_pattern(c, max(floor, 1e-30)) for c in covariances])
    if len(patterns) > 2:
        patterns -= patterns.mean(axis=0)
    return patterns
