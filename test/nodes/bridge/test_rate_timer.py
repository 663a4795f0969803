"""The beat of commands: exact in the mean, never hurried, and put to sleep and woken."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.processes import until

from myogestic_ros.nodes.bridge.rate_timer import RateTimer


class Beats:
    """What is done at each beat; it goes on so many times."""

    def __init__(self, count):
        self.left = count
        self.at_s = []
        self.slow_s = {}

    def __call__(self):
        self.at_s.append(time.monotonic())
        time.sleep(self.slow_s.get(len(self.at_s), 0.0))
        self.left -= 1
        return self.left > 0


def test_it_beats_at_its_rate_and_then_waits_to_be_woken():
    beats, ended = Beats(51), threading.Event()
    metronome = RateTimer(200.0, beats, ended.set)
    assert metronome.wait_idle(0.0)
    metronome.wake()
    assert metronome.wait_idle(30.0)
    assert len(beats.at_s) == 51
    assert beats.at_s[-1] - beats.at_s[0] >= 50 * 0.005 - 1e-3
    assert metronome.running
    beats.left = 3
    metronome.wake()
    assert metronome.wait_idle(30.0)
    assert len(beats.at_s) == 54
    metronome.end(30.0)
    assert not metronome.running
    assert ended.is_set()


def test_a_late_beat_is_made_up_for_without_hurry_and_more_than_one_is_left_out():
    beats = Beats(40)
    beats.slow_s = {5: 0.015, 20: 0.035}
    metronome = RateTimer(100.0, beats)
    metronome.wake()
    assert metronome.wait_idle(30.0)
    metronome.end()
    assert metronome.missed >= 2
    apart_s = np.diff(beats.at_s)
    assert apart_s.min() >= 0.8 * 0.01 - 1e-3
    # The grid is where it was: what was left out is whole periods.
    took_s = beats.at_s[-1] - beats.at_s[0]
    assert took_s >= (39 + metronome.missed) * 0.01 - 1e-3


def test_the_end_waits_for_the_last_beat():
    beats = Beats(20)
    metronome = RateTimer(200.0, beats)
    metronome.wake()
    metronome.end(30.0)
    assert len(beats.at_s) == 20


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_beat_that_fails_ends_it():
    ended = threading.Event()

    def fails():
        raise RuntimeError

    metronome = RateTimer(100.0, fails, ended.set)
    metronome.wake()
    assert ended.wait(30.0)
    assert metronome.wait_idle(30.0)
    until(lambda: not metronome.running)
