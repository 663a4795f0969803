"""Signals that fake devices send: a known pattern, a simulated arm, or a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label, Samples
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.replay import Replay
from myogestic_ros.sources.synthetic import Synthetic

__all__ = [
    'PATTERN_VALUES',
    'Pattern',
    'Recording',
    'Signal',
    'SimulatedArm',
    'make_signal',
    'pattern',
]

PATTERN_VALUES = 2001
"""Number of different values of the pattern, -1000 to 1000."""
SAMPLE_STEP, CHANNEL_STEP = 7, 11
NEVER_S = 1e12


class Signal(Protocol):
    """Samples without end."""

    def take(self, n_samples: int, first_sample: int) -> Samples:
        """Return the next samples in volt, shape (n_samples, n_channels).

        ``first_sample`` is the device's index of the first one: it skips samples while nobody is
        connected.
        """

    def set_label(self, label: Label) -> None:
        """Contract as the label asks; only a simulated arm does."""


def pattern(sample: NDArray[np.int64], channel: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the value of the pattern at samples and channels, -1000 to 1000.

    7 and 2001 have no common divisor: the value of one channel tells the sample, modulo 2001.
    """
    value = (SAMPLE_STEP * sample + CHANNEL_STEP * channel) % PATTERN_VALUES
    return np.asarray(value - PATTERN_VALUES // 2)


class Pattern:
    """The pattern, in steps of a converter.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    volt_per_count : float
        Step of the converter, V.
    """

    def __init__(self, n_channels: int, volt_per_count: float) -> None:
        self._channels = np.arange(n_channels)[np.newaxis]
        self._volt_per_count = volt_per_count

    def take(self, n_samples: int, first_sample: int) -> Samples:
        """Return the samples from an index on, in volt."""
        samples = first_sample + np.arange(n_samples)[:, np.newaxis]
        counts = pattern(samples, self._channels)
        return np.multiply(counts, self._volt_per_count, dtype=np.float32)

    def set_label(self, label: Label) -> None:
        """Do nothing."""


class _Always:
    """Clock at the end of time: everything is due."""

    def __init__(self) -> None:
        self._called = False

    def __call__(self) -> float:
        now_s, self._called = NEVER_S if self._called else 0.0, True
        return now_s


class SimulatedArm:
    """The simulated electrode array of the source ``synthetic``.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    sampling_rate : float
        Sampling rate, Hz.
    """

    def __init__(self, n_channels: int, sampling_rate: float) -> None:
        chunk = max(1, round(sampling_rate / 100))
        values = {'channels': n_channels, 'sampling_rate': sampling_rate, 'chunk': chunk}
        self._source = Synthetic(values, Pacer(_Always(), lambda _: None))
        self._source.open()
        self._rest: Samples = np.empty((0, n_channels), np.float32)

    def take(self, n_samples: int, first_sample: int) -> Samples:
        """Return the next samples in volt."""
        parts, count = [self._rest], len(self._rest)
        while count < n_samples:
            chunk = self._source.read(0.0)
            assert chunk is not None
            parts.append(chunk.data)
            count += len(chunk.data)
        data = np.concatenate(parts)
        self._rest = data[n_samples:]
        return data[:n_samples]

    def set_label(self, label: Label) -> None:
        """Contract as the label asks."""
        self._source.set_label(label)


class Recording:
    """A session or recording file, over and over.

    Parameters
    ----------
    path : Path
        The recording.
    n_channels : int
        Number of channels to send: the recording's first ones, or they are repeated.

    Raises
    ------
    SourceError
        If it cannot be read.
    """

    def __init__(self, path: Path, n_channels: int) -> None:
        self._source = Replay({'path': str(path), 'rate': 0.0})
        self._source.open()
        self._columns = np.arange(n_channels)
        self._rest: Samples = np.empty((0, n_channels), np.float32)

    def take(self, n_samples: int, first_sample: int) -> Samples:
        """Return the next samples in volt."""
        parts, count = [self._rest], len(self._rest)
        while count < n_samples:
            try:
                item = self._source.read(0.0)
            except EndOfRecording:
                self._source.open()
                continue
            if isinstance(item, Chunk):
                parts.append(item.data[:, self._columns % item.n_channels])
                count += item.n_samples
        data = np.concatenate(parts)
        self._rest = data[n_samples:]
        return data[:n_samples]

    def set_label(self, label: Label) -> None:
        """Do nothing."""


def make_signal(name: str, n_channels: int, sampling_rate: float, volt_per_count: float) -> Signal:
    """Return a signal by name.

    Parameters
    ----------
    name : str
        ``'arm'``, ``'pattern'``, or the path of a recording.
    n_channels : int
        Number of channels.
    sampling_rate : float
        Sampling rate, Hz.
    volt_per_count : float
        Step of the device's converter, V.

    Raises
    ------
    SourceError
        If it is neither.
    """
    if name == 'arm':
        return SimulatedArm(n_channels, sampling_rate)
    if name == 'pattern':
        return Pattern(n_channels, volt_per_count)
    path = Path(name).expanduser()
    if not path.exists():
        raise SourceError(f"signal: got '{name}', expected arm, pattern, or a recording's path.")
    return Recording(path, n_channels)
