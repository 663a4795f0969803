"""The bridge node in one process: outputs, refusals, arming and configuration."""

from __future__ import annotations

import time

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from support.ros import ros_graph
from trajectory_msgs.msg import JointTrajectory

from myogestic_ros.msg import BridgeStatus, Prediction
from myogestic_ros.nodes.bridge.node import BridgeNode
from myogestic_ros.nodes.common import qos

HAND = {
    'joints': {'a': {'lower': 0.0, 'upper': 2.0}, 'b': {'lower': -1.0, 'upper': 1.0}},
    'limits': {'velocity': 4.0, 'acceleration': 40.0},
    'rest_speed': 1.0,
    'postures': {'rest': {'a': 0.5, 'b': 0.0}, 'fist': {'a': 2.0}},
}


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


@pytest.fixture
def mapping(tmp_path):
    file = tmp_path / 'mapping.yaml'
    file.write_text(yaml.safe_dump(HAND))
    return str(file)


@pytest.fixture
def make(ros, mapping):
    """Return a function that makes a bridge, active by default."""

    def made(**parameters):
        values = {'mapping': mapping, 'state_topic': '', 'autostart': 'activate', **parameters}
        return ros.add(BridgeNode, **values)

    return made


@pytest.fixture
def status(ros, make):
    """Return a function that subscribes to the status of the bridge."""
    return lambda: ros.listen(BridgeStatus, 'bridge/status', qos.STATUS)


def call(ros, service):
    return ros.call(Trigger, f'bridge/{service}')


class Pipeline:
    """A publisher of predictions."""

    def __init__(self, ros, topic='pipeline/predictions'):
        self._ros = ros
        self._publisher = ros.publisher(Prediction, topic, qos.PREDICTIONS)

    def close(self):
        """Destroy the publisher."""
        self._ros.hand.destroy_publisher(self._publisher)

    def until(self, condition, what, label='fist'):
        """Publish predictions until a condition holds."""

        def predicted():
            message = Prediction(label=label)
            message.header.stamp = self._ros.hand.get_clock().now().to_msg()
            self._publisher.publish(message)
            return condition()

        self._ros.until(predicted, what)


