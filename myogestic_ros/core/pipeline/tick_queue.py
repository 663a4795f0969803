"""Queue of ticks from the thread that receives samples to the thread that predicts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence

from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_filter import import_dependencies
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import Tick, WindowCutter

__all__ = ['TickQueue']

HOP_PER_CHUNK_NS = 20e6
"""Longest delay of a tick by the previous tick, in ns, if each chunk is a tick."""


class TickQueue:
    """Cut windows from incoming chunks and queue them as ticks; skip ticks that are too late.

    Thread-safe. A tick that the previous tick delays by more than one hop is skipped and counted
    as an overrun.

    Parameters
    ----------
    streams : sequence of StreamSpec
        The streams; the samples of the first, the primary stream, clock the ticks.
    predict_hz : float
        Ticks per second of signal, in Hz; 0 or less: one tick per chunk.

    Attributes
    ----------
    cutter : WindowCutter
        Cuts the windows.
    overruns : int
        Number of ticks that were skipped.
    skip_late : bool
        False keeps late ticks too: for a sender that waits for the predictions.
    """

    def __init__(self, streams: Sequence[StreamSpec], predict_hz: float) -> None:
        import_dependencies(spec.filters for spec in streams)
        self.cutter = WindowCutter(streams, predict_hz)
        self.overruns = 0
        self.skip_late = True
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._ticks: deque[Tick] = deque()
        self._enabled = False
        self._busy = False
        self._busy_until_ns = 0

    @property
    def predict_hz(self) -> float:
        """Ticks per second of signal, in Hz."""
        return self.cutter.predict_hz

    @predict_hz.setter
    def predict_hz(self, value: float) -> None:
        with self._lock:
            self.cutter.predict_hz = value

    def use_filters(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Apply other filters to the named streams from now on."""
        import_dependencies(filters.values())
        with self._lock:
            self.cutter.use_filters(filters)

    def set_enabled(self, enabled: bool) -> None:
        """Clear the queue, and queue further ticks (True) or drop them (False)."""
        with self._lock:
            self._enabled = enabled
            self._busy_until_ns = 0
            self.cutter.clear_pending()
            self._ticks.clear()

    def push(self, stream: str, chunk: Chunk, now_ns: int) -> str:
        """Take in the next chunk of a stream.

        Returns
        -------
        str
            Reason why the chunk was refused; empty if it was accepted, or waits for an earlier one.

        Raises
        ------
        SignalError
            If the filters cannot be applied to the stream.
        """
        with self._lock:
            validator = self.cutter.validator(stream)
            before = validator.refused.total()
            ticks = self.cutter.push(stream, chunk, now_ns)
            if ticks and self._enabled:
                self._skip_late(now_ns)
                self._ticks.extend(ticks)
                self._wake.notify_all()
            return validator.reason if validator.refused.total() > before else ''

    def expire(self, before_ns: int) -> int:
        """Drop ticks that have waited for another stream since before a time; return their number."""
        with self._lock:
            return self.cutter.expire(before_ns)

    def stale_streams(self, before_ns: int) -> tuple[str, ...]:
        """Return the streams without an accepted chunk since a time, in ns."""
        with self._lock:
            arrivals = {name: self.cutter.arrived_ns(name) for name in self.cutter.names}
        return tuple(name for name, at in arrivals.items() if at is None or at < before_ns)

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` until a tick is due; return True if one is."""
        with self._wake:
            return self._wake.wait_for(lambda: bool(self._ticks), timeout_s)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` until no tick is queued or computed; return True if so."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._ticks and not self._busy, timeout_s)

    def take(self) -> Tick | None:
        """Return the oldest tick that is not too late, or None; call `done` after computing it."""
        with self._lock:
            while self._ticks:
                tick = self._ticks.popleft()
                late_ns = self._busy_until_ns - tick.arrived_ns
                if self.skip_late and tick.arrived_ns and late_ns > self._hop_ns():
                    self.overruns += 1
                    continue
                self._busy = True
                return tick
            return None

    def done(self) -> None:
        """Report that the tick taken last has been computed."""
        with self._lock:
            self._busy = False
            self._busy_until_ns = time.monotonic_ns()
            self._wake.notify_all()

    def _hop_ns(self) -> float:
        return 1e9 / self.predict_hz if self.predict_hz > 0 else HOP_PER_CHUNK_NS

    def _skip_late(self, now_ns: int) -> None:
        """Skip ticks that a running tick delays too long, so that a hanging one cannot fill memory."""
        latest_ns = now_ns - self._hop_ns()
        if not self.skip_late:
            return
        while self._busy and self._ticks and 0 < self._ticks[0].arrived_ns < latest_ns:
            self._ticks.popleft()
            self.overruns += 1
