"""Ctrl-C signals all nodes at once: the hand goes to rest all the same, with real processes."""

from __future__ import annotations

import signal

import pytest
from sensor_msgs.msg import JointState
from support.graph import PATIENCE_S, set_domain
from support.hand_rig import INDEX, MAPPING, hand_rig, posture

from myogestic_ros.nodes.common import qos

pytestmark = pytest.mark.processes

NAMES = list(MAPPING.joint_names)


@pytest.mark.parametrize('order', [('hand', 'bridge'), ('bridge', 'hand'), ('bridge',)], ids=str)
def test_interrupted_nodes_leave_the_hand_at_rest(tmp_path, order):
    set_domain()
    beside = {'hand': {'autostart': 'activate'}}
    with hand_rig(tmp_path, beside, state_topic='joint_states') as rig:
        measured = []
        rig.node.create_subscription(
            JointState,
            'joint_states',
            lambda message: measured.append(
                dict(zip(message.name, message.position, strict=True))[NAMES[INDEX]]
            ),
            qos.JOINT_STATES,
        )
        rig.until(lambda: measured, 'joint states')
        rig.speaker('fist')
        rig.until(lambda: rig.call('arm').success, 'arming')
        rig.until(lambda: abs(measured[-1] - posture('fist')[INDEX]) < 0.05, 'fist')
        for name in order:
            rig.nodes._processes[name].send_signal(signal.SIGINT)
        for name in order:
            assert rig.nodes._processes[name].wait(PATIENCE_S) == 0
        rig.until(lambda: abs(measured[-1] - posture('rest')[INDEX]) < 0.05, 'rest')
        assert 'did not reach rest' not in (tmp_path / 'nodes' / 'bridge.log').read_text()
