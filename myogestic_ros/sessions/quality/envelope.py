"""The course of a signal of any length in a bounded number of bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Samples

__all__ = ['Envelope']


class Envelope:
    """Lowest and highest value and RMS of each channel over time.

    Bins begin 50 ms wide; when the signal outgrows them, neighbours are joined.

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
        """Take the samples of a chunk; one no longer than a bin falls into one as a whole."""
        at_s = (chunk.stamp_ns - self._start_ns) * 1e-9
        length_s = chunk.n_samples / chunk.sampling_rate
        if not 0 <= at_s < 1e9 or not chunk.n_samples:
            return
        while at_s + length_s > self.width_s * (len(self._counts) - 1):
            self._widen()
        data = np.nan_to_num(chunk.data, nan=0.0, posinf=0.0, neginf=0.0)
        parts = max(1, round(length_s / self.width_s))
        step = -(-len(data) // parts)
        for start in range(0, len(data), step):
            place = int((at_s + start / chunk.sampling_rate) / self.width_s + 1e-6)
            self._take(place, data[start : start + step])

    def _take(self, place: int, data: Samples) -> None:
        self._low[place] = np.minimum(self._low[place], data.min(axis=0))
        self._high[place] = np.maximum(self._high[place], data.max(axis=0))
        self._sums[place] += data.sum(axis=0, dtype=np.float64)
        self._squares[place] += np.square(data, dtype=np.float64).sum(axis=0)
        self._counts[place] += len(data)

    def _widen(self) -> None:
        half = len(self._counts) // 2
        self.width_s *= 2
        for values, join, rest in (
            (self._low, np.minimum, np.inf),
            (self._high, np.maximum, -np.inf),
            (self._sums, np.add, 0),
            (self._squares, np.add, 0),
            (self._counts, np.add, 0),
        ):
            values[:half] = join(values[0::2], values[1::2])
            values[half:] = rest

    @property
    def _used(self) -> int:
        held = np.flatnonzero(self._counts)
        return int(held[-1]) + 1 if len(held) else 0

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The middle of each bin after the first sample, s, shape (n_bins,)."""
        return np.asarray((np.arange(self._used) + 0.5) * self.width_s, np.float64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many samples each bin holds, shape (n_bins,); 0 where there are none."""
        return self._counts[: self._used]

    @property
    def low(self) -> NDArray[np.float32]:
        """Lowest value, V, shape (n_bins, n_channels); NaN where there are no samples."""
        return self._or_nan(self._low)

    @property
    def high(self) -> NDArray[np.float32]:
        """Highest value, V, shape (n_bins, n_channels); NaN where there are no samples."""
        return self._or_nan(self._high)

    @property
    def rms(self) -> NDArray[np.float64]:
        """RMS in each bin without its mean, V, shape (n_bins, n_channels); NaN where empty."""
        counts = self.counts[:, np.newaxis]
        with np.errstate(invalid='ignore', divide='ignore'):
            mean = self._sums[: self._used] / counts
            values = np.sqrt(np.maximum(self._squares[: self._used] / counts - mean**2, 0))
        values[self.counts == 0] = np.nan
        return np.asarray(values, np.float64)

    def _or_nan(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(self.counts[:, np.newaxis] > 0, values[: self._used], np.float32('nan'))
