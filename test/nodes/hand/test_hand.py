"""The simulated hand: commands, trajectories, joint states and simulated faults."""

from __future__ import annotations

import math

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from support.ros import ros_graph
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from myogestic_ros.msg import NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.hand.node import HAND, HandNode

JOINTS = next(row.default for row in HAND if row.name == 'joints')
FIST = [0.9, 1.0, 1.5, 1.5, 1.5, 1.5, 0.0, 0.0]


@pytest.fixture
def ros():
    """A graph in this process."""
    with ros_graph() as graph:
        yield graph


def command(*values):
    """Return a command message."""
    return Float64MultiArray(data=[float(value) for value in values])


def near(states, goal):
    """Return True if the newest joint state is close to a posture."""
    newest = states[-1].position if states else []
    return bool(newest) and max(abs(a - b) for a, b in zip(newest, goal, strict=True)) < 0.01


def test_commands_move_the_hand_and_joint_states_are_published(ros):
    ros.add(HandNode, autostart='activate')
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    commands = ros.publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    ros.until(lambda: len(states) > 5, 'joint states')
    assert list(states[-1].name) == JOINTS
    assert list(states[-1].position) == [0.0] * 8
    commands.publish(command(*FIST))
    ros.until(lambda: near(states, FIST), 'fist')
    stamps = [s.header.stamp.sec + s.header.stamp.nanosec * 1e-9 for s in states]
    assert stamps == sorted(stamps)
    fastest = max(abs(v) for state in states for v in state.velocity)
    assert 1.0 < fastest <= 4.0 + 1e-9
    answer = ros.call(GetParameters, 'hand/get_parameters', names=['joints', 'interface_name'])
    assert list(answer.values[0].string_array_value) == JOINTS  # as a controller provides them
    assert answer.values[1].string_value == 'position'


def test_trajectory_is_followed(ros):
    ros.add(HandNode, autostart='activate', time_constant=0.01)
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    topic = ros.publisher(JointTrajectory, 'hand/joint_trajectory', qos.COMMANDS)
    there = JointTrajectoryPoint(positions=[1.0, -0.5])
    there.time_from_start.nanosec = 300_000_000
    topic.publish(JointTrajectory(joint_names=['index_flexion', 'wrist_rotation'], points=[there]))
    goal = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -0.5]
    ros.until(lambda: near(states, goal), 'posture')
    speeds = [abs(state.velocity[2]) for state in states]
    assert 2.0 < max(speeds) < 3.9  # 1 rad in 0.3 s, slower than the limit


def test_velocity_ends_after_the_command_timeout(ros):
    ros.add(HandNode, autostart='activate', interface_name='velocity', command_timeout=0.1)
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    commands = ros.publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    commands.publish(command(0, 0, 1.0, 0, 0, 0, 0, 0))
    ros.until(lambda: any(abs(v) > 0.5 for s in states for v in s.velocity), 'motion')
    ros.until(lambda: max(abs(v) for v in states[-1].velocity) < 0.01, 'rest')
    assert 0.05 < states[-1].position[2] < 1.0


@pytest.mark.parametrize(
    ('values', 'reason'),
    [((1.0, 2.0), 'of 2 values, expected 8'), ((*[0.0] * 7, math.nan), 'wrist_rotation: nan')],
)
def test_invalid_command_is_refused_with_the_reason(ros, values, reason):
    ros.add(HandNode, autostart='activate')
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    status = ros.listen(NodeStatus, 'hand/status', qos.STATUS)
    health = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    commands = ros.publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    commands.publish(command(*values))
    ros.until(lambda: status and reason in status[-1].message, 'reason')
    ros.until(lambda: any(reason in a.status[0].message for a in health), 'reason')
    diagnostics = next(a.status[0] for a in health if reason in a.status[0].message)
    info = {item.key: item.value for item in diagnostics.values}
    assert diagnostics.level != b'\x00'
    assert info['refused'] == '1'
    assert list(states[-1].position) == [0.0] * 8


def test_invalid_trajectories_are_refused(ros):
    ros.add(HandNode, autostart='activate')
    status = ros.listen(NodeStatus, 'hand/status', qos.STATUS)
    topic = ros.publisher(JointTrajectory, 'hand/joint_trajectory', qos.COMMANDS)
    point = JointTrajectoryPoint(positions=[1.0])
    topic.publish(JointTrajectory(joint_names=['nose'], points=[point]))
    ros.until(lambda: status and 'nose' in status[-1].message, 'reason')
    topic.publish(JointTrajectory(joint_names=['index_flexion', 'ring_flexion'], points=[point]))
    ros.until(lambda: '2 positions each' in status[-1].message, 'reason')


def test_stall_drop_out_and_release(ros):
    ros.add(HandNode, autostart='activate')
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    commands = ros.publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    commands.publish(command(*FIST))
    ros.until(lambda: states and states[-1].position[2] > 0.2, 'motion')
    assert ros.call(Trigger, 'hand/stall').success
    count = len(states)
    ros.until(lambda: len(states) > count + 10, 'joint states')
    assert states[-1].position == states[-5].position
    assert not near(states, FIST)
    assert ros.call(Trigger, 'hand/release').message == 'Simulating.'
    ros.until(lambda: near(states, FIST), 'fist')
    assert ros.call(Trigger, 'hand/drop_out').success
    count = len(states)
    commands.publish(command(*[0.0] * 8))
    health = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    ros.until(
        lambda: any(
            a.status[0].message
            == 'Disconnected: commands are ignored and no joint states are published.'
            for a in health
        ),
        'message',
    )
    assert len(states) == count
    assert ros.call(Trigger, 'hand/release').success
    ros.until(lambda: len(states) > count, 'joint states')
    assert near(states, FIST)  # commands during the drop-out are lost


def test_inactive_hand_keeps_its_position(ros):
    hand = ros.add(HandNode, autostart='activate')
    states = ros.listen(JointState, 'joint_states', qos.JOINT_STATES)
    commands = ros.publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    commands.publish(command(*FIST))
    ros.until(lambda: near(states, FIST), 'fist')
    assert ros.change_state('hand', 'deactivate')
    answer = ros.call(Trigger, 'hand/stall')
    assert not answer.success
    assert answer.message == "The hand is 'inactive', expected 'active'; activate it first."
    count = len(states)
    commands.publish(command(*[0.0] * 8))
    assert ros.state('hand') == 'inactive'
    assert len(states) == count
    assert ros.change_state('hand', 'activate')
    ros.until(lambda: len(states) > count, 'joint states')
    assert near(states, FIST)
    assert hand.status_message == 'Simulating.'


@pytest.mark.parametrize(
    ('parameters', 'reason'),
    [
        ({'urdf': '/nowhere.urdf'}, 'The URDF /nowhere.urdf cannot be read'),
        (
            {'joints': ['nose']},
            'joints: got nose, expected each joint at most once, of wrist_rotation',
        ),
        ({'joints': ['index_flexion'] * 2}, 'at most once'),
        ({'joints': ['index_middle']}, 'index_middle'),  # a mimic joint
    ],
)
def test_invalid_hand_is_refused(ros, parameters, reason):
    hand = ros.add(HandNode, autostart='configure', **parameters)
    assert hand.lifecycle_state == 'unconfigured'
    assert reason in hand.status_message
