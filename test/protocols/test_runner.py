"""The conductor: every step at its time, and nothing after it has been stopped."""

from __future__ import annotations

import threading
import time

import pytest
from support.processes import until

from myogestic_ros.protocols.protocol import Cue, Protocol
from myogestic_ros.protocols.ramp import Ramp
from myogestic_ros.protocols.runner import ProtocolRunner, RunnerCallbacks
from myogestic_ros.protocols.schedule import Schedule


class Witness(RunnerCallbacks):
    """Notes what it is told."""

    def __init__(self):
        self.told = []
        self.over = threading.Event()
        self.error = None

    def begin(self, number):
        self.told.append(('begin', number))

    def progress(self, number, at_s):
        self.told.append(('progress', number, at_s))

    def target(self, at_s):
        self.told.append(('target', at_s))

    def done(self):
        self.told.append(('done',))
        self.over.set()

    def failed(self, error):
        self.error = error
        self.over.set()


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.ns = 5 * 10**9

    def __call__(self):
        return self.ns


def plan(hold_s=1.0, repetitions=2, ramp=None):
    cues = (Cue(0, 'fist', hold_s, ramp),)
    return Schedule.of(Protocol('p', cues, ('fist',), repetitions, 0.0, 0.0, hold_s))


def test_steps_begin_in_order_and_then_it_is_done():
    witness = Witness()
    conductor = ProtocolRunner(plan(0.05), witness)
    conductor.start()
    assert witness.over.wait(10)
    begun = [item for item in witness.told if item[0] != 'progress']
    assert begun == [*(('begin', n) for n in range(4)), ('done',)]
    assert conductor.number == 3


def test_a_step_that_is_late_delays_no_other():
    clock, witness = Clock(), Witness()
    conductor = ProtocolRunner(plan(), witness, clock=clock)
    conductor.start()
    until(lambda: ('begin', 0) in witness.told)
    clock.ns += 1_400_000_000  # it sleeps for 0.4 s over the time of step 1
    until(lambda: ('begin', 1) in witness.told)
    assert conductor.late_s == pytest.approx(0.4)
    clock.ns += 600_000_000
    until(lambda: ('begin', 2) in witness.told)
    clock.ns += 10 * 10**9
    assert witness.over.wait(10)
    assert [item for item in witness.told if item[0] != 'progress'][-1] == ('done',)


def test_progress_and_targets_come_at_their_rates():
    clock, witness = Clock(), Witness()
    ramp = Ramp('sine', {'wrist': 1.0}, period_s=1.0)
    conductor = ProtocolRunner(
        plan(ramp=ramp, repetitions=1), witness, target_hz=50.0, clock=clock
    )
    conductor.start()
    until(lambda: witness.told)
    for _ in range(200):
        clock.ns += 10_000_000
        seen = len(witness.told)
        end = time.monotonic() + 0.02
        while time.monotonic() < end and len(witness.told) == seen:
            time.sleep(0.001)
    assert witness.over.wait(10)
    targets = [item[1] for item in witness.told if item[0] == 'target']
    assert 90 <= len(targets) <= 99
    progress = [item[2] for item in witness.told if item[0] == 'progress']
    assert 15 <= len(progress) <= 18
    assert len(set(targets)) == len(targets)


def test_what_was_missed_is_not_made_up_for():
    clock, witness = Clock(), Witness()
    ramp = Ramp('sine', {'wrist': 1.0}, period_s=100.0)
    conductor = ProtocolRunner(plan(100.0, 1, ramp), witness, clock=clock)
    conductor.start()
    until(lambda: witness.told)
    clock.ns += 50 * 10**9
    until(lambda: any(item[0] == 'target' for item in witness.told))
    conductor.stop()
    assert len(witness.told) <= 4  # not 2500 targets


def test_nothing_is_told_once_stop_has_returned():
    witness = Witness()
    conductor = ProtocolRunner(plan(30.0), witness)
    conductor.start()
    until(lambda: len(witness.told) > 2)
    began_s = time.monotonic()
    conductor.stop()
    assert time.monotonic() - began_s < 5.0
    count = len(witness.told)
    assert not witness.over.wait(0.3)
    assert len(witness.told) == count
    conductor.stop()  # again does no harm


def test_stopping_what_has_not_begun_does_no_harm():
    ProtocolRunner(plan(), Witness()).stop()


def test_an_error_is_told():
    witness = Witness()

    def broken(number):
        raise OSError('no more')

    witness.begin = broken
    ProtocolRunner(plan(), witness).start()
    assert witness.over.wait(10)
    assert str(witness.error) == 'no more'
