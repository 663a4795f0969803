"""A beat of exact rate from a thread of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

__all__ = ['RateTimer']

LEAST = 0.8
"""Least share of a period between two beats: one that was late is made up for little by little,
never by hurrying."""


class RateTimer:
    """Call a function at a fixed rate, as long as it returns true; then wait to be woken.

    It sleeps to absolute deadlines on the steady clock, so that no error adds up, and with the
    least of real-time priorities where the system grants it: then others do not make it late.

    Parameters
    ----------
    rate_hz : float
        Beats per second.
    beat : callable
        What to do; returns whether to go on.
    on_end : callable
        Called, from the thread, when it has ended.

    Attributes
    ----------
    missed : int
        Beats that were left out, because the one before came more than a period late.
    """

    def __init__(
        self, rate_hz: float, beat: Callable[[], bool], on_end: Callable[[], None] = lambda: None
    ) -> None:
        self.missed = 0
        self._period_ns = round(1e9 / rate_hz)
        self._beat = beat
        self._on_end = on_end
        self._changed = threading.Condition()
        self._woken = False
        self._beating = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name='commands', daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Begin to beat, at once."""
        with self._changed:
            self._woken = self._beating = True
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until it does not beat; return whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._beating, timeout_s)

    def end(self, timeout_s: float | None = None) -> None:
        """End the thread when it does not beat any more; wait for it so long, if at all."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if timeout_s is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # where that is allowed, on Linux
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            while self._wait():
                self._beats()
        finally:
            with self._changed:
                self._beating = False
                self._changed.notify_all()
            self._on_end()

    def _wait(self) -> bool:
        """Wait to be woken; return whether that happened, rather than the end."""
        with self._changed:
            self._beating = self._woken
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._woken or self._ended)
            woken, self._woken = self._woken, False
            return woken

    def _beats(self) -> None:
        due_ns = now_ns = time.monotonic_ns()
        least_ns = round(LEAST * self._period_ns)
        while self._beat():
            due_ns += self._period_ns
            left_ns = max(due_ns, now_ns + least_ns) - time.monotonic_ns()
            if left_ns > 0:
                time.sleep(left_ns * 1e-9)
            now_ns = time.monotonic_ns()
            missed = max(0, (now_ns - due_ns) // self._period_ns)
            self.missed += missed
            due_ns += missed * self._period_ns
