"""Rate, lateness, idling and end of the rate timer."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.processes import until

from myogestic_ros.nodes.bridge.rate_timer import RateTimer


class Calls:
    """Record the times of ``count`` calls."""

    def __init__(self, count):
        self.left = count
        self.at_s = []
        self.slow_s = {}

    def __call__(self):
        self.at_s.append(time.monotonic())
        time.sleep(self.slow_s.get(len(self.at_s), 0.0))
        self.left -= 1
        return self.left > 0


def test_calls_have_the_rate_and_stop_until_wake():
    calls, ended = Calls(51), threading.Event()
    timer = RateTimer(200.0, calls, ended.set)
    assert timer.wait_until_idle(0.0)
    timer.wake()
    assert timer.wait_until_idle(30.0)
    assert len(calls.at_s) == 51
    assert calls.at_s[-1] - calls.at_s[0] >= 50 * 0.005 - 1e-3
    assert timer.running
    calls.left = 3
    timer.wake()
    assert timer.wait_until_idle(30.0)
    assert len(calls.at_s) == 54
    timer.end(30.0)
    assert not timer.running
    assert ended.is_set()


def test_delay_is_made_up_gradually_and_whole_periods_are_skipped():
    calls = Calls(40)
    calls.slow_s = {5: 0.015, 20: 0.035}
    timer = RateTimer(100.0, calls)
    timer.wake()
    assert timer.wait_until_idle(30.0)
    timer.end()
    assert timer.missed >= 2
    apart_s = np.diff(calls.at_s)
    assert apart_s.min() >= 0.8 * 0.01 - 1e-3
    # The grid of deadlines is unchanged: only whole periods are skipped.
    took_s = calls.at_s[-1] - calls.at_s[0]
    assert took_s >= (39 + timer.missed) * 0.01 - 1e-3


def test_end_waits_for_the_last_call():
    calls = Calls(20)
    timer = RateTimer(200.0, calls)
    timer.wake()
    timer.end(30.0)
    assert len(calls.at_s) == 20


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_exception_in_the_callback_ends_the_timer():
    ended = threading.Event()

    def fails():
        raise RuntimeError

    timer = RateTimer(100.0, fails, ended.set)
    timer.wake()
    assert ended.wait(30.0)
    assert timer.wait_until_idle(30.0)
    until(lambda: not timer.running)
