"""Cutting windows from streams; the same code runs live, in replay and in training."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, Samples, sample_time_ns, samples_in
from myogestic_ros.core.streams.chunk_order import ChunkOrder
from myogestic_ros.core.streams.chunk_validator import ChunkValidator, Verdict
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.ring_buffer import RingBuffer
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.tick_grid import TickGrid

__all__ = ['Tick', 'WindowCutter']

MAX_PENDING = 256
"""Maximum number of ticks that wait for another stream; older ticks are dropped."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One set of windows of all streams that end at the same instant.

    Attributes
    ----------
    sample : int
        Index of the newest sample of the primary stream.
    stamp_ns : int
        Acquisition time of that sample, in ns.
    windows : dict of str to ndarray of float32, shape (n_channels, n_samples)
        Window of each stream, in volt, C-contiguous; owned by the receiver of the tick.
    arrived_ns : int
        Time at which the tick became due, in ns, on the clock given to `WindowCutter.push`; 0
        without a clock.
    segment : int
        Number of the segment, the part of the signal without lost samples, of the tick.
    """

    sample: int
    stamp_ns: int
    windows: dict[str, Samples]
    arrived_ns: int = 0
    segment: int = 0


@dataclass(slots=True)
class _Stream:
    spec: StreamSpec
    validator: ChunkValidator
    order: ChunkOrder[Chunk]
    ring: RingBuffer | None = None
    filter: StreamFilter | None = None
    settled: int = 0  # index of the first sample after the transient of the filter
    n_samples: int = 0
    arrived_ns: int | None = None

    def append(self, chunk: Chunk) -> Iterator[int]:
        """Filter a chunk and append it in pieces that fit; yield the index after each piece."""
        ring = self.ring
        assert ring is not None
        if self.filter is not None:
            chunk = replace(chunk, data=self.filter(chunk.data))
        unsettled = max(0, self.settled - chunk.first_sample)
        for start in range(unsettled, chunk.n_samples, ring.depth - self.n_samples):
            stop = min(start + ring.depth - self.n_samples, chunk.n_samples)
            ring.append(_piece(chunk, start, stop))
            yield ring.end

    def restart(self, chunk: Chunk) -> None:
        """Restart filter and ring buffer at a chunk; renew them if its format is another one."""
        ring = self.ring
        if (
            ring is None
            or ring.n_channels != chunk.n_channels
            or ring.sampling_rate != chunk.sampling_rate
        ):
            self.ring = None  # stays None if the filters cannot be applied
            self.filter = StreamFilter.from_spec(self.spec, chunk.n_channels, chunk.sampling_rate)
            self.n_samples = samples_in(self.spec.window_ms, chunk.sampling_rate)
            # Twice the window, with at least 0.5 s in addition: another stream may lag.
            slack = max(self.n_samples, samples_in(500.0, chunk.sampling_rate))
            self.ring = RingBuffer(chunk.n_channels, chunk.sampling_rate, self.n_samples + slack)
        assert self.ring is not None
        self.settled = chunk.first_sample
        if self.filter is not None:
            self.filter.restart()
            self.settled += self.filter.settle_samples
        self.ring.restart(self.settled)


def _piece(chunk: Chunk, start: int, stop: int) -> Chunk:
    if start == 0 and stop == chunk.n_samples:
        return chunk
    return replace(
        chunk,
        first_sample=chunk.first_sample + start,
        stamp_ns=sample_time_ns(chunk.stamp_ns, start, chunk.sampling_rate),
        data=chunk.data[start:stop],
    )


class WindowCutter:
    """Cut windows at the ticks of the primary stream.

    Not thread-safe. It starts no threads and reads no clock.

    Parameters
    ----------
    streams : sequence of StreamSpec
        The streams; the samples of the first, the primary stream, clock the ticks.
    predict_hz : float
        Ticks per second of signal, in Hz; 0 or less: one tick per chunk.
    coalesce : bool
        If true, only the newest tick of a chunk is cut and the others are counted (live). If
        false, all ticks are cut (training).

    Attributes
    ----------
    coalesced : int
        Number of ticks that were not cut because a newer one was due with the same chunk.
    unsynchronized : int
        Number of ticks that were dropped because another stream did not reach their instant.

    Raises
    ------
    SignalError
        If there are no streams, or two of the same name.
    """

    def __init__(
        self, streams: Sequence[StreamSpec], predict_hz: float, *, coalesce: bool = True
    ) -> None:
        names = [spec.name for spec in streams]
        if not names or len(set(names)) != len(names):
            raise SignalError(f'The streams are {names}; expected at least one, each name once.')
        self._streams = {
            spec.name: _Stream(
                spec,
                ChunkValidator(spec.channels, spec.sampling_rate),
                ChunkOrder(spec.window_ms),
            )
            for spec in streams
        }
        self._primary = self._streams[names[0]]
        self._coalesce = coalesce
        self._predict_hz = predict_hz
        self._grid: TickGrid | None = None
        self._pending: deque[Tick] = deque()
        self._segment = 0
        self.coalesced = 0
        self.unsynchronized = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the streams, the primary first."""
        return tuple(self._streams)

    @property
    def predict_hz(self) -> float:
        """Ticks per second of signal, in Hz; may be changed at any time."""
        return self._predict_hz

    @predict_hz.setter
    def predict_hz(self, value: float) -> None:
        self._predict_hz = value
        self._grid = None

    def use_filters(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Apply other filters to the named streams from now on; their windows restart."""
        for name, spec in filters.items():
            entry = self._streams[name]
            entry.spec, entry.ring = replace(entry.spec, filters=spec), None
        self._grid = None
        self.clear_pending()

    def validator(self, stream: str) -> ChunkValidator:
        """Return the validator of a stream, which counts accepted, refused and lost samples."""
        return self._streams[stream].validator

    def reordered(self, stream: str) -> int:
        """Return the number of chunks of a stream that came out of order and were put in order."""
        return self._streams[stream].order.reordered

    def arrived_ns(self, stream: str) -> int | None:
        """Return the arrival time of the last accepted chunk of a stream, in ns; None before it."""
        return self._streams[stream].arrived_ns

    def push(self, stream: str, chunk: Chunk, now_ns: int = 0) -> list[Tick]:
        """Take in the next chunk of a stream; return the ticks that it completes, oldest first.

        A chunk that comes too early is held until the earlier ones arrive; see `ChunkOrder`.

        Parameters
        ----------
        stream : str
            Name of the stream.
        chunk : Chunk
            The next samples of the stream.
        now_ns : int
            Time of arrival on a steady clock, in ns; 0 without a clock (training, replay).

        Raises
        ------
        SignalError
            If the filters cannot be applied to the stream.
        """
        entry = self._streams[stream]
        # What is not a matrix has no samples to count; the validator refuses it.
        if chunk.data.ndim != 2:
            entry.validator.check(chunk)
            return []
        ticks: list[Tick] = []
        for ordered in entry.order.push(chunk, (chunk.stamp_ns, chunk.stamp_ns)):
            ticks += self._push_in_order(entry, ordered, now_ns)
        return ticks

    def _push_in_order(self, entry: _Stream, chunk: Chunk, now_ns: int) -> list[Tick]:
        verdict = entry.validator.check(chunk)
        if verdict is Verdict.REFUSE:
            return []
        if verdict is Verdict.RESTART or entry.ring is None:
            entry.restart(chunk)
            self._segment += 1
            if entry is self._primary:
                self._grid = None
        entry.arrived_ns = now_ns
        seen = chunk.first_sample
        cut: list[Tick] = []
        for end in entry.append(chunk):
            if entry is self._primary:
                cut += self._due(seen, end, chunk.end_sample, now_ns)
                seen = end
        if len(self._streams) == 1:
            return cut
        self._pending.extend(cut)
        while len(self._pending) > MAX_PENDING:
            self._drop_oldest()
        return self._complete()

    def expire(self, before_ns: int) -> int:
        """Drop the waiting ticks that became due before a time, in ns; return their number."""
        expired = 0
        while self._pending and self._pending[0].arrived_ns < before_ns:
            self._drop_oldest()
            expired += 1
        return expired

    def clear_pending(self) -> None:
        """Drop the ticks that wait for another stream, without counting them."""
        self._pending.clear()

    def _drop_oldest(self) -> None:
        self._pending.popleft()
        self.unsynchronized += 1

    def _due(self, seen: int, end: int, chunk_end: int, now_ns: int) -> list[Tick]:
        """Cut the primary window of each tick that is due between ``seen`` and ``end`` samples."""
        primary, ring = self._primary, self._primary.ring
        assert ring is not None
        if self._predict_hz <= 0:
            ends = [chunk_end] if end == chunk_end else []
        else:
            if self._grid is None:
                self._grid = TickGrid(ring.sampling_rate, self._predict_hz)
            ticks = self._grid.due(seen, end)
            if self._coalesce and ticks:
                newest = self._grid.count(chunk_end)
                self.coalesced += len(ticks) - (ticks[-1] == newest)
                ticks = ticks[-1:] if ticks[-1] == newest else ticks[:0]
            ends = [self._grid.end(tick) for tick in ticks]
        return [
            Tick(
                tick_end - 1,
                ring.time_ns(tick_end - 1),
                {primary.spec.name: ring.window(tick_end, primary.n_samples)},
                now_ns,
                self._segment,
            )
            for tick_end in ends
            if ring.holds(tick_end, primary.n_samples)
        ]

    def _complete(self) -> list[Tick]:
        """Add the windows of the other streams to the waiting ticks that all streams have reached."""
        others = [entry for entry in self._streams.values() if entry is not self._primary]
        done: list[Tick] = []
        while self._pending:
            tick = self._pending[0]
            if not all(o.ring is not None and o.ring.reached(tick.stamp_ns) for o in others):
                break
            self._pending.popleft()
            for other in others:
                ring = other.ring
                assert ring is not None
                end = ring.end_at(tick.stamp_ns)
                if not ring.holds(end, other.n_samples):
                    break  # the window is not full (yet, or after lost samples)
                tick.windows[other.spec.name] = ring.window(end, other.n_samples)
            else:
                done.append(tick)
        return done
