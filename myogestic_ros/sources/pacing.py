"""Wait for absolute deadlines, so that delays do not accumulate."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ['Pacer']


class Pacer:
    """Clock that starts at zero and waits for absolute times.

    Parameters
    ----------
    clock : callable
        Returns the time of a steady clock, s.
    sleep : callable
        Sleeps for the given number of seconds.
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

    def wait_until(self, time_s: float, timeout_s: float) -> bool:
        """Wait until `now_s` is ``time_s``, at most ``timeout_s``.

        Returns
        -------
        bool
            True if the time was reached, False after the timeout.
        """
        left_s = time_s - self.now_s
        if left_s > 0:
            self._sleep(max(0.0, min(left_s, timeout_s)))
        return left_s <= timeout_s
