"""The measured speed of the simulated hand in every interruption, with real processes.

The limit holds for the hand, not only for the command: a hand that was stalled, dropped out or
was suspended, or whose position was reported wrongly, does not run after a command far ahead.
"""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import yaml
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from support.graph import set_domain
from support.hand_rig import INDEX, MAPPING, hand_rig, posture
from support.paths import ROOT

from myogestic_ros.nodes.common import qos

pytestmark = pytest.mark.processes

LIMIT_RAD_S = 1.0
TOLERANCE = 1.05
NAMES = list(MAPPING.joint_names)


class MeasuredHand:
    """Joint states of the hand process, with the speeds between them."""

    def __init__(self, rig):
        self.rig = rig
        self.stamps_s, self.positions = [], []
        self.since = 0
        rig.node.create_subscription(
            JointState, 'joint_states', self._on_joint_state, qos.JOINT_STATES
        )

    def _on_joint_state(self, message):
        if message.header.frame_id == 'injected':
            return
        stamp = message.header.stamp
        by_name = dict(zip(message.name, message.position, strict=True))
        self.positions.append([by_name[name] for name in NAMES])
        self.stamps_s.append(stamp.sec + stamp.nanosec * 1e-9)

    @property
    def index(self):
        """Measured position of the index finger, rad."""
        return self.positions[-1][INDEX]

    def fastest(self):
        """Return the highest speed over at least 20 ms since the last call, rad/s."""
        times = np.array(self.stamps_s[self.since :])
        positions = np.array(self.positions[self.since : self.since + len(times)])
        self.since += len(times)
        later = np.searchsorted(times, times + 0.02)
        known = later < len(times)
        elapsed_s = times[later[known]] - times[known]
        moved = np.abs(positions[later[known]] - positions[known]).max(axis=1)
        return float((moved / elapsed_s).max())

    def at(self, name):
        """Wait until the index finger is measured in a posture."""
        target = posture(name)[INDEX]
        self.rig.until(lambda: abs(self.index - target) < 0.05, name)

    def call(self, service):
        """Call a service of the hand."""
        client = self.rig.node.create_client(Trigger, f'hand/{service}')
        self.rig.until(client.service_is_ready, service)
        future = client.call_async(Trigger.Request())
        self.rig.until(future.done, f'response of {service}')
        assert future.result().success


@pytest.fixture(scope='module')
def rig(tmp_path_factory):
    folder = tmp_path_factory.mktemp('hand_speed')
    mapping = yaml.safe_load((ROOT / 'config' / 'mappings' / 'hand.yaml').read_text())
    mapping['limits'] = {**mapping['limits'], 'velocity': LIMIT_RAD_S}
    mapping['rest_speed'] = LIMIT_RAD_S
    for joint in mapping['joints'].values():
        joint.pop('velocity', None)
    file = folder / 'slow.yaml'
    file.write_text(yaml.safe_dump(mapping, sort_keys=False))
    set_domain()
    beside = {'hand': {'autostart': 'activate'}}
    with hand_rig(folder, beside, state_topic='joint_states', mapping=str(file)) as rig:
        rig.measured = MeasuredHand(rig)
        rig.until(lambda: rig.measured.positions, 'joint states')
        yield rig


@pytest.fixture
def moving(rig):
    """A hand that is on its way from rest to a fist."""
    hand = rig.measured
    speaker = rig.speaker('rest')
    if not rig.status.armed:
        rig.until(lambda: rig.call('arm').success, 'arming')
    rig.until(lambda: rig.status.commanding, 'commanding')
    hand.at('rest')
    hand.fastest()
    speaker.label = 'fist'
    start = hand.index
    rig.until(lambda: abs(hand.index - start) > 0.2, 'movement')
    yield hand, speaker
    rig.close_speakers()


def commands(rig, count):
    """Wait for further commands."""
    before = len(rig.commands)
    rig.until(lambda: len(rig.commands) > before + count, 'commands')


def test_free_movement_reaches_the_limit(moving):
    hand, _ = moving
    hand.at('fist')
    assert 0.5 * LIMIT_RAD_S < hand.fastest() <= TOLERANCE * LIMIT_RAD_S


def test_stalled_hand_is_reported_and_does_not_leap_when_released(rig, moving):
    hand, _ = moving
    hand.call('stall')
    rig.until(lambda: rig.status.reason == 'hand does not follow', 'report')
    assert 'did not move as commanded' in rig.status.message
    commands(rig, 100)
    hand.call('release')
    rig.until(lambda: rig.status.commanding, 'commanding')
    hand.at('fist')
    assert hand.fastest() <= TOLERANCE * LIMIT_RAD_S


def test_hand_that_dropped_out_does_not_leap_when_it_returns(rig, moving):
    hand, _ = moving
    hand.call('drop_out')
    rig.until(lambda: rig.status.reason == 'hand silent', 'report')
    commands(rig, 100)
    hand.call('release')
    hand.at('fist')
    assert hand.fastest() <= TOLERANCE * LIMIT_RAD_S


@pytest.mark.parametrize('node', ['hand', 'bridge'])
def test_suspended_process_causes_no_leap_when_it_continues(rig, moving, node):
    hand, speaker = moving
    pid = rig.nodes.pid(node)
    os.kill(pid, signal.SIGSTOP)
    try:
        if node == 'hand':
            rig.until(lambda: rig.status.reason == 'hand silent', 'report')
        speaker.label = 'open'
        count = len(hand.positions)
        if node == 'bridge':
            rig.until(lambda: len(hand.positions) > count + 100, 'joint states')
    finally:
        os.kill(pid, signal.SIGCONT)
    hand.at('open')
    assert hand.fastest() <= TOLERANCE * LIMIT_RAD_S


def test_false_joint_states_move_nothing(rig, moving):
    hand, _ = moving
    publisher = rig.node.create_publisher(JointState, 'joint_states', qos.JOINT_STATES)
    false = JointState(name=NAMES, position=[1.2] * len(NAMES))
    false.header.frame_id = 'injected'

    def reported():
        publisher.publish(false)
        return rig.status.reason in ('two hands', 'implausible position')

    rig.until(reported, 'report')
    assert not rig.status.commanding
    rig.node.destroy_publisher(publisher)
    rig.until(lambda: rig.status.commanding, 'commanding')
    hand.at('fist')
    assert hand.fastest() <= TOLERANCE * LIMIT_RAD_S
