"""Call a function at a fixed rate in a dedicated thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

__all__ = ['RateTimer']

MIN_PERIOD_FRACTION = 0.8
"""Shortest time between two calls, as a fraction of the period: a delay is made up for gradually."""


class RateTimer:
    """Call a function at a fixed rate until it returns False, then wait until `wake` is called.

    The thread sleeps until absolute deadlines on the steady clock, so that errors do not
    accumulate. It runs with the lowest real-time priority if the system grants one.

    Parameters
    ----------
    rate_hz : float
        Calls per second.
    callback : callable
        Called at the rate; returns True to be called again.
    on_end : callable
        Called from the thread after its last call.

    Attributes
    ----------
    missed : int
        Number of skipped calls: each delay of more than a period skips whole periods.
    """

    def __init__(
        self,
        rate_hz: float,
        callback: Callable[[], bool],
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.missed = 0
        self._period_ns = round(1e9 / rate_hz)
        self._callback = callback
        self._on_end = on_end
        self._changed = threading.Condition()
        self._woken = False
        self._active = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name='commands', daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """True while the thread is alive."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Begin to call the function, at once."""
        with self._changed:
            self._woken = self._active = True
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until the function is no longer called; return False after ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._active, timeout_s)

    def end(self, timeout_s: float | None = None) -> None:
        """End the thread as soon as it is idle.

        Parameters
        ----------
        timeout_s : float, optional
            Longest time to wait for the end, s; None: do not wait.
        """
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if timeout_s is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # not permitted, or not Linux
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            while self._wait_until_woken():
                self._call_at_rate()
        finally:
            with self._changed:
                self._active = False
                self._changed.notify_all()
            if self._on_end is not None:
                self._on_end()

    def _wait_until_woken(self) -> bool:
        """Wait for `wake` or `end`; return True after `wake`."""
        with self._changed:
            self._active = self._woken
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._woken or self._ended)
            woken, self._woken = self._woken, False
            return woken

    def _call_at_rate(self) -> None:
        due_ns = now_ns = time.monotonic_ns()
        min_period_ns = round(MIN_PERIOD_FRACTION * self._period_ns)
        while self._callback():
            due_ns += self._period_ns
            remaining_ns = max(due_ns, now_ns + min_period_ns) - time.monotonic_ns()
            if remaining_ns > 0:
                time.sleep(remaining_ns * 1e-9)
            now_ns = time.monotonic_ns()
            missed = max(0, (now_ns - due_ns) // self._period_ns)
            self.missed += missed
            due_ns += missed * self._period_ns
