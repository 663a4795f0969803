"""Whether an armband was put on turned: by how many electrodes, and how sure that is.

Each class drives the muscles in its own way, so its covariance between the channels says where
around the arm each electrode lies. A band that is turned moves every row and column by as many
places. All turns are tried, and the one that brings the patterns of today closest to those of
before is proposed; it is never applied unasked.
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
    'turned',
]

CONFIDENT = 0.3
"""From this confidence on a rotation is proposed. Of 30 pairs of sessions of one person (Myo
armband) in which the band sat alike, the least confident reached 0.5; half way between two
electrodes it is about 0."""

MIN_CLASSES = 2
SOFTEST = 1e-3
"""Eigenvalues are not taken for smaller than this share of the largest: noise has no pattern."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rotation:
    """By how much the electrodes are turned.

    Attributes
    ----------
    channels : int
        Channel ``c`` of now sits where channel ``(c + channels) % n_channels`` sat before: moving
        the channels of now up by so many places undoes it. From ``-n_channels / 2`` to
        ``n_channels / 2``; 0: not turned.
    confidence : float
        1 - distance at this rotation / distance at the next best; 0: as good as another, 1: sure.
    improvement : float
        1 - distance at this rotation / distance as it is; 0 when it is not turned.
    """

    channels: int
    confidence: float
    improvement: float

    @property
    def is_proposed(self) -> bool:
        """Whether it is turned, and sure enough to be said."""
        return self.channels != 0 and self.confidence >= CONFIDENT

    def sentence(self, stream: str = 'emg', setting: int | None = None) -> str:
        """Say what was found, and how to undo it; empty when there is nothing to say.

        ``setting`` is what the stream's rotation should be set to; None: ``channels``.
        """
        if not self.is_proposed:
            return ''
        count = abs(self.channels)
        return (
            f'The electrodes sit turned by {count} place{"s" if count > 1 else ""} against the '
            f'sessions before (confidence {self.confidence:.0%}): put the band back, or set '
            f'stream.{stream}.rotation to {self.channels if setting is None else setting}.'
        )


def turned(data: NDArray[Any], channels: int, axis: int) -> NDArray[Any]:
    """Return samples with each channel moved up by ``channels`` places along ``axis``."""
    return np.roll(data, channels, axis)


def class_covariances(summaries: Iterable[SignalSummary]) -> dict[str, Floats]:
    """Return the mean covariance between the channels for each class, volt².

    Shape ``(n_channels, n_channels)`` each, by the name of the class; each repetition counts the
    same.
    """
    found: dict[str, list[Floats]] = {}
    for summary in summaries:
        for (index, _), stretches in summary.cues().items():
            weights = [stretch.n_samples for stretch in stretches]
            covariance = np.average([s.covariance for s in stretches], axis=0, weights=weights)
            found.setdefault(stretches[0].class_name or f'class {index}', []).append(covariance)
    return {name: np.mean(covariances, axis=0) for name, covariances in found.items()}


def channel_pattern(covariance: Floats, floor: float | Floats) -> Floats:
    """Return the logarithm of a covariance, without its overall size.

    Parameters
    ----------
    covariance : ndarray, shape (n_channels, n_channels)
        Volt².
    floor : float or ndarray, shape (n_channels,)
        Power that is taken for noise, volt²; it is added to every channel's.
    """
    values, vectors = np.linalg.eigh(covariance + np.diag(np.broadcast_to(floor, len(covariance))))
    logs = np.log(np.maximum(values, max(float(values[-1]) * SOFTEST, 1e-300)))
    pattern: Floats = (vectors * (logs - logs.mean())) @ vectors.T
    return pattern


def find_rotation(before: Mapping[str, Floats], now: Mapping[str, Floats]) -> Rotation | None:
    """Compare the patterns of classes before and now over all turns of one ring of electrodes.

    Parameters
    ----------
    before, now : mapping of str to ndarray, shape (n_channels, n_channels)
        Covariance of each class, as `class_covariances` gives it.

    Returns
    -------
    Rotation or None
        None when there are fewer than three channels, or two classes in common.

    Raises
    ------
    SignalError
        When the numbers of channels differ.
    """
    common = [name for name in before if name in now]
    if len(common) < MIN_CLASSES:
        return None
    count = len(before[common[0]])
    if len(now[common[0]]) != count:
        raise SignalError(
            f'{len(now[common[0]])} channels are compared with {count} of before; a rotation is '
            f'looked for between electrodes of one kind.'
        )
    if count < 3:
        return None
    old, new = (_patterns([side[name] for name in common]) for side in (before, now))
    distances = np.array(
        [((np.roll(new, (turn, turn), (1, 2)) - old) ** 2).sum() for turn in range(count)]
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

    From three classes on about their mean: what all classes share (an electrode that lies well,
    a lead that is noisy) belongs to the electrode, and does not stay with the muscle.
    """
    floor = float(np.quantile([np.diag(covariance) for covariance in covariances], 0.1))
    patterns = np.array([channel_pattern(c, max(floor, 1e-30)) for c in covariances])
    if len(patterns) > 2:
        patterns -= patterns.mean(axis=0)
    return patterns
