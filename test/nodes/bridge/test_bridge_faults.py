"""The faults between pipeline and hand of the table in docs/how-to/drive-a-hand.md, with real processes.

Within the timeout and one command period the hand goes to rest (or holds its position after an
emergency stop), and it never exceeds its limits, as measured from the received commands.
"""

from __future__ import annotations

import os
import re
import signal
import time

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from support.bags import protocol, write
from support.graph import set_domain
from support.hand_rig import (
    INDEX,
    PERIOD_S,
    TIMEOUT_S,
    hand_rig,
    interrupt,
    numbers_that_are_none,
    posture,
)
from support.paths import SUPPORT

from myogestic_ros.demo.node_client import open_node_client

pytestmark = pytest.mark.processes

DECODER = str(SUPPORT / 'decoders.py')
SLACK_S = 2.0
"""Delay allowed on a busy machine; bench/bridge.py measures the times themselves."""
SOON_S = TIMEOUT_S + PERIOD_S + SLACK_S


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    set_domain()
    with hand_rig(tmp_path_factory.mktemp('bridge')) as rig:
        yield rig


@pytest.fixture
def rig(shared):
    """The bridge of all tests, active and disarmed."""
    shared.call('disarm')
    shared.until(lambda: shared.status.state == 'disarmed', 'disarmed bridge')
    yield shared
    shared.close_speakers()


def rests_because(rig, reason, since_s):
    """Wait until the hand goes to rest for a reason, in time and within its limits."""
    took_s = rig.heads_for_rest(since_s)
    rig.until(lambda: rig.status.reason == reason, reason)
    assert rig.status.state == 'resting'
    assert took_s <= SOON_S
    rig.commands.since(since_s, before=5).check()


# -- faults of predictions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ('reason', 'change'),
    [
        ('not finite', {'fields': numbers_that_are_none()}),
        ('not finite', {'fields': {'dof_names': ['x'], 'dof_values': [float('inf')]}}),
        ("unknown class 'wave'", {'label': 'wave'}),
        ('out of range', {'fields': {'class_names': ['fist'], 'probabilities': [1.5]}}),
        ('out of range', {'fields': {'dof_names': ['close'], 'dof_values': [-7.0]}}),
        ('malformed', {'fields': {'class_names': ['fist'], 'probabilities': []}}),
        ('old', {'age_s': 10.0}),
        ('future', {'age_s': -1.0}),
    ],
)
def test_invalid_prediction_sends_the_hand_to_rest(rig, reason, change):
    speaker = rig.drive()
    since_s = time.monotonic()
    for name, value in change.items():
        setattr(speaker, name, value)
    rests_because(rig, reason, since_s)
    assert rig.status.message.startswith('Resting: ')


def test_missing_predictions_send_the_hand_to_rest_until_they_return(rig):
    speaker = rig.drive()
    since_s = time.monotonic()
    speaker.close()
    rig.speakers.clear()
    rests_because(rig, 'silent', since_s)
    rig.until(lambda: np.abs(rig.position - posture('rest')).max() < 1e-6, 'rest')
    rig.drive('open')  # without arming: still armed
    rig.commands.since(since_s, before=5).check()


def test_second_pipeline_on_the_topic_sends_the_hand_to_rest(rig):
    rig.drive()
    since_s = time.monotonic()
    second = rig.speaker('open')
    rests_because(rig, 'two pipelines', since_s)
    second.close()
    rig.speakers.pop()
    rig.until(lambda: rig.status.commanding, 'commanding by the one that is left')
    rig.commands.since(since_s, before=5).check()


# -- requests of the operator -----------------------------------------------------------------


def test_no_commands_before_arming_and_after_disarming(rig):
    count = len(rig.commands)
    rig.speaker('fist')
    time.sleep(0.3)  # no command may arrive
    assert len(rig.commands) == count
    assert rig.call('arm').success
    rig.until(lambda: rig.status.commanding and len(rig.commands) > count + 20, 'commands')
    assert rig.call('disarm').success
    time.sleep(0.1)  # commands in transit
    count = len(rig.commands)
    time.sleep(0.3)
    assert len(rig.commands) == count
    assert rig.status.state == 'disarmed'
    rig.commands.check(acceleration=False)


def test_emergency_stop_during_a_movement(rig):
    speaker = rig.drive()
    since_s = time.monotonic()
    speaker.label = 'open'
    rig.until(lambda: rig.position[INDEX] < 1.2, 'movement')
    assert rig.call('emergency_stop').success
    answered_s = time.monotonic()
    rig.until(lambda: len(rig.commands.since(answered_s)) > 20, 'commands to hold')
    still = rig.commands.since(answered_s).data[5:]  # after commands in transit
    assert not np.diff(np.array(still), axis=0).any()
    assert rig.position[INDEX] > 0.1
    rig.commands.since(since_s, before=5).check(acceleration=False)
    assert rig.status.state == 'stopped'
    assert not rig.call('arm').success
    assert 'call ~/reset first' in rig.status.message
    assert rig.transition('deactivate')  # the stop outlasts it
    assert rig.transition('activate')
    rig.until(lambda: rig.status.stopped and not rig.status.armed, 'stop')
    assert rig.call('reset').success
    count = len(rig.commands)
    time.sleep(0.2)
    assert len(rig.commands) == count
    rig.until(lambda: rig.status.state == 'disarmed', 'disarmed bridge')


