"""Cutting windows out of streams: the same code live, in replay and for training."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, Samples, sample_time_ns, samples_in
from myogestic_ros.core.streams.chunk_validator import ChunkValidator, Verdict
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.ring_buffer import RingBuffer
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.tick_grid import TickGrid

__all__ = ['Tick', 'WindowCutter']

MAX_PENDING = 256
"""Ticks that may wait for another stream at once; older ones are given up."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One set of windows, all ending at the same instant.

    Attributes
    ----------
    sample : int
        Index of the newest sample of the primary stream.
    stamp_ns : int
        When that sample was acquired, ns.
    windows : dict of str to ndarray of float32, shape (n_channels, n_samples)
        In volt, C-contiguous; owned by whoever gets the tick.
    arrived_ns : int
        When the tick fell due, on the clock given to `WindowCutter.push`; 0 without one.
    segment : int
        Number of the stretch without lost samples that it is in.
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
    ring: RingBuffer | None = None
    filter: StreamFilter | None = None
    settled: int = 0  # index of the first sample that does not show how the filter began
    n_samples: int = 0
    arrived_ns: int | None = field(default=None)

    def append(self, chunk: Chunk) -> Iterator[int]:
        """Filter, and append piece by piece; yield the index after each piece."""
        ring = self.ring
        assert ring is not None
        if self.filter is not None:
            chunk = replace(chunk, data=self.filter(chunk.data))
        unsettled = max(0, self.settled - chunk.first_sample)
        for start in range(unsettled, chunk.n_samples, ring.depth - self.n_samples):
            stop = min(start + ring.depth - self.n_samples, chunk.n_samples)
            ring.append(_piece(chunk, start, stop))
            yield ring.end

    def prepare(self, chunk: Chunk) -> None:
        ring = self.ring
        if (
            ring is None
            or ring.n_channels != chunk.n_channels
            or ring.sampling_rate != chunk.sampling_rate
        ):
            self.ring = None  # and stays so when the stream cannot be filtered
            self.filter = StreamFilter.from_spec(self.spec, chunk.n_channels, chunk.sampling_rate)
            self.n_samples = samples_in(self.spec.window_ms, chunk.sampling_rate)
            # As much again as the window, at least half a second: another stream may lag.
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

    Not thread-safe; owns no thread and reads no clock.

    Parameters
    ----------
    streams : sequence of StreamSpec
        The first is the primary: its samples clock the ticks.
    predict_hz : float
        Ticks per second of signal; 0 or less: one tick per chunk.
    coalesce : bool
        Whether only the newest tick of a chunk is cut and the others counted (live), or all
        are (training).

    Attributes
    ----------
    coalesced : int
        Ticks not cut because a newer one fell due with the same chunk.
    unsynchronized : int
        Ticks given up because another stream did not reach their instant.
    """

    def __init__(
        self, streams: Sequence[StreamSpec], predict_hz: float, *, coalesce: bool = True
    ) -> None:
        names = [spec.name for spec in streams]
        if not names or len(set(names)) != len(names):
            raise SignalError(f'Streams are {names}; expected at least one, each name once.')
        self._streams = {
            spec.name: _Stream(spec, ChunkValidator(spec.channels, spec.sampling_rate))
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
        """Ticks per second of signal; may change at any time."""
        return self._predict_hz

    @predict_hz.setter
    def predict_hz(self, value: float) -> None:
        self._predict_hz = value
        self._grid = None

    def use_filters(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Filter the streams named there so from now on; their windows begin anew."""
        for name, spec in filters.items():
            entry = self._streams[name]
            entry.spec, entry.ring = replace(entry.spec, filters=spec), None
        self._grid = None
        self.forget()

    def validator(self, stream: str) -> ChunkValidator:
        """Return what was accepted, refused and lost of a stream."""
        return self._streams[stream].validator

    def arrived_ns(self, stream: str) -> int | None:
        """Return when the stream's last accepted chunk came, on the clock given to `push`."""
        return self._streams[stream].arrived_ns

    def push(self, stream: str, chunk: Chunk, now_ns: int = 0) -> list[Tick]:
        """Take a chunk in; return the ticks that are complete with it, oldest first.

        Parameters
        ----------
        stream : str
            Name of the stream.
        chunk : Chunk
            Its next samples.
        now_ns : int
            Time of arrival on a steady clock, ns; 0 when there is none (training, replay).

        Raises
        ------
        SignalError
            When the stream cannot be filtered as its spec says.
        """
        entry = self._streams[stream]
        verdict = entry.validator.check(chunk)
        if verdict is Verdict.REFUSE:
            return []
        if verdict is Verdict.RESTART or entry.ring is None:
            entry.prepare(chunk)
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
            self._give_up()
        return self._complete()

    def expire(self, before_ns: int) -> int:
        """Give up the ticks that fell due before ``before_ns`` and still wait; return how many."""
        expired = 0
        while self._pending and self._pending[0].arrived_ns < before_ns:
            self._give_up()
            expired += 1
        return expired

    def forget(self) -> None:
        """Drop the ticks that still wait for another stream."""
        self._pending.clear()

    def _give_up(self) -> None:
        self._pending.popleft()
        self.unsynchronized += 1

    def _due(self, seen: int, end: int, chunk_end: int, now_ns: int) -> list[Tick]:
        """Cut the primary's window of every tick between ``seen`` and ``end`` samples."""
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
        """Add the other streams' windows to the waiting ticks that all have reached."""
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
                    break  # its window is not full (yet, or after a gap)
                tick.windows[other.spec.name] = ring.window(end, other.n_samples)
            else:
                done.append(tick)
        return done