@pytest.mark.parametrize(
    ('output', 'kind', 'topic'),
    [
        ('position', Float64MultiArray, 'hand/commands'),
        ('velocity', Float64MultiArray, 'hand/commands'),
        ('trajectory', JointTrajectory, 'hand/joint_trajectory'),
        ('joint_state', JointState, 'hand/commands'),
    ],
)
def test_commands_have_the_format_of_the_output(ros, make, output, kind, topic):
    make(output=output, joints=['b', 'a'])
    got = ros.listen(kind, topic, qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    if output == 'velocity':
        pipeline.until(lambda: got and got[-1].data[1] == pytest.approx(4.0), 'full speed')
        pipeline.until(lambda: not any(got[-1].data), 'end')
        return
    positions = {
        'position': lambda: got[-1].data,
        'trajectory': lambda: got[-1].points[0].positions,
        'joint_state': lambda: got[-1].position,
    }[output]
    pipeline.until(lambda: got and list(positions()) == pytest.approx([0.0, 2.0]), 'fist')
    if output == 'trajectory':
        assert got[-1].joint_names == ['b', 'a']
        assert len(got[-1].points) == 1
        assert got[-1].points[0].time_from_start.nanosec == 10_000_000
        assert (got[-1].header.stamp.sec, got[-1].header.stamp.nanosec) == (0, 0)
    if output == 'joint_state':
        assert got[-1].name == ['b', 'a']
        assert len(got[-1].velocity) == 2
        assert got[-1].header.stamp.sec > 0


@pytest.mark.parametrize('way', ['disarm', 'emergency_stop'])
def test_disarm_and_emergency_stop_end_a_velocity(ros, make, way):
    make(output='velocity')
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    pipeline.until(lambda: got and got[-1].data[0] > 2.0, 'speed')
    assert call(ros, way).success
    ros.until(lambda: not any(got[-1].data), 'command to stay')


def test_commands_begin_at_the_measured_position_and_a_silent_hand_is_reported(ros, make, status):
    make(state_topic='joint_states', state_timeout=0.3)
    statuses = status()
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    answer = call(ros, 'arm')
    assert not answer.success
    assert answer.message == (
        'Cannot arm: no position of a, b for 0.3 s. Check that the hand is running and that the parameter '
        "state_topic is correct. For a hand without position feedback, set state_topic to ''."
    )
    states = ros.publisher(JointState, 'joint_states', 10)
    state = JointState(name=['x', 'b', 'a'], position=[9.0, -0.8, 1.8])

    armed_s = 0.0

    def armed():
        nonlocal armed_s
        states.publish(state)
        armed_s = time.monotonic()
        return call(ros, 'arm').success

    ros.until(armed, 'arming')
    ros.until(lambda: got, 'command')
    # The first command that arrives may not be the first one; the way to rest is 1 rad/s.
    moved = 1.0 * (time.monotonic() - armed_s)
    assert np.abs(np.array(got[0].data) - [1.8, -0.8]).max() < 0.01 + moved
    pipeline = Pipeline(ros)
    pipeline.until(lambda: statuses[-1].reason == 'hand silent', 'silence of the hand')
    assert 'does not report its position: no position of a, b for 0.3 s' in statuses[-1].message


def test_arming_is_refused_with_the_reason(ros, make, status):
    bridge = make(autostart='')
    statuses = status()
    assert "the node is 'unconfigured', expected 'active'; configure and activate it" in (
        call(ros, 'arm').message
    )
    bridge.request_transition('configure')
    answer = call(ros, 'arm')
    assert not answer.success
    assert "the node is 'inactive', expected 'active'; activate it first" in answer.message
    ros.until(lambda: statuses[-1].message == answer.message, 'reason in the status')
    bridge.request_transition('activate')
    assert call(ros, 'arm').success
    assert 'Cannot arm: the bridge is already armed.' in call(ros, 'arm').message
    assert 'no emergency stop is active; the bridge is armed' in call(ros, 'reset').message


def test_emergency_stop_works_in_any_lifecycle_state_and_outlasts_it(ros, make, status):
    bridge = make(autostart='')
    statuses = status()
    assert call(ros, 'emergency_stop').success
    ros.until(lambda: statuses[-1].state == 'stopped' and statuses[-1].stopped, 'stop')
    bridge.request_transition('configure')
    bridge.request_transition('activate')
    assert 'the emergency stop is active; call ~/reset first' in call(ros, 'arm').message
    ros.change_state('bridge', 'deactivate')
    ros.change_state('bridge', 'cleanup')
    assert call(ros, 'disarm').message == 'Disarmed; the emergency stop stays active.'
    ros.until(lambda: statuses[-1].stopped, 'stop')
    assert call(ros, 'reset').success
    ros.until(lambda: statuses[-1].state == 'unconfigured', 'end of the stop')


@pytest.mark.parametrize(
    ('parameters', 'reason'),
    [
        ({'mapping': '/nowhere.yaml'}, '/nowhere.yaml cannot be read'),
        ({'urdf': '/nowhere.urdf'}, '/nowhere.urdf cannot be read'),
        ({'joints': ['a', 'z']}, 'no joint z; it has a, b'),
        ({'output_topic': 'no topic!'}, 'Invalid topic name'),
        ({'predictions': 'no topic!'}, "'no topic!'"),
        ({'controller': 'no node!'}, "'no node!/get_parameters'"),
    ],
)
def test_configuring_is_refused_with_the_reason(ros, make, status, parameters, reason):
    bridge = make(autostart='', **parameters)
    statuses = status()
    assert not bridge.request_transition('configure')[0]
    ros.until(lambda: statuses and reason in statuses[-1].message, 'reason')
    assert bridge.lifecycle_state == 'unconfigured'


def test_invalid_mapping_is_refused_with_every_error(ros, make, tmp_path):
    file = tmp_path / 'wrong.yaml'
    file.write_text(yaml.safe_dump({**HAND, 'mode': 'dance', 'hold': -1.0}))
    taken, message = make(autostart='', mapping=str(file)).request_transition('configure')
    assert not taken
    assert 'mode: got' in message
    assert 'hold: got -1.0' in message


def test_limits_of_the_urdf_are_enforced(ros, make, tmp_path):
    file = tmp_path / 'hand.urdf'
    joint = '<joint name="{}" type="revolute"><limit lower="-1" upper="{}" velocity="9"/></joint>'
    file.write_text(f'<robot name="r">{joint.format("a", 1.9)}{joint.format("b", 1)}</robot>')
    taken, message = make(autostart='', urdf=str(file)).request_transition('configure')
    assert not taken
    assert 'a: upper 2 is outside the limit of the URDF, 1.9' in message


@pytest.mark.parametrize(
    ('joints', 'interface', 'output', 'reason'),
    [
        (['a', 'b'], 'position', 'position', ''),
        (
            ['b', 'a'],
            'position',
            'position',
            "the joints of 'controller' are b, a, but this node commands",
        ),
        (['b', 'a'], '', 'trajectory', ''),
        (
            ['b', 'c'],
            '',
            'trajectory',
            "the joints of 'controller' are b, c, but this node commands",
        ),
        (
            ['a', 'b'],
            'velocity',
            'position',
            "'controller' expects velocity commands, but the parameter output is",
        ),
        ([], '', 'position', "has no parameter 'joints'"),
    ],
)
def test_joints_of_the_controller_are_checked(ros, make, joints, interface, output, reason):
    bridge = make(controller='controller', output=output)
    assert "'controller' has not reported its joints" in call(ros, 'arm').message
    controller = ros.add(Node, 'controller')
    if joints:
        controller.declare_parameter('joints', joints)
    if interface:
        controller.declare_parameter('interface_name', interface)
    assert bridge.lifecycle_state == 'active'
    answers = []

    def answered():
        answers.append(call(ros, 'arm'))
        return 'has not reported' not in answers[-1].message

    ros.until(answered, "the controller's answer")
    assert answers[-1].success is (not reason)
    assert reason in answers[-1].message


def test_cleanup_on_the_way_to_rest_lets_the_hand_reach_rest(ros, make):
    bridge = make()
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    pipeline.until(lambda: got and got[-1].data[0] > 1.9, 'fist')
    began_s = time.monotonic()
    assert bridge.request_transition('deactivate')[0]
    assert ros.change_state('bridge', 'cleanup')
    taken, message = bridge.request_transition('configure')
    if time.monotonic() - began_s < 0.2:  # rest is more than 0.3 s away
        assert not taken
        assert (
            message
            == 'Cannot configure: the hand is still going to rest; try again in a few seconds.'
        )
    ros.until(lambda: list(got[-1].data) == pytest.approx([0.5, 0.0], abs=1e-6), 'rest')
    if not taken:
        ros.until(lambda: bridge.request_transition('configure')[0], 'configuration')
    count = len(got)
    bridge.request_transition('activate')
    ros.until(lambda: bridge.lifecycle_state == 'active', 'activity')
    assert len(got) == count


def test_parameters_can_be_changed_while_active_but_not_while_armed(ros, make, status):
    bridge = make()
    statuses = status()
    ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    assert call(ros, 'arm').success
    publisher = ros.publisher(Prediction, 'pipeline/predictions', qos.PREDICTIONS)

    def published(state):
        publisher.publish(Prediction(label='fist'))  # with stamp 0
        return statuses[-1].state == state

    ros.until(lambda: published('resting') and statuses[-1].reason == 'old', 'refusal')
    changes = {'timeout': 5.0, 'check_stamps': False, 'state_timeout': 60.0, 'mapping': '/other'}
    for name, value in changes.items():
        before = bridge.get_parameter(name).value
        result = bridge.set_parameters_atomically([Parameter(name, value=value)])
        assert not result.successful
        assert result.reason == (f'Cannot set {name}: the bridge is armed; call ~/disarm first.')
        assert bridge.get_parameter(name).value == before
    parameters = [Parameter('check_stamps', value=False)]
    assert call(ros, 'emergency_stop').success
    assert not bridge.set_parameters_atomically(parameters).successful
    assert call(ros, 'reset').success
    assert bridge.set_parameters_atomically(parameters).successful
    assert not bridge.set_parameters_atomically([Parameter('timeout', value=9.0)]).successful
    assert call(ros, 'arm').success
    ros.until(lambda: published('commanding'), 'following')


def test_second_pipeline_is_refused_and_diagnostics_count_refusals(ros, make, status):
    make()
    statuses = status()
    health = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    assert call(ros, 'arm').success
    first = Pipeline(ros)
    first.until(lambda: statuses[-1].commanding, 'commanding')
    second = Pipeline(ros)
    second.until(lambda: statuses[-1].reason == 'two pipelines', 'second')
    assert '2 pipelines publish predictions on one topic' in statuses[-1].message
    first.close()
    second.until(lambda: statuses[-1].commanding, 'commanding by the new one')
    second.until(lambda: statuses[-1].reason == "unknown class 'x'", 'refusal', label='x')

    def info():
        values = health[-1].status[0].values if health else []
        return {pair.key: pair.value for pair in values}

    second.until(
        lambda: int(info().get("predictions refused, unknown class 'x'", 0)) > 0, 'count', 'x'
    )
    assert info()['subscribers'] == '1'
    assert float(info()['command rate [Hz]']) > 0
    assert float(info()['prediction to command p50 [ms]']) > 0
    assert health[-1].status[0].message.startswith("Resting: The class 'x' has no posture")


def test_failure_to_publish_a_command_is_an_emergency_stop(ros, make, status, monkeypatch):
    sent = []

    def publish(self, command):
        sent.append(command)
        if len(sent) > 5:
            raise OSError('no more')

    monkeypatch.setattr(
        'myogestic_ros.nodes.bridge.command_publisher.CommandPublisher.publish', publish
    )
    bridge = make()
    statuses = status()
    assert call(ros, 'arm').success
    ros.until(lambda: bridge.lifecycle_state == 'inactive', 'giving up')
    ros.until(lambda: "could not be sent: OSError('no more')" in statuses[-1].message, 'reason')
    assert statuses[-1].stopped
    assert not statuses[-1].armed
    assert len(sent) == 6
    assert call(ros, 'disarm').success
    assert call(ros, 'reset').success


def test_last_commanded_position_is_kept_over_a_cleanup(ros, make):
    bridge = make()
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    pipeline.until(lambda: got and got[-1].data[0] > 1.99, 'fist')
    assert call(ros, 'emergency_stop').success  # the hand holds its position
    for transition in ('deactivate', 'cleanup'):
        assert ros.change_state('bridge', transition)
    assert call(ros, 'reset').success
    ros.until(lambda: bridge.request_transition('configure')[0], 'configuration')
    assert bridge.request_transition('activate')[0]
    got.clear()
    assert call(ros, 'arm').success
    ros.until(lambda: got, 'command')
    assert got[0].data[0] > 1.9
