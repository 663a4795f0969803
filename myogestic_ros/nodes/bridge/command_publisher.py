"""Publish commands as the messages that controllers subscribe to."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from myogestic_ros.control.commander import Command
from myogestic_ros.control.reason import Reason
from myogestic_ros.nodes.common import qos

__all__ = ['OUTPUTS', 'CommandPublisher', 'default_topic']

OUTPUTS = {
    'position': Float64MultiArray,
    'velocity': Float64MultiArray,
    'trajectory': JointTrajectory,
    'joint_state': JointState,
}
"""Message type of each kind of output."""


def default_topic(output: str) -> str:
    """Return the topic on which the simulated hand expects a kind of output."""
    return 'hand/joint_trajectory' if output == 'trajectory' else 'hand/commands'


class CommandPublisher:
    """Publish commands.

    Parameters
    ----------
    node : Node
        Node that owns the publisher.
    output : str
        Kind of output, a key of `OUTPUTS`.
    topic : str
        Topic of the commands.
    joints : list of str
        Names of the joints, in order.
    period_s : float
        Time between two commands, s; a trajectory reaches its point after this time.
    """

    def __init__(
        self, node: Node, output: str, topic: str, joints: list[str], period_s: float
    ) -> None:
        self._node = node
        self._joints = joints
        self._to_message = getattr(self, f'_{output}')
        nanoseconds = round(period_s * 1e9)
        self._period = Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
        self._publisher: Any = node.create_publisher(OUTPUTS[output], topic, qos.COMMANDS)

    @property
    def topic(self) -> str:
        """Full name of the topic."""
        return str(self._publisher.topic_name)

    @property
    def subscriber_count(self) -> int:
        """Number of subscribers."""
        return int(self._publisher.get_subscription_count())

    @property
    def conflict(self) -> Reason | None:
        """The conflict with other publishers of commands to the same hand; None without others."""
        name = self.topic
        own = sum(publisher.topic_name == name for publisher in self._node.publishers)
        others = self._node.count_publishers(name) - own
        if others <= 0:
            return None
        return Reason(
            'two bridges',
            f'{others} other publisher{"s" if others > 1 else ""} of commands on {name}; end '
            f'{"them" if others > 1 else "it"}, so that only this bridge commands the hand.',
        )

    def publish(self, command: Command) -> None:
        """Publish a command."""
        self._publisher.publish(self._to_message(command))

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _position(self, command: Command) -> Float64MultiArray:
        return Float64MultiArray(data=_doubles(command.position))

    def _velocity(self, command: Command) -> Float64MultiArray:
        return Float64MultiArray(data=_doubles(command.velocity))

    def _trajectory(self, command: Command) -> JointTrajectory:
        # Stamp 0 means "start now". Without velocities: a joint_trajectory_controller rejects a
        # trajectory whose last velocity is not 0.
        point = JointTrajectoryPoint(
            positions=_doubles(command.position), time_from_start=self._period
        )
        return JointTrajectory(joint_names=self._joints, points=[point])

    def _joint_state(self, command: Command) -> JointState:
        message = JointState(
            name=self._joints,
            position=_doubles(command.position),
            velocity=_doubles(command.velocity),
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        return message


def _doubles(values: NDArray[np.float64]) -> array.array[float]:
    return array.array('d', values.tobytes())
