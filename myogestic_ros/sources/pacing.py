"""Waiting for absolute deadlines, so that no delay adds to the next."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ['Pacer']


class Pacer:
    """Time since `start`, and waiting for moments of it.

    Parameters
    ----------
    clock : callable
        Returns a steady time, s.
    sleep : callable
        Sleeps for so many s.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._start_s = 0.0

    def start(self) -> None:
        """Set the time to zero."""
        self._start_s = self._clock()

    @property
    def now_s(self) -> float:
        """Time since `start`, s."""
        return self._clock() - self._start_s

    def wait_until(self, moment_s: float, timeout_s: float) -> bool:
        """Wait for a moment, at most ``timeout_s``; return whether it has come."""
        left_s = moment_s - self.now_s
        if left_s > 0:
            self._sleep(max(0.0, min(left_s, timeout_s)))
        return left_s <= timeout_s
