"""Envelope of a signal of any length in a fixed number of bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Samples

__all__ = ['Envelope']


class Envelope:
    """Minimum, maximum and RMS of each channel over time.

    Bins are initially 50 ms wide. When the signal is longer than all bins, adjacent bins are
    merged.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    start_ns : int
        Time of the first sample, ns.
    n_bins : int
        Maximum number of bins; even.

    Attributes
    ----------
    width_s : float
        Width of a bin, s.
    """

    def __init__(self, n_channels: int, start_ns: int, n_bins: int = 2048) -> None:
        self.width_s = 0.05
        self._start_ns = start_ns
        self._low = np.full((n_bins, n_channels), np.inf, np.float32)
        self._high = np.full((n_bins, n_channels), -np.inf, np.float32)
        self._sums = np.zeros((n_bins, n_channels))
        self._squares = np.zeros((n_bins, n_channels))
        self._counts = np.zeros(n_bins, np.int64)

    def add(self, chunk: Chunk) -> None:
        """Add the samples of a chunk; non-finite samples count as 0."""
        at_s = (chunk.stamp_ns - self._start_ns) * 1e-9
        length_s = chunk.n_samples / chunk.sampling_rate
        if not 0 <= at_s < 1e9 or not chunk.n_samples:
            return
        while at_s + length_s > self.width_s * (len(self._counts) - 1):
            self._merge_bins()
        data = np.nan_to_num(chunk.data, nan=0.0, posinf=0.0, neginf=0.0)
        parts = max(1, round(length_s / self.width_s))
        step = -(-len(data) // parts)
        for start in range(0, len(data), step):
            index = int((at_s + start / chunk.sampling_rate) / self.width_s + 1e-6)
            self._add_to_bin(index, data[start : start + step])

    def _add_to_bin(self, index: int, data: Samples) -> None:
        self._low[index] = np.minimum(self._low[index], data.min(axis=0))
        self._high[index] = np.maximum(self._high[index], data.max(axis=0))
        self._sums[index] += data.sum(axis=0, dtype=np.float64)
        self._squares[index] += np.square(data, dtype=np.float64).sum(axis=0)
        self._counts[index] += len(data)

    def _merge_bins(self) -> None:
        half = len(self._counts) // 2
        self.width_s *= 2
        for values, merge, empty in (
            (self._low, np.minimum, np.inf),
            (self._high, np.maximum, -np.inf),
            (self._sums, np.add, 0),
            (self._squares, np.add, 0),
            (self._counts, np.add, 0),
        ):
            values[:half] = merge(values[0::2], values[1::2])
            values[half:] = empty

    @property
    def _n_used(self) -> int:
        filled = np.flatnonzero(self._counts)
        return int(filled[-1]) + 1 if len(filled) else 0

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Midpoint of each bin relative to the first sample, s, shape (n_bins,)."""
        return np.asarray((np.arange(self._n_used) + 0.5) * self.width_s, np.float64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of samples in each bin, shape (n_bins,)."""
        return self._counts[: self._n_used]

    @property
    def low(self) -> NDArray[np.float32]:
        """Minimum of each bin, V, shape (n_bins, n_channels); NaN for empty bins."""
        return self._or_nan(self._low)

    @property
    def high(self) -> NDArray[np.float32]:
        """Maximum of each bin, V, shape (n_bins, n_channels); NaN for empty bins."""
        return self._or_nan(self._high)

    @property
    def rms(self) -> NDArray[np.float64]:
        """RMS of each bin without its mean, V, shape (n_bins, n_channels); NaN if empty."""
        counts = self.counts[:, np.newaxis]
        with np.errstate(invalid='ignore', divide='ignore'):
            mean = self._sums[: self._n_used] / counts
            values = np.sqrt(np.maximum(self._squares[: self._n_used] / counts - mean**2, 0))
        values[self.counts == 0] = np.nan
        return np.asarray(values, np.float64)

    def _or_nan(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(self.counts[:, np.newaxis] > 0, values[: self._n_used], np.float32('nan'))
