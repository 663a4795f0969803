"""Cutting all windows of a recording, many at once: the windows that are cut live, as views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Samples, samples_in
from myogestic_ros.core.streams.blocks import Block
from myogestic_ros.core.streams.chunk_validator import ChunkValidator, Verdict
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.tick_grid import TickGrid

__all__ = ['BatchCutter', 'WindowBatch']

PIECE_BYTES = 2**19
"""Samples cut at once: what a core's cache holds while features are computed of them."""


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Consecutive windows of one stream.

    Attributes
    ----------
    data : ndarray of float32, shape (n_windows, n_channels, n_samples)
        In volt. A read-only view: what two windows share lies in memory once.
    samples : ndarray of int64, shape (n_windows,)
        Index of the newest sample of each.
    stamps_ns : ndarray of int64, shape (n_windows,)
        When that sample was acquired, ns.
    sampling_rate : float
        Hz.
    """

    data: Samples
    samples: NDArray[np.int64]
    stamps_ns: NDArray[np.int64]
    sampling_rate: float

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, part: slice) -> WindowBatch:
        return WindowBatch(
            self.data[part], self.samples[part], self.stamps_ns[part], self.sampling_rate
        )


class BatchCutter:
    """Cut the windows of one stream, as `WindowCutter` would, piece by piece.

    Parameters
    ----------
    spec : StreamSpec
        The stream and its window.
    predict_hz : float
        Windows per second of signal; more than 0.
    """

    def __init__(self, spec: StreamSpec, predict_hz: float) -> None:
        self.validator = ChunkValidator(spec.channels, spec.sampling_rate)
        self._spec = spec
        self._predict_hz = predict_hz
        self._grid: TickGrid | None = None
        self._format: tuple[int, float] | None = None
        self._filter: StreamFilter | None = None
        self._settled = 0  # index of the first sample that does not show how the filter began
        self._n_samples = 0
        self._tail = np.empty((0, 0), np.float32)  # newest samples, (n_channels, n_samples)

    def push(self, block: Block) -> Iterator[WindowBatch]:
        """Take samples in; yield the windows that are complete with them."""
        while block.n_chunks:
            first = block.chunk(0)
            verdict = self.validator.check(first)
            if verdict is Verdict.REFUSE:
                block = block.after(1)
                continue
            if verdict is Verdict.RESTART:
                self._restart(first)
            self.validator.follow(block.chunk(-1), block.n_chunks - 1, block.n_samples)
            if self._filter is not None:
                block = replace(block, data=self._filter(block.data))
            step = max(self._n_samples, PIECE_BYTES // (4 * first.n_channels))
            for start in range(0, block.n_samples, step):
                batch = self._cut(block, start, min(start + step, block.n_samples))
                if batch is not None:
                    yield batch
            return

    def _restart(self, first: Chunk) -> None:
        """Begin anew, as `WindowCutter` does after lost samples."""
        if self._format != (first.n_channels, first.sampling_rate):
            self._format = None  # and stays so when the stream cannot be filtered
            self._filter = StreamFilter.from_spec(
                self._spec, first.n_channels, first.sampling_rate
            )
            self._format = (first.n_channels, first.sampling_rate)
        self._settled = first.first_sample
        if self._filter is not None:
            self._filter.restart()
            self._settled += self._filter.settle_samples
        self._n_samples = samples_in(self._spec.window_ms, first.sampling_rate)
        self._grid = TickGrid(first.sampling_rate, self._predict_hz)
        self._tail = np.empty((first.n_channels, 0), np.float32)

    def _cut(self, block: Block, start: int, stop: int) -> WindowBatch | None:
        """Cut the windows that end in samples ``start`` to ``stop`` of a block."""
        assert self._grid is not None
        n_samples, old = self._n_samples, self._tail.shape[1]
        buffer = np.empty((self._tail.shape[0], old + stop - start), np.float32)
        buffer[:, :old] = self._tail
        buffer[:, old:] = block.data[start:stop].T
        self._tail = buffer[:, -(n_samples - 1) :] if n_samples > 1 else buffer[:, :0]
        begin = block.first_sample + start - old  # index of the sample in column 0
        due = self._grid.due(block.first_sample + start, block.first_sample + stop)
        ends = np.array([self._grid.end(tick) for tick in due], np.int64)
        ends = ends[ends - n_samples >= max(begin, self._settled)]
        if not len(ends):
            return None
        return WindowBatch(
            _windows(buffer, ends - n_samples - begin, n_samples),
            ends - 1,
            block.times_ns(ends - 1 - block.first_sample),
            block.sampling_rate,
        )


def _windows(buffer: Samples, starts: NDArray[np.int64], n_samples: int) -> Samples:
    """Return the windows that begin at ``starts``, shape (n_windows, n_channels, n_samples)."""
    all_windows = sliding_window_view(buffer, n_samples, axis=1)
    hops = np.unique(np.diff(starts))
    if len(hops) > 1:  # a hop that is no whole number of samples
        return np.ascontiguousarray(all_windows[:, starts].transpose(1, 0, 2))
    hop = int(hops[0]) if len(hops) else 1
    regular = all_windows[:, int(starts[0]) : int(starts[-1]) + 1 : hop]
    windows: Samples = regular.transpose(1, 0, 2)
    return windows
