"""The thread that computes and sends commands."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from myogestic_ros.control.commander import Command, Commander, CommanderState
from myogestic_ros.control.intent import Intent
from myogestic_ros.nodes.bridge.rate_timer import RateTimer

__all__ = ['CommandLoop']

MAX_SAMPLES = 1000
"""Number of latencies and intervals kept for /diagnostics."""


class CommandLoop:
    """Send the commands of a commander at a fixed rate from a dedicated thread.

    The commander and the sending of commands are guarded by one lock. Thread-safe.

    Parameters
    ----------
    commander : Commander
        Computes the commands; use it only with `locked`.
    publish : callable
        Publishes a command.
    rate_hz : float
        Commands per second.
    on_change : callable
        Called from the thread when the commander's state has changed.
    on_failure : callable
        Called from any thread with an unexpected exception, after the emergency stop.
    on_end : callable
        Called from the thread when it has ended.

    Attributes
    ----------
    timer : RateTimer
        Calls the loop; idle while disarmed.
    sent : int
        Number of commands sent.
    followed : int
        Number of predictions followed.
    """

    def __init__(
        self,
        commander: Commander,
        publish: Callable[[Command], None],
        rate_hz: float,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[Exception], None],
        on_end: Callable[[], None],
    ) -> None:
        self.sent = 0
        self.followed = 0
        self._commander = commander
        self._publish = publish
        self._on_change = on_change
        self._on_failure = on_failure
        self._lock = threading.Lock()  # held while a command is computed and sent
        self._prediction_s: float | None = None  # arrival of a prediction not yet commanded
        self._latencies_s: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._intervals_s: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._sent_s: float | None = None
        self.timer = RateTimer(rate_hz, self._tick, on_end)

    @property
    def state(self) -> CommanderState:
        """State of the commander after its last step."""
        return self._commander.state

    @contextmanager
    def locked(self) -> Iterator[Commander]:
        """Hold the lock and return the commander; no command is sent meanwhile."""
        with self._lock:
            yield self._commander

    # -- requests -----------------------------------------------------------------------------

    def arm(self) -> None:
        """Arm the commander and begin to send commands; see `Commander.arm`."""
        with self._lock:
            self._commander.arm(time.monotonic())
        self.timer.wake()

    def disarm(self) -> None:
        """Send a last command to hold the position, then send no commands."""
        with self._lock:
            was_armed = self._commander.arming.armed
            self._commander.arming.disarm()
            if was_armed:
                self._send(self._commander.hold())
            self._commander.step(time.monotonic())

    def stop(self) -> None:
        """Latch the emergency stop and hold the position at once."""
        with self._lock:
            self._commander.arming.stop()
            command = self._commander.step(time.monotonic())
            if command is not None:
                self._send(command)

    def reset(self) -> None:
        """End the emergency stop and disarm; see `Arming.reset`."""
        with self._lock:
            self._commander.arming.reset()
            self._commander.step(time.monotonic())

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no commands are sent; after ``timeout_s``, disarm and return False."""
        if self.timer.wait_until_idle(timeout_s):
            return True
        self.disarm()
        return False

    def on_prediction(self, intent: Intent, age_s: float) -> None:
        """Process a prediction; see `Commander.on_prediction`."""
        now_s = time.monotonic()
        with self._lock:
            if self._commander.on_prediction(intent, age_s, now_s):
                self.followed += 1
                self._prediction_s = self._prediction_s or now_s

    # -- the thread ---------------------------------------------------------------------------

    def _tick(self) -> bool:
        before = self._commander.state
        with self._lock:
            sent = self._step()
            after = self._commander.state
        if _changed(before, after):
            self._on_change()
        return sent

    def _step(self) -> bool:
        try:
            command = self._commander.step(time.monotonic())
        except Exception as error:  # a bug: the hand must hold its position
            return self._fail(error)
        if command is None:
            self._sent_s = None
            return False
        return self._send(command)

    def _fail(self, error: Exception) -> bool:
        self._commander.arming.stop()
        self._on_failure(error)
        return False

    def _send(self, command: Command) -> bool:
        try:
            self._publish(command)
        except Exception as error:
            return self._fail(error)
        self.sent += 1
        now_s = time.monotonic()
        if self._sent_s is not None:
            self._intervals_s.append(now_s - self._sent_s)
        self._sent_s = now_s
        if self._prediction_s is not None:
            self._latencies_s.append(now_s - self._prediction_s)
            self._prediction_s = None
        return True

    # -- diagnostics --------------------------------------------------------------------------

    def statistics(self) -> dict[str, str]:
        """Return counters, rate and latency for /diagnostics."""
        with self._lock:
            latencies_ms = np.array(self._latencies_s) * 1e3
            intervals_ms = np.array(self._intervals_s) * 1e3
            refused = dict(self._commander.refused)
        found = {
            'commands': str(self.sent),
            'missed commands': str(self.timer.missed),
            'predictions followed': str(self.followed),
        }
        if len(intervals_ms):
            found['command rate [Hz]'] = f'{1e3 / intervals_ms.mean():.2f}'
            found['command interval p99 [ms]'] = f'{np.percentile(intervals_ms, 99):.2f}'
        if len(latencies_ms):
            found['prediction to command p50 [ms]'] = f'{np.percentile(latencies_ms, 50):.2f}'
            found['prediction to command p99 [ms]'] = f'{np.percentile(latencies_ms, 99):.2f}'
        for kind, count in sorted(refused.items()):
            found[f'predictions refused, {kind}'] = str(count)
        return found


def _changed(before: CommanderState, after: CommanderState) -> bool:
    kinds = [state.reason.kind if state.reason is not None else '' for state in (before, after)]
    return (before.name, before.posture) != (after.name, after.posture) or kinds[0] != kinds[1]
