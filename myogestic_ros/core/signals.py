"""Data types of signals: chunks of samples, labels, and stream descriptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    'MAX_CLASSES',
    'NO_CLASS',
    'Chunk',
    'Label',
    'Samples',
    'StreamInfo',
    'sample_time_ns',
    'samples_in',
]

Samples = NDArray[np.float32]

NO_CLASS = -1
"""Class index of a label that ends the previous label without starting another."""

MAX_CLASSES = 1000
"""Largest number of classes: a label with a larger class index counts as `NO_CLASS`."""


def samples_in(duration_ms: float, sampling_rate: float) -> int:
    """Return the number of samples in a duration, at least 1.

    Live and in training, durations are converted only here, so that both round alike.

    Parameters
    ----------
    duration_ms : float
        Duration, in ms.
    sampling_rate : float
        Sampling rate, in Hz.
    """
    return max(1, round(duration_ms * sampling_rate / 1000.0))


def sample_time_ns(start_ns: int, n_samples: int, sampling_rate: float) -> int:
    """Return the acquisition time of a sample, rounded to the nearest ns.

    Sample counts are converted to times only here, so that all times round alike.

    Parameters
    ----------
    start_ns : int
        Time of the reference sample, in ns.
    n_samples : int
        Number of samples after the reference; negative: before it.
    sampling_rate : float
        Sampling rate, in Hz.
    """
    return start_ns + round(n_samples * 1e9 / sampling_rate)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of one stream.

    Attributes
    ----------
    first_sample : int
        Running index of the first sample since the stream was opened.
    stamp_ns : int
        Acquisition time of the first sample, in ns.
    sampling_rate : float
        Sampling rate, in Hz.
    data : ndarray of float32, shape (n_samples, n_channels)
        Samples in volt; may be a read-only view.
    stream : str
        Name of an auxiliary stream of a source; empty for its main stream.
    """

    first_sample: int
    stamp_ns: int
    sampling_rate: float
    data: Samples
    stream: str = ''

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.data.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.data.shape[1])

    @property
    def end_sample(self) -> int:
        """Index of the first sample of the next chunk if no sample is lost."""
        return self.first_sample + self.n_samples


@dataclass(frozen=True, slots=True)
class Label:
    """Cue to the participant, in force from its stamp until the next label.

    Attributes
    ----------
    stamp_ns : int
        Start of the cue, in ns.
    index : int
        Class index, or `NO_CLASS`.
    name : str
        Name of the class; empty for no class.
    repetition : int
        Number of this repetition of the class, from 0; -1 if it is not numbered.
    duration_s : float
        Planned duration, in s. Later samples belong to no class, even if no label follows. 0: the
        label is in force until the next one.
    """

    stamp_ns: int
    index: int
    name: str = ''
    repetition: int = -1
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Description of a stream.

    Attributes
    ----------
    name : str
        Name of the stream.
    sampling_rate : float
        Sampling rate, in Hz.
    channel_names : tuple of str
        Names of the channels.
    device : str
        Name of the device.
    serial : str
        Serial number of the device.
    unit : str
        Unit of the samples.
    grid : tuple of int
        Rows and columns of the electrode grid; (0, 0) without a grid.
    grid_places : tuple of int
        Place of each channel on the grid, ``row * n_columns + column``; -1 for a channel that is
        not on it. Empty: channel i is at place i.
    """

    name: str
    sampling_rate: float
    channel_names: tuple[str, ...]
    device: str = ''
    serial: str = ''
    unit: str = 'V'
    grid: tuple[int, int] = (0, 0)
    grid_places: tuple[int, ...] = ()

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.channel_names)
