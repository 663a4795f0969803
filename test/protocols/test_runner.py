"""The protocol runner: times of the steps, rates of the callbacks, stop."""

from __future__ import annotations

import threading
import time

import pytest
from support.processes import until

from myogestic_ros.protocols.protocol import Cue, Protocol
from myogestic_ros.protocols.ramp import Ramp
from myogestic_ros.protocols.runner import ProtocolRunner, RunnerCallbacks
from myogestic_ros.protocols.schedule import Schedule


class RecordingCallbacks(RunnerCallbacks):
    """Callbacks that record their calls."""

    def __init__(self):
        self.calls = []
        self.finished = threading.Event()
        self.error = None

    def on_step(self, index):
        self.calls.append(('step', index))

    def on_progress(self, index, at_s):
        self.calls.append(('progress', index, at_s))

    def on_target(self, at_s):
        self.calls.append(('target', at_s))

    def on_finished(self):
        self.calls.append(('finished',))
        self.finished.set()

    def on_error(self, error):
        self.error = error
        self.finished.set()


class Clock:
    """Clock that the test sets."""

    def __init__(self):
        self.ns = 5 * 10**9

    def __call__(self):
        return self.ns


def schedule(hold_s=1.0, repetitions=2, ramp=None):
    cues = (Cue(0, 'fist', hold_s, ramp),)
    return Schedule.from_protocol(Protocol('p', cues, ('fist',), repetitions, 0.0, 0.0, hold_s))


def test_runner_starts_all_steps_in_order():
    callbacks = RecordingCallbacks()
    runner = ProtocolRunner(schedule(0.05), callbacks)
    runner.start()
    assert callbacks.finished.wait(10)
    started = [item for item in callbacks.calls if item[0] != 'progress']
    assert started == [*(('step', n) for n in range(4)), ('finished',)]
    assert runner.step_index == 3


def test_late_step_does_not_delay_the_next_steps():
    clock, callbacks = Clock(), RecordingCallbacks()
    runner = ProtocolRunner(schedule(), callbacks, clock=clock)
    runner.start()
    until(lambda: ('step', 0) in callbacks.calls)
    clock.ns += 1_400_000_000  # step 1 starts 0.4 s late
    until(lambda: ('step', 1) in callbacks.calls)
    assert runner.max_delay_s == pytest.approx(0.4)
    clock.ns += 600_000_000
    until(lambda: ('step', 2) in callbacks.calls)
    clock.ns += 10 * 10**9
    assert callbacks.finished.wait(10)
    assert [item for item in callbacks.calls if item[0] != 'progress'][-1] == ('finished',)


def test_progress_and_targets_have_their_rates():
    clock, callbacks = Clock(), RecordingCallbacks()
    ramp = Ramp('sine', {'wrist': 1.0}, period_s=1.0)
    runner = ProtocolRunner(
        schedule(ramp=ramp, repetitions=1), callbacks, target_hz=50.0, clock=clock
    )
    runner.start()
    until(lambda: callbacks.calls)
    for _ in range(200):
        clock.ns += 10_000_000
        seen = len(callbacks.calls)
        end = time.monotonic() + 0.02
        while time.monotonic() < end and len(callbacks.calls) == seen:
            time.sleep(0.001)
    assert callbacks.finished.wait(10)
    targets = [item[1] for item in callbacks.calls if item[0] == 'target']
    assert 90 <= len(targets) <= 99
    progress = [item[2] for item in callbacks.calls if item[0] == 'progress']
    assert 15 <= len(progress) <= 18
    assert len(set(targets)) == len(targets)


def test_missed_targets_are_skipped():
    clock, callbacks = Clock(), RecordingCallbacks()
    ramp = Ramp('sine', {'wrist': 1.0}, period_s=100.0)
    runner = ProtocolRunner(schedule(100.0, 1, ramp), callbacks, clock=clock)
    runner.start()
    until(lambda: callbacks.calls)
    clock.ns += 50 * 10**9
    until(lambda: any(item[0] == 'target' for item in callbacks.calls))
    runner.stop()
    assert len(callbacks.calls) <= 4  # not 2500 targets


def test_no_callback_is_called_after_stop():
    callbacks = RecordingCallbacks()
    runner = ProtocolRunner(schedule(30.0), callbacks)
    runner.start()
    until(lambda: len(callbacks.calls) > 2)
    began_s = time.monotonic()
    runner.stop()
    assert time.monotonic() - began_s < 5.0
    count = len(callbacks.calls)
    assert not callbacks.finished.wait(0.3)
    assert len(callbacks.calls) == count
    runner.stop()  # a second call has no effect


def test_stop_before_start_has_no_effect():
    ProtocolRunner(schedule(), RecordingCallbacks()).stop()


def test_runner_reports_an_error_of_a_callback():
    callbacks = RecordingCallbacks()

    def broken(index):
        raise OSError('no more')

    callbacks.on_step = broken
    ProtocolRunner(schedule(), callbacks).start()
    assert callbacks.finished.wait(10)
    assert str(callbacks.error) == 'no more'