def test_deactivation_during_a_movement(rig):
    speaker = rig.drive('open')
    speaker.label = 'fist'
    rig.until(lambda: rig.position[INDEX] > 1.0, 'movement')
    since_s = time.monotonic()
    assert rig.transition('deactivate')
    assert rig.heads_for_rest(since_s) <= SOON_S
    rig.until(lambda: rig.status.state == 'idle' and not rig.status.armed, 'rest')
    assert rig.position == pytest.approx(posture('rest'), abs=1e-6)
    assert rig.status.message == 'Deactivated; the hand is at rest.'
    count = len(rig.commands)
    rig.commands.since(since_s, before=5).check()
    assert rig.transition('activate')
    rig.until(lambda: rig.status.state == 'disarmed', 'activation')
    time.sleep(0.2)
    assert len(rig.commands) == count


# -- clocks, signals, processes ---------------------------------------------------------------


def test_clock_jump_then_interrupt_then_new_bridge(tmp_path):
    set_domain()
    with hand_rig(tmp_path, use_sim_time=True) as rig:
        clock = rig.node.create_publisher(Clock, '/clock', 10)
        now = [1000.0]

        def tick():
            now[0] += 0.01
            clock.publish(Clock(clock=Time(sec=int(now[0]), nanosec=int(now[0] % 1 * 1e9))))

        timer = rig.node.create_timer(0.01, tick)
        speaker = rig.speaker('fist')
        for jump in (10.0, -10.0):
            # The pipeline uses the same clock, but learns of the jump a little later.
            rig.until(lambda: clock.get_subscription_count() == 1, 'bridge listening to /clock')
            speaker._node = SimTime(now)
            if not rig.status.armed:
                assert rig.call('arm').success
            rig.until(lambda: rig.status.commanding, 'commanding')
            rig.until(lambda: rig.position[INDEX] > 1.45, 'fist')
            since_s = time.monotonic()
            speaker._node = SimTime(now, late_by_s=jump)
            now[0] += jump
            assert rig.heads_for_rest(since_s) <= SOON_S
            reason = 'old' if jump > 0 else 'future'  # of predictions after the jump
            rig.until(lambda r=reason: rig.status.reason == r, reason)
            log = (tmp_path / 'nodes' / 'bridge.log').read_text()
            steps_s = re.findall(r'The clock was set by (\S+) s', log)
            assert float(steps_s[-1]) == pytest.approx(jump, abs=1.0)
            rig.commands.since(since_s, before=5).check()
        speaker._node = SimTime(now)
        rig.until(lambda: rig.status.commanding and rig.position[INDEX] > 1.0, 'movement')
        since_s = time.monotonic()
        process = interrupt(rig)
        assert process.wait(20) == 0
        assert rig.heads_for_rest(since_s) <= SOON_S
        rig.until(lambda: np.abs(rig.position - posture('rest')).max() < 1e-6, 'rest')
        rig.commands.since(since_s, before=5).check()
        assert 'Traceback' not in (tmp_path / 'nodes' / 'bridge.log').read_text()

        new_bridge_sends_nothing(rig)
        rig.node.destroy_timer(timer)


def new_bridge_sends_nothing(rig):
    count = len(rig.commands)
    rig.statuses.clear()
    rig.nodes.start('bridge', {'state_topic': '', 'autostart': 'activate'})
    rig.until(lambda: rig.status.state == 'disarmed', 'new bridge')
    time.sleep(0.3)
    assert len(rig.commands) == count


class SimTime:
    """The parts of a node that a `Speaker` uses, with a simulated clock."""

    def __init__(self, now, late_by_s=0.0):
        self._now = now
        self._late_by_s = late_by_s

    def get_clock(self):
        return self

    def now(self):
        return self

    @property
    def nanoseconds(self):
        return round((self._now[0] - self._late_by_s) * 1e9)

    def destroy_publisher(self, publisher):
        """Do nothing: the node destroys its publishers."""


def test_killed_driver_then_stopped_pipeline_then_killed_pipeline(tmp_path):
    write(tmp_path / 'sessions' / 's1', protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)]))
    folders = {n: str(tmp_path / n[:-4]) + 's' for n in ('session_dir', 'model_dir')}
    driver = {'synthetic.channels': 2, 'autostart': 'activate'}
    pipeline = {'decoder': DECODER, 'autostart': 'configure', **folders}
    set_domain()
    with (
        hand_rig(tmp_path, {'driver': driver, 'pipeline': pipeline}) as rig,
        open_node_client(lambda: None) as operator,
    ):
        operator.train('s1')
        operator.wait(lambda: 'Saved as' in operator.pipeline_message, 'the training', 60.0)
        operator.trigger('pipeline/start_predicting')
        assert rig.call('arm').success

        def at_fist():
            rig.until(lambda: rig.status.commanding and rig.position[INDEX] > 1.45, 'fist')
            return time.monotonic()

        since_s = at_fist()
        os.kill(rig.nodes.pid('driver'), signal.SIGKILL)
        rests_because(rig, 'silent', since_s)
        rig.nodes.start('driver', driver)

        since_s = at_fist()  # without arming
        os.kill(rig.nodes.pid('pipeline'), signal.SIGSTOP)  # alive, but silent
        rests_because(rig, 'silent', since_s)
        os.kill(rig.nodes.pid('pipeline'), signal.SIGCONT)

        since_s = at_fist()
        os.kill(rig.nodes.pid('pipeline'), signal.SIGKILL)
        rests_because(rig, 'silent', since_s)
