"""Giving the cues of a plan, each at its time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from myogestic_ros.protocols.schedule import Schedule

__all__ = ['ProtocolRunner', 'RunnerCallbacks']

PROGRESS_HZ = 10.0
LOOK_AGAIN_S = 0.005
"""How often a clock is looked at that does not run as fast as time does."""


class RunnerCallbacks:
    """What a conductor tells; every method is called from its thread."""

    def begin(self, number: int) -> None:
        """A step begins now: ``plan.steps[number]``."""

    def progress(self, number: int, at_s: float) -> None:
        """It is ``at_s`` seconds from the beginning, in step ``number``."""

    def target(self, at_s: float) -> None:
        """It is time for the next target."""

    def done(self) -> None:
        """The plan has come to its end."""

    def failed(self, error: Exception) -> None:
        """One of the others has raised; the plan goes on no further."""


class ProtocolRunner:
    """Walk through a plan in a thread of its own.

    Every step has its time from the one beginning, so a step that is late delays no other.

    Parameters
    ----------
    plan : Schedule
        What is to come.
    stage : RunnerCallbacks
        Who gives it.
    target_hz : float
        Targets per second, Hz; plans without degrees of freedom have none.
    clock : callable, optional
        Returns the time in ns; None: the steady clock, which is waited for and not looked at.

    Attributes
    ----------
    number : int
        The step that began last; -1 before the first.
    late_s : float
        By how much the latest step began too late, s.
    """

    def __init__(
        self,
        plan: Schedule,
        stage: RunnerCallbacks,
        *,
        target_hz: float = 50.0,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.number = -1
        self.late_s = 0.0
        self._plan = plan
        self._stage = stage
        self._target_s = 1.0 / target_hz if plan.dofs else math.inf
        self._clock = clock
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name='cues', daemon=True)

    def start(self) -> None:
        """Begin now."""
        self._start_ns = self._now_ns()
        self._thread.start()

    def stop(self) -> None:
        """Tell no more; when this returns, nothing is being told."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def at_s(self) -> float:
        """Seconds since the beginning."""
        return (self._now_ns() - self._start_ns) * 1e-9

    def _now_ns(self) -> int:
        return time.monotonic_ns() if self._clock is None else self._clock()

    def _run(self) -> None:
        try:
            for number, step in enumerate(self._plan.steps):
                if not self._wait_until(step.start_s):
                    return
                self.number = number
                self.late_s = max(self.late_s, self.at_s - step.start_s)
                self._stage.begin(number)
                if not self._dwell(number):
                    return
            if self._wait_until(self._plan.duration_s):
                self._stage.done()
        except Exception as error:
            self._stage.failed(error)

    def _dwell(self, number: int) -> bool:
        """Tell targets and progress until the step is over; False when stopped."""
        step = self._plan.steps[number]
        while True:
            at_s = self.at_s
            target_s = _next(at_s, self._target_s, 0.0)
            progress_s = _next(at_s, 1.0 / PROGRESS_HZ, step.start_s)
            due_s = min(target_s, progress_s)
            if due_s >= step.end_s:
                return True
            if not self._wait_until(due_s):
                return False
            if target_s <= progress_s:
                self._stage.target(self.at_s)
            if progress_s <= target_s:
                self._stage.progress(number, self.at_s)

    def _wait_until(self, due_s: float) -> bool:
        """Wait for a time from the beginning; False when stopped."""
        with self._wake:
            while not self._stopped:
                left_s = due_s - self.at_s
                if left_s <= 0:
                    return True
                self._wake.wait(left_s if self._clock is None else min(left_s, LOOK_AGAIN_S))
        return False


def _next(at_s: float, every_s: float, from_s: float) -> float:
    """Return the first time after ``at_s`` on a grid; one that was missed is not made up for."""
    if math.isinf(every_s):
        return math.inf
    passed = math.floor((at_s - from_s) / every_s + 1e-6)  # the one that is told now counts
    return from_s + (passed + 1) * every_s
