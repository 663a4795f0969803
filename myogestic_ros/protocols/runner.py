"""Run a schedule: call a callback at the start of each step."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from myogestic_ros.protocols.schedule import Schedule

__all__ = ['ProtocolRunner', 'RunnerCallbacks']

PROGRESS_HZ = 10.0
"""Rate of the progress callback, Hz."""
CLOCK_POLL_S = 0.005
"""Time between two reads of a clock that may run at another rate than real time, s."""


class RunnerCallbacks:
    """Callbacks of a `ProtocolRunner`; all are called in its thread."""

    def on_step(self, index: int) -> None:
        """Handle the start of step ``schedule.steps[index]``."""

    def on_progress(self, index: int, at_s: float) -> None:
        """Handle the progress in step ``index``, ``at_s`` seconds after the start."""

    def on_target(self, at_s: float) -> None:
        """Publish the target ``at_s`` seconds after the start."""

    def on_finished(self) -> None:
        """Handle the end of the schedule."""

    def on_error(self, error: Exception) -> None:
        """Handle an exception of another callback; the schedule is not continued."""


class ProtocolRunner:
    """Run a schedule in a background thread.

    The times of all steps are relative to the start, so that a late step does not delay the
    following steps.

    Parameters
    ----------
    schedule : Schedule
        Steps to run.
    callbacks : RunnerCallbacks
        Called at each step, progress and target.
    target_hz : float
        Rate of the targets, Hz; a schedule without DoFs has no targets.
    clock : callable, optional
        Returns the time in ns; polled every 5 ms. By default the steady clock, without polling.

    Attributes
    ----------
    step_index : int
        Index of the current step; -1 before the first.
    max_delay_s : float
        Largest delay of the start of a step so far, s.
    """

    def __init__(
        self,
        schedule: Schedule,
        callbacks: RunnerCallbacks,
        *,
        target_hz: float = 50.0,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.step_index = -1
        self.max_delay_s = 0.0
        self._schedule = schedule
        self._callbacks = callbacks
        self._target_period_s = 1.0 / target_hz if schedule.dofs else math.inf
        self._clock = clock
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name='cues', daemon=True)

    def start(self) -> None:
        """Start the schedule now."""
        self._start_ns = self._now_ns()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it; no callback is called afterwards."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def at_s(self) -> float:
        """Time since the start, s."""
        return (self._now_ns() - self._start_ns) * 1e-9

    def _now_ns(self) -> int:
        return time.monotonic_ns() if self._clock is None else self._clock()

    def _run(self) -> None:
        try:
            for index, step in enumerate(self._schedule.steps):
                if not self._wait_until(step.start_s):
                    return
                self.step_index = index
                self.max_delay_s = max(self.max_delay_s, self.at_s - step.start_s)
                self._callbacks.on_step(index)
                if not self._run_step(index):
                    return
            if self._wait_until(self._schedule.duration_s):
                self._callbacks.on_finished()
        except Exception as error:
            self._callbacks.on_error(error)

    def _run_step(self, index: int) -> bool:
        """Call the target and progress callbacks until the step ends; return False if stopped."""
        step = self._schedule.steps[index]
        while True:
            at_s = self.at_s
            target_s = _next_time(at_s, self._target_period_s, 0.0)
            progress_s = _next_time(at_s, 1.0 / PROGRESS_HZ, step.start_s)
            due_s = min(target_s, progress_s)
            if due_s >= step.end_s:
                return True
            if not self._wait_until(due_s):
                return False
            if target_s <= progress_s:
                self._callbacks.on_target(self.at_s)
            if progress_s <= target_s:
                self._callbacks.on_progress(index, self.at_s)

    def _wait_until(self, due_s: float) -> bool:
        """Wait until ``due_s`` seconds after the start; return False when stopped."""
        with self._wake:
            while not self._stopped:
                left_s = due_s - self.at_s
                if left_s <= 0:
                    return True
                self._wake.wait(left_s if self._clock is None else min(left_s, CLOCK_POLL_S))
        return False


def _next_time(at_s: float, period_s: float, offset_s: float) -> float:
    """Return the first time after ``at_s`` on a grid; missed times are skipped."""
    if math.isinf(period_s):
        return math.inf
    passed = math.floor((at_s - offset_s) / period_s + 1e-6)  # tolerance: ``at_s`` itself counts
    return offset_s + (passed + 1) * period_s
