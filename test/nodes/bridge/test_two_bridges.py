"""Several nodes that command one hand, or report its position."""

from __future__ import annotations

import pytest
import yaml
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from support.ros import ros_graph

from myogestic_ros.msg import BridgeStatus, Prediction
from myogestic_ros.nodes.bridge.node import BridgeNode
from myogestic_ros.nodes.common import qos

HAND = {
    'joints': {'a': {'lower': 0.0, 'upper': 2.0}},
    'limits': {'velocity': 1.0, 'acceleration': 40.0},
    'rest_speed': 1.0,
    'postures': {'rest': {'a': 0.5}, 'fist': {'a': 2.0}},
}


class NamedBridge(BridgeNode):
    """A bridge with a name of its own, as a launch file would give it."""

    def __init__(self, name, **kwargs):
        super().__init__(cli_args=['--ros-args', '-r', f'__node:={name}'], **kwargs)


class Bridges:
    """Bridges of one hand by name, with their statuses."""

    def __init__(self, ros, folder):
        self.ros = ros
        self.mapping = folder / 'mapping.yaml'
        self.mapping.write_text(yaml.safe_dump(HAND))
        self.statuses = {}
        self.nodes = {}
        self._predictions = None

    def add(self, name, **parameters):
        """Add an active bridge."""
        values = {'mapping': str(self.mapping), 'state_topic': '', 'autostart': 'activate'}
        self.nodes[name] = self.ros.add(NamedBridge, name, **{**values, **parameters})
        self.statuses[name] = self.ros.listen(BridgeStatus, f'{name}/status', qos.STATUS)

    def call(self, name, service):
        """Call a service of a bridge."""
        return self.ros.call(Trigger, f'{name}/{service}')

    def until(self, name, condition, what):
        """Publish predictions until a condition holds for the status of a bridge."""
        if self._predictions is None:
            self._predictions = self.ros.publisher(
                Prediction, 'pipeline/predictions', qos.PREDICTIONS
            )

        def predicted():
            message = Prediction(label='fist')
            message.header.stamp = self.ros.hand.get_clock().now().to_msg()
            self._predictions.publish(message)
            return condition(self.statuses[name][-1])

        self.ros.until(predicted, what)


@pytest.fixture
def bridges(tmp_path):
    with ros_graph() as graph:
        yield Bridges(graph, tmp_path)


def test_a_second_bridge_is_refused_and_the_first_goes_to_rest(bridges):
    bridges.add('left')
    assert bridges.call('left', 'arm').success
    bridges.until('left', lambda status: status.commanding, 'commands')
    bridges.add('right')
    bridges.until('left', lambda status: status.reason == 'two bridges', 'conflict')
    assert bridges.statuses['left'][-1].state == 'resting'
    response = bridges.call('right', 'arm')
    assert not response.success
    assert response.message == (
        'Cannot arm: 1 other publisher of commands on /hand/commands; end it, so that only this '
        'bridge commands the hand.'
    )
    response = bridges.call('right', 'emergency_stop')
    assert response.success
    assert 'the hand may still be moved. 1 other publisher of commands' in response.message
    bridges.ros.until(lambda: bridges.statuses['left'][-1].stopped, 'stop of the other bridge')
    assert bridges.call('right', 'reset').success  # its stop is in force for all until then
    assert bridges.ros.change_state('right', 'deactivate')
    assert bridges.ros.change_state('right', 'cleanup')  # it has no publisher any more
    assert bridges.call('left', 'reset').success
    bridges.ros.until(lambda: bridges.call('left', 'arm').success, 'arming')
    bridges.until('left', lambda status: status.commanding, 'commands')


def test_any_node_that_publishes_commands_is_a_conflict(bridges):
    bridges.add('bridge')
    publisher = bridges.ros.hand.create_publisher(Float64MultiArray, 'hand/commands', qos.COMMANDS)
    bridges.ros.until(lambda: not bridges.call('bridge', 'arm').success, 'refusal')
    bridges.ros.hand.destroy_publisher(publisher)
    bridges.ros.until(lambda: bridges.call('bridge', 'arm').success, 'arming')


def test_emergency_stop_of_any_node_is_obeyed_and_reset_of_one_bridge_resets_only_it(bridges):
    for name in ('left', 'right'):
        bridges.add(name, output_topic=f'{name}_hand/commands')
        assert bridges.call(name, 'arm').success
    assert bridges.call('left', 'emergency_stop').success
    bridges.ros.until(lambda: bridges.statuses['right'][-1].stopped, 'stop of the other bridge')
    assert bridges.statuses['right'][-1].message == (
        'Emergency stop from another node: the hand holds its position until ~/reset is called.'
    )
    assert bridges.call('left', 'reset').success
    assert bridges.statuses['right'][-1].stopped
    assert bridges.call('right', 'reset').success
    for name in ('left', 'right'):
        assert bridges.call(name, 'arm').success
        bridges.until(name, lambda status: status.commanding, 'commands')
        assert not bridges.statuses[name][-1].stopped  # no echo of an earlier stop
    panel = bridges.ros.publisher(Bool, '/emergency_stop', qos.EMERGENCY_STOP)
    panel.publish(Bool(data=True))
    for name in ('left', 'right'):
        bridges.ros.until(lambda name=name: bridges.statuses[name][-1].stopped, 'stop')
    bridges.add('late', output_topic='late_hand/commands')
    bridges.ros.until(lambda: bridges.statuses['late'][-1].stopped, 'stop of a later bridge')
    assert not bridges.call('late', 'arm').success


def test_second_publisher_of_joint_states_is_refused(bridges):
    bridges.add('bridge', state_topic='joint_states')
    first, second = (
        bridges.ros.publisher(JointState, 'joint_states', qos.JOINT_STATES) for _ in range(2)
    )

    def armed():
        first.publish(JointState(name=['a'], position=[0.5]))
        return bridges.call('bridge', 'arm').success

    bridges.ros.until(armed, 'arming')

    def refused():
        first.publish(JointState(name=['a'], position=[0.5]))
        second.publish(JointState(name=['a', 'other'], position=[1.9, 0.0]))
        return bridges.statuses['bridge'][-1].reason in ('two hands', 'implausible position')

    bridges.ros.until(refused, 'refusal')
    assert bridges.call('bridge', 'disarm').success
    response = bridges.call('bridge', 'arm')
    assert not response.success
    assert response.message.startswith('Cannot arm: ')
    bridges.ros.until(armed, 'arming by the one that is left')


def test_emergency_stop_topic_can_be_switched_off(bridges):
    bridges.add('bridge', emergency_stop_topic='')
    assert bridges.call('bridge', 'emergency_stop').success
    assert bridges.ros.hand.count_subscribers('/emergency_stop') == 0
    parameters = [Parameter('emergency_stop_topic', value='/stop')]
    assert not bridges.nodes['bridge'].set_parameters_atomically(parameters).successful
