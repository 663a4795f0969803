"""The bridge: what it sends for each output, what it refuses, and where it begins."""

from __future__ import annotations

import time

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from myogestic_ros.msg import BridgeStatus, Prediction
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from support.ros import ros_graph
from trajectory_msgs.msg import JointTrajectory

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
    """Return a function that makes a bridge, active unless it says otherwise."""

    def made(**parameters):
        values = {'mapping': mapping, 'state_topic': '', 'autostart': 'activate', **parameters}
        return ros.add(BridgeNode, **values)

    return made


@pytest.fixture
def status(ros, make):
    """What the bridge says, from the time when it is there."""
    return lambda: ros.listen(BridgeStatus, 'bridge/status', qos.STATUS)


def call(ros, service):
    return ros.call(Trigger, f'bridge/{service}')


class Pipeline:
    """A publisher of predictions."""

    def __init__(self, ros, topic='pipeline/predictions'):
        self._ros = ros
        self._publisher = ros.publisher(Prediction, topic, qos.PREDICTIONS)

    def close(self):
        """Be gone."""
        self._ros.hand.destroy_publisher(self._publisher)

    def until(self, condition, what, label='fist'):
        """Predict until a condition holds."""

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
def test_it_sends_what_controllers_take(ros, make, output, kind, topic):
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
def test_a_velocity_does_not_outlast_the_command_to_stay(ros, make, way):
    make(output='velocity')
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    pipeline.until(lambda: got and got[-1].data[0] > 2.0, 'speed')
    assert call(ros, way).success
    ros.until(lambda: not any(got[-1].data), 'command to stay')


def test_it_begins_where_the_hand_is_and_minds_when_that_falls_silent(ros, make, status):
    make(state_topic='joint_states', state_timeout=0.3)
    heard = status()
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    answer = call(ros, 'arm')
    assert not answer.success
    assert answer.message == (
        'Cannot arm: no position of a, b for 0.3 s. Is the hand there, and state_topic right? '
        "For a hand that reports no positions, set state_topic to ''."
    )
    states = ros.publisher(JointState, 'joint_states', 10)
    state = JointState(name=['x', 'b', 'a'], position=[9.0, -0.8, 1.8])

    def armed():
        states.publish(state)
        return call(ros, 'arm').success

    ros.until(armed, 'arming')
    ros.until(lambda: got, 'command')
    assert np.abs(np.array(got[0].data) - [1.8, -0.8]).max() < 0.01
    pipeline = Pipeline(ros)
    pipeline.until(lambda: heard[-1].reason == 'hand silent', 'silence of the hand')
    assert 'does not say where it is: no position of a, b for 0.3 s' in heard[-1].message


def test_arming_is_refused_with_the_reason(ros, make, status):
    bridge = make(autostart='')
    heard = status()
    assert "the node is 'unconfigured', expected 'active'; configure and activate it" in (
        call(ros, 'arm').message
    )
    bridge.request_transition('configure')
    answer = call(ros, 'arm')
    assert not answer.success
    assert "the node is 'inactive', expected 'active'; activate it first" in answer.message
    ros.until(lambda: heard[-1].message == answer.message, 'reason in the status')
    bridge.request_transition('activate')
    assert call(ros, 'arm').success
    assert "is 'armed', expected 'disarmed'" in call(ros, 'arm').message
    assert "is 'armed', expected 'stopped'" in call(ros, 'reset').message


def test_an_emergency_stop_works_in_any_state_and_outlasts_it(ros, make, status):
    bridge = make(autostart='')
    heard = status()
    assert call(ros, 'emergency_stop').success
    ros.until(lambda: heard[-1].state == 'stopped' and heard[-1].stopped, 'stop')
    bridge.request_transition('configure')
    bridge.request_transition('activate')
    assert "is 'stopped', expected 'disarmed'; reset it first" in call(ros, 'arm').message
    ros.change_state('bridge', 'deactivate')
    ros.change_state('bridge', 'cleanup')
    assert call(ros, 'disarm').message == 'Stopped stays stopped; no command is sent.'
    ros.until(lambda: heard[-1].stopped, 'stop')
    assert call(ros, 'reset').success
    ros.until(lambda: heard[-1].state == 'unconfigured', 'end of the stop')


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
    heard = status()
    assert not bridge.request_transition('configure')[0]
    ros.until(lambda: heard and reason in heard[-1].message, 'reason')
    assert bridge.lifecycle_state == 'unconfigured'


def test_a_mapping_that_is_wrong_in_many_ways_is_refused_with_all(ros, make, tmp_path):
    file = tmp_path / 'wrong.yaml'
    file.write_text(yaml.safe_dump({**HAND, 'mode': 'dance', 'hold': -1.0}))
    taken, message = make(autostart='', mapping=str(file)).request_transition('configure')
    assert not taken
    assert 'mode: got' in message
    assert 'hold: got -1.0' in message


def test_limits_are_those_of_the_urdf(ros, make, tmp_path):
    file = tmp_path / 'hand.urdf'
    joint = '<joint name="{}" type="revolute"><limit lower="-1" upper="{}" velocity="9"/></joint>'
    file.write_text(f'<robot name="r">{joint.format("a", 1.9)}{joint.format("b", 1)}</robot>')
    taken, message = make(autostart='', urdf=str(file)).request_transition('configure')
    assert not taken
    assert "a: upper 2 is beyond the URDF's 1.9" in message


