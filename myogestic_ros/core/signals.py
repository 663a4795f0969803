"""What travels through the pipeline: chunks of samples, labels, and what a stream is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['NO_CLASS', 'Chunk', 'Label', 'Samples', 'StreamInfo', 'sample_time_ns', 'samples_in']

Samples = NDArray[np.float32]

NO_CLASS = -1
"""Class index of a label that ends the one before and starts none."""


def samples_in(duration_ms: float, sampling_rate: float) -> int:
    """Return how many samples a duration holds, at least one.

    The one place where milliseconds become samples, live and in training.

    Parameters
    ----------
    duration_ms : float
        Duration in ms.
    sampling_rate : float
        Sampling frequency in Hz.
    """
    return max(1, round(duration_ms * sampling_rate / 1000.0))


def sample_time_ns(start_ns: int, n_samples: int, sampling_rate: float) -> int:
    """Return the time of the sample ``n_samples`` after (before, if negative) one at ``start_ns``.

    The one place where a sample count becomes a time; rounded to the nearest ns.
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
        Acquisition time of the first sample, ns.
    sampling_rate : float
        Sampling frequency, Hz.
    data : ndarray of float32, shape (n_samples, n_channels)
        Samples in volt, sample-major; may be a read-only view.
    """

    first_sample: int
    stamp_ns: int
    sampling_rate: float
    data: Samples

    @property
    def n_samples(self) -> int:
        return int(self.data.shape[0])

    @property
    def n_channels(self) -> int:
        return int(self.data.shape[1])

    @property
    def end_sample(self) -> int:
        """Index that the first sample of the next chunk has when none is lost."""
        return self.first_sample + self.n_samples


@dataclass(frozen=True, slots=True)
class Label:
    """What the person was asked to do from ``stamp_ns`` on, until the next label.

    Attributes
    ----------
    stamp_ns : int
        When the cue began, ns.
    index : int
        Class index, or ``NO_CLASS``.
    name : str
        Class name; empty for no class.
    repetition : int
        Number of this repetition of the class, counted from 0; -1 when not numbered.
    duration_s : float
        Planned length, s: what comes later belongs to none, even if no label follows; 0: until
        the next label.
    """

    stamp_ns: int
    index: int
    name: str = ''
    repetition: int = -1
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream is: rate in Hz, channel names, unit, electrode grid (rows, columns)."""

    name: str
    sampling_rate: float
    channel_names: tuple[str, ...]
    device: str = ''
    serial: str = ''
    unit: str = 'V'
    grid: tuple[int, int] = (0, 0)

    @property
    def n_channels(self) -> int:
        return len(self.channel_names)
