"""Cutting all windows of a recording, many at once; the windows equal those that are cut live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Samples, samples_in
from myogestic_ros.core.streams.blocks import Block
from myogestic_ros.core.streams.chunk_order import ChunkOrder
from myogestic_ros.core.streams.chunk_validator import ChunkValidator, Verdict
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.tick_grid import TickGrid

__all__ = ['BatchCutter', 'WindowBatch']

PIECE_BYTES = 2**19
"""Size of the samples cut at once; they stay in the CPU cache while features are computed."""


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Consecutive windows of one stream.

    Attributes
    ----------
    data : ndarray of float32, shape (n_windows, n_channels, n_samples)
        Windows in volt. A read-only view: overlapping windows share memory.
    samples : ndarray of int64, shape (n_windows,)
        Index of the newest sample of each window.
    stamps_ns : ndarray of int64, shape (n_windows,)
        Acquisition time of the newest sample of each window, in ns.
    sampling_rate : float
        Sampling rate, in Hz.
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
    """Cut all windows of one stream; the windows equal those of `WindowCutter`.

    Parameters
    ----------
    spec : StreamSpec
        The stream, its window and its filters.
    predict_hz : float
        Windows per second of signal, in Hz; more than 0.

    Attributes
    ----------
    validator : ChunkValidator
        Counts accepted, refused and lost samples.
    """

    def __init__(self, spec: StreamSpec, predict_hz: float) -> None:
        self.validator = ChunkValidator(spec.channels, spec.sampling_rate)
        self._order: ChunkOrder[Block] = ChunkOrder(spec.window_ms)
        self._spec = spec
        self._predict_hz = predict_hz
        self._grid: TickGrid | None = None
        self._format: tuple[int, float] | None = None
        self._filter: StreamFilter | None = None
        self._settled = 0  # index of the first sample after the transient of the filter
        self._n_samples = 0
        self._tail: Samples = np.empty((0, 0), np.float32)  # newest, (n_channels, n_samples)

    def push(self, block: Block) -> Iterator[WindowBatch]:
        """Take in the next samples; yield the windows that they complete.

        Raises
        ------
        SignalError
            If the filters cannot be applied to the stream.
        """
        if block.data.ndim != 2:
            self.validator.check(block.chunk(0))
            return
        while block.n_chunks:
            # Chunk by chunk, as live, until the block continues the stream.
            whole = self._order.continues(block.first_sample, int(block.stamps_ns[0]))
            part = block if whole else Block.from_chunks([block.chunk(0)])
            block = block.after(part.n_chunks)
            stamps_ns = int(part.stamps_ns[0]), int(part.stamps_ns[-1])
            for ordered in self._order.push(part, stamps_ns):
                yield from self._push_in_order(ordered)

    def _push_in_order(self, block: Block) -> Iterator[WindowBatch]:
        while block.n_chunks:
            first = block.chunk(0)
            verdict = self.validator.check(first)
            if verdict is Verdict.REFUSE:
                block = block.after(1)
                continue
            if verdict is Verdict.RESTART:
                self._restart(first)
            self.validator.accept_following(block.chunk(-1), block.n_chunks - 1, block.n_samples)
            if self._filter is not None:
                block = replace(block, data=self._filter(block.data))
            step = max(self._n_samples, PIECE_BYTES // (4 * first.n_channels))
            for start in range(0, block.n_samples, step):
                batch = self._cut(block, start, min(start + step, block.n_samples))
                if batch is not None:
                    yield batch
            return

    def _restart(self, first: Chunk) -> None:
        """Restart windows and filter, as `WindowCutter` does after lost samples."""
        if self._format != (first.n_channels, first.sampling_rate):
            self._format = None  # stays None if the filters cannot be applied
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
        n_samples, n_tail = self._n_samples, self._tail.shape[1]
        buffer = np.empty((self._tail.shape[0], n_tail + stop - start), np.float32)
        buffer[:, :n_tail] = self._tail
        buffer[:, n_tail:] = block.data[start:stop].T
        self._tail = buffer[:, -(n_samples - 1) :] if n_samples > 1 else buffer[:, :0]
        begin = block.first_sample + start - n_tail  # index of the sample in column 0
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
    """Return the windows that start at ``starts``, of shape (n_windows, n_channels, n_samples)."""
    all_windows = sliding_window_view(buffer, n_samples, axis=1)
    hops = np.unique(np.diff(starts))
    if len(hops) > 1:  # the hop is not a whole number of samples
        return np.ascontiguousarray(all_windows[:, starts].transpose(1, 0, 2))
    hop = int(hops[0]) if len(hops) else 1
    regular = all_windows[:, int(starts[0]) : int(starts[-1]) + 1 : hop]
    windows: Samples = regular.transpose(1, 0, 2)
    return windows