@pytest.mark.parametrize(
    ('theirs', 'takes', 'output', 'trouble'),
    [
        (['a', 'b'], 'position', 'position', ''),
        (['b', 'a'], 'position', 'position', "the joints of 'controller' are b, a, those of"),
        (['b', 'a'], '', 'trajectory', ''),
        (['b', 'c'], '', 'trajectory', "the joints of 'controller' are b, c, those of"),
        (['a', 'b'], 'velocity', 'position', "'controller' takes velocity, and output is"),
        ([], '', 'position', "has no parameter 'joints'"),
    ],
)
def test_the_controller_is_asked_for_its_joints(ros, make, theirs, takes, output, trouble):
    bridge = make(controller='controller', output=output)
    assert "'controller' has not said what its joints are" in call(ros, 'arm').message
    controller = ros.add(Node, 'controller')
    if theirs:
        controller.declare_parameter('joints', theirs)
    if takes:
        controller.declare_parameter('interface_name', takes)
    assert bridge.lifecycle_state == 'active'
    answers = []

    def answered():
        answers.append(call(ros, 'arm'))
        return 'has not said' not in answers[-1].message

    ros.until(answered, "the controller's answer")
    assert answers[-1].success is (not trouble)
    assert trouble in answers[-1].message


def test_cleaned_up_on_the_way_to_rest_it_gets_there_and_can_be_configured_again(ros, make):
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
        assert message == 'The hand is still on its way to rest; try again in a moment.'
    ros.until(lambda: list(got[-1].data) == pytest.approx([0.5, 0.0], abs=1e-6), 'rest')
    if not taken:
        ros.until(lambda: bridge.request_transition('configure')[0], 'configuration')
    count = len(got)
    bridge.request_transition('activate')
    ros.until(lambda: bridge.lifecycle_state == 'active', 'activity')
    assert len(got) == count


def test_which_predictions_are_young_may_be_changed_while_it_runs(ros, make, status):
    bridge = make()
    heard = status()
    ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    assert call(ros, 'arm').success
    publisher = ros.publisher(Prediction, 'pipeline/predictions', qos.PREDICTIONS)

    def said(state):
        publisher.publish(Prediction(label='fist'))  # stamped at the beginning of time
        return heard[-1].state == state

    ros.until(lambda: said('resting') and heard[-1].reason == 'old', 'refusal')
    parameters = [Parameter('check_stamps', value=False)]
    assert bridge.set_parameters_atomically(parameters).successful
    ros.until(lambda: said('commanding'), 'following')
    assert not bridge.set_parameters_atomically([Parameter('timeout', value=9.0)]).successful


def test_two_pipelines_are_told_from_a_new_one_and_diagnostics_count(ros, make, status):
    make()
    heard = status()
    health = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    assert call(ros, 'arm').success
    first = Pipeline(ros)
    first.until(lambda: heard[-1].commanding, 'commanding')
    second = Pipeline(ros)
    second.until(lambda: heard[-1].reason == 'two pipelines', 'second')
    assert '2 pipelines predict on one topic' in heard[-1].message
    first.close()
    second.until(lambda: heard[-1].commanding, 'commanding by the new one')
    second.until(lambda: heard[-1].reason == "unknown class 'x'", 'refusal', label='x')

    def facts():
        values = health[-1].status[0].values if health else []
        return {pair.key: pair.value for pair in values}

    second.until(
        lambda: int(facts().get("predictions refused, unknown class 'x'", 0)) > 0, 'count', 'x'
    )
    assert facts()['listeners'] == '1'
    assert float(facts()['command rate [Hz]']) > 0
    assert float(facts()['prediction to command p50 [ms]']) > 0
    assert health[-1].status[0].message.startswith("To rest: The class 'x' has no posture")


def test_a_command_that_cannot_be_sent_is_an_emergency_stop(ros, make, status, monkeypatch):
    sent = []

    def write(self, command):
        sent.append(command)
        if len(sent) > 5:
            raise OSError('no more')

    monkeypatch.setattr(
        'myogestic_ros.nodes.bridge.command_publisher.CommandPublisher.write', write
    )
    bridge = make()
    heard = status()
    assert call(ros, 'arm').success
    ros.until(lambda: bridge.lifecycle_state == 'inactive', 'giving up')
    ros.until(lambda: "could not be sent: OSError('no more')" in heard[-1].message, 'reason')
    assert heard[-1].stopped
    assert not heard[-1].armed
    assert len(sent) == 6
    assert call(ros, 'disarm').success
    assert call(ros, 'reset').success


def test_configured_anew_it_knows_where_the_hand_was_told_to_be(ros, make):
    bridge = make()
    got = ros.listen(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    pipeline = Pipeline(ros)
    assert call(ros, 'arm').success
    pipeline.until(lambda: got and got[-1].data[0] > 1.99, 'fist')
    assert call(ros, 'emergency_stop').success  # it stays there
    for transition in ('deactivate', 'cleanup'):
        assert ros.change_state('bridge', transition)
    assert call(ros, 'reset').success
    ros.until(lambda: bridge.request_transition('configure')[0], 'configuration')
    assert bridge.request_transition('activate')[0]
    got.clear()
    assert call(ros, 'arm').success
    ros.until(lambda: got, 'command')
    assert got[0].data[0] > 1.9
