"""The thread that sends commands, and what may be asked of it meanwhile."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from myogestic_ros.control.commander import Command, Commander, Situation
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.reason import Reason
from myogestic_ros.control.watchdog import WatchdogSettings
from myogestic_ros.nodes.bridge.rate_timer import RateTimer

__all__ = ['CommandLoop']

KEPT = 1000
"""Latencies and intervals that are kept for /diagnostics."""


class CommandLoop:
    """Send what a commander decides on, at a fixed rate, from a thread of its own.

    Parameters
    ----------
    commander : Commander
        Who decides; only the drive calls it.
    write : callable
        Sends a command.
    rate_hz : float
        Commands per second.
    on_change : callable
        Called, from any thread, when the situation has changed.
    on_failure : callable
        Called, from the thread, with an exception that should not have been.
    on_end : callable
        Called, from the thread, when it has ended.

    Attributes
    ----------
    sent : int
        Commands sent.
    followed : int
        Predictions that could be followed.
    """

    def __init__(
        self,
        commander: Commander,
        write: Callable[[Command], None],
        rate_hz: float,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[Exception], None],
        on_end: Callable[[], None],
    ) -> None:
        self.sent = 0
        self.followed = 0
        self._commander = commander
        self._write = write
        self._on_change = on_change
        self._on_failure = on_failure
        self._lock = threading.Lock()  # held while a command is decided on and sent
        self._heard_s: float | None = None
        self._latencies_s: deque[float] = deque(maxlen=KEPT)
        self._intervals_s: deque[float] = deque(maxlen=KEPT)
        self._sent_s: float | None = None
        self._metronome = RateTimer(rate_hz, self._beat, on_end)

    # -- what is asked ------------------------------------------------------------------------

    @property
    def situation(self) -> Situation:
        """What the hand is doing, and why."""
        return self._commander.situation

    @property
    def refused(self) -> dict[str, int]:
        """Predictions that were not followed, by kind of reason."""
        return dict(self._commander.refused)

    @property
    def missed(self) -> int:
        """Commands that were left out, because the one before came a period late."""
        return self._metronome.missed

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._metronome.running

    def arm(self) -> None:
        """Send from now on; raises StateError when that is refused."""
        with self._lock:
            self._commander.arm(time.monotonic())
        self._metronome.wake()

    def disarm(self) -> None:
        """Send nothing more, after a last command to stay."""
        with self._lock:
            was_armed = self._commander.arming.armed
            self._commander.arming.disarm()
            if was_armed:
                self._send(self._commander.still())
            self._commander.step(time.monotonic())

    def stop(self) -> None:
        """Keep the hand still, at once, until the stop is reset."""
        with self._lock:
            self._commander.arming.stop()
            command = self._commander.step(time.monotonic())
            if command is not None:
                self._send(command)

    def reset(self) -> None:
        """End the stop, and send nothing more; raises StateError when there is none."""
        with self._lock:
            self._commander.arming.reset()
            self._commander.step(time.monotonic())

    def retire(self) -> None:
        """Take the hand to rest, then send nothing more."""
        with self._lock:
            self._commander.retire()

    def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is sent any more; when that takes too long, disarm and return False."""
        if self._metronome.wait_idle(timeout_s):
            return True
        self.disarm()
        return False

    def end(self, timeout_s: float | None = None) -> None:
        """End the thread once nothing is sent any more; wait for it so long, if at all."""
        self._metronome.end(timeout_s)

    # -- what is heard ------------------------------------------------------------------------

    def hear(self, intent: Intent, age_s: float) -> None:
        """Take a prediction."""
        now_s = time.monotonic()
        with self._lock:
            if self._commander.hear(intent, age_s, now_s):
                self.followed += 1
                self._heard_s = self._heard_s or now_s

    def feel(self, positions: Mapping[str, float]) -> None:
        """Take measured positions of joints, rad."""
        now_s = time.monotonic()
        with self._lock:
            self._commander.feel(positions, now_s)

    def clock_jumped(self, by_s: float) -> None:
        """Take note that the clock of the stamps was set."""
        with self._lock:
            self._commander.watchdog.clock_jumped(by_s, time.monotonic())

    def configure_watchdog(self, settings: WatchdogSettings) -> None:
        """Judge the age of predictions otherwise from now on."""
        with self._lock:
            self._commander.watchdog.settings = settings

    def trouble(self) -> Reason | None:
        """Return what would keep predictions from moving the hand now."""
        with self._lock:
            now_s = time.monotonic()
            return self._commander.watchdog.trouble(now_s) or self._commander.feedback.trouble(
                now_s
            )

    def position(self) -> dict[str, float]:
        """Return where the joints were told to be last, rad."""
        with self._lock:
            return self._commander.position()

    # -- the thread ---------------------------------------------------------------------------

    def _beat(self) -> bool:
        before = self._commander.situation
        with self._lock:
            sent = self._step()
            after = self._commander.situation
        if _changed(before, after):
            self._on_change()
        return sent

    def _step(self) -> bool:
        try:
            command = self._commander.step(time.monotonic())
        except Exception as error:  # a fault of ours: the hand stays where it is
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
            self._write(command)
        except Exception as error:
            return self._fail(error)
        self.sent += 1
        now_s = time.monotonic()
        if self._sent_s is not None:
            self._intervals_s.append(now_s - self._sent_s)
        self._sent_s = now_s
        if self._heard_s is not None:
            self._latencies_s.append(now_s - self._heard_s)
            self._heard_s = None
        return True

    # -- diagnostics --------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Return what is counted, for /diagnostics."""
        with self._lock:
            latencies = np.array(self._latencies_s) * 1e3
            intervals = np.array(self._intervals_s) * 1e3
        found = {
            'commands': str(self.sent),
            'missed commands': str(self.missed),
            'predictions followed': str(self.followed),
        }
        if len(intervals):
            found['command rate [Hz]'] = f'{1e3 / intervals.mean():.2f}'
            found['command interval p99 [ms]'] = f'{np.percentile(intervals, 99):.2f}'
        if len(latencies):
            found['prediction to command p50 [ms]'] = f'{np.percentile(latencies, 50):.2f}'
            found['prediction to command p99 [ms]'] = f'{np.percentile(latencies, 99):.2f}'
        for kind, count in sorted(self.refused.items()):
            found[f'predictions refused, {kind}'] = str(count)
        return found


def _changed(before: Situation, after: Situation) -> bool:
    kinds = [s.reason.kind if s.reason is not None else '' for s in (before, after)]
    return (before.state, before.posture) != (after.state, after.posture) or kinds[0] != kinds[1]
