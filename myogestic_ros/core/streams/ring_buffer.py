"""Ring buffer of the newest samples of one stream."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from myogestic_ros.core.signals import Chunk, Samples, sample_time_ns

__all__ = ['RingBuffer']


class RingBuffer:
    """Hold at least the newest ``depth`` samples of a stream, channels-first.

    Samples are appended to an array of four times the depth. When it is full, the newest ``depth``
    samples move to its front. So every window is one slice of the array, and appending a chunk
    does not move the older samples.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    sampling_rate : float
        Sampling rate, in Hz.
    depth : int
        Number of samples that stay available.
    """

    def __init__(self, n_channels: int, sampling_rate: float, depth: int) -> None:
        self.n_channels = n_channels
        self.sampling_rate = sampling_rate
        self.depth = depth
        self._buffer = np.empty((n_channels, 4 * depth), np.float32)
        self._used = 0
        self._first = 0  # index of the sample in column 0
        self._stamps: list[int] = []  # acquisition time of each chunk held, ns
        self._firsts: list[int] = []  # index of the first sample of each chunk held

    @property
    def start(self) -> int:
        """Index of the oldest sample in the buffer."""
        return self._first

    @property
    def end(self) -> int:
        """Index of the next sample if none is lost."""
        return self._first + self._used

    def restart(self, first_sample: int) -> None:
        """Clear the buffer; the next sample has index ``first_sample``."""
        self._first = first_sample
        self._used = 0
        self._stamps.clear()
        self._firsts.clear()

    def append(self, chunk: Chunk) -> None:
        """Append a chunk of at most ``depth`` samples that continues the newest one."""
        n = chunk.n_samples
        if self._used + n > self._buffer.shape[1]:
            self._move_to_front(keep=self.depth)
        self._buffer[:, self._used : self._used + n] = chunk.data.T
        self._used += n
        self._stamps.append(chunk.stamp_ns)
        self._firsts.append(chunk.first_sample)

    def _move_to_front(self, keep: int) -> None:
        keep = min(keep, self._used)
        dropped = self._used - keep
        self._buffer[:, :keep] = self._buffer[:, dropped : self._used]
        self._first += dropped
        self._used = keep
        # Keep the chunk of the oldest sample in the buffer; drop the stamps of older chunks.
        index = max(0, bisect_right(self._firsts, self._first) - 1)
        del self._stamps[:index], self._firsts[:index]

    def holds(self, end: int, n_samples: int) -> bool:
        """Return True if the buffer has the ``n_samples`` samples before index ``end``."""
        return self._first <= end - n_samples and end <= self.end

    def window(self, end: int, n_samples: int) -> Samples:
        """Return a copy of the ``n_samples`` samples before index ``end``.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_samples)
            Samples in volt, C-contiguous; the caller owns the array.
        """
        stop = end - self._first
        window: Samples = self._buffer[:, stop - n_samples : stop].copy()
        return window

    def time_ns(self, sample: int) -> int:
        """Return the acquisition time of a sample by its index, in ns."""
        index = max(0, bisect_right(self._firsts, sample) - 1)
        return sample_time_ns(
            self._stamps[index], sample - self._firsts[index], self.sampling_rate
        )

    def reached(self, instant_ns: int) -> bool:
        """Return True if no later chunk can have a sample acquired at or before ``instant_ns``."""
        if not self._used:
            return False
        return self.time_ns(self.end) > instant_ns

    def end_at(self, instant_ns: int) -> int:
        """Return the index after the newest sample acquired at or before ``instant_ns``."""
        index = bisect_right(self._stamps, instant_ns) - 1
        if index < 0:
            return self._first
        elapsed_s = (instant_ns - self._stamps[index]) * 1e-9
        # A millionth of a sample of tolerance: times are rounded to ns.
        end = self._firsts[index] + int(elapsed_s * self.sampling_rate + 1e-6) + 1
        following = self._firsts[index + 1] if index + 1 < len(self._firsts) else self.end
        return min(end, following)
