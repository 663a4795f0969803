"""Commands as the messages that controllers take."""

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
from myogestic_ros.nodes.common import qos

__all__ = ['OUTPUTS', 'CommandPublisher', 'default_topic']

OUTPUTS = {
    'position': Float64MultiArray,
    'velocity': Float64MultiArray,
    'trajectory': JointTrajectory,
    'joint_state': JointState,
}
"""Kinds of commands, each with its message."""


def default_topic(output: str) -> str:
    """Return the topic of a kind of commands, as the simulated hand listens to it."""
    return 'hand/joint_trajectory' if output == 'trajectory' else 'hand/commands'


class CommandPublisher:
    """Publish commands.

    Parameters
    ----------
    node : Node
        Whose publisher it is.
    output : str
        One of `OUTPUTS`.
    topic : str
        Where to.
    joints : list of str
        Names of the joints, in order.
    period_s : float
        Time between two commands, s: what a trajectory takes to reach each.
    """

    def __init__(
        self, node: Node, output: str, topic: str, joints: list[str], period_s: float
    ) -> None:
        self._node = node
        self._joints = joints
        self._make = getattr(self, f'_{output}')
        nanoseconds = round(period_s * 1e9)
        self._ahead = Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
        self._publisher: Any = node.create_publisher(OUTPUTS[output], topic, qos.COMMANDS)

    @property
    def topic(self) -> str:
        """The topic, in full."""
        return str(self._publisher.topic_name)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return int(self._publisher.get_subscription_count())

    def write(self, command: Command) -> None:
        """Publish a command."""
        self._publisher.publish(self._make(command))

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _position(self, command: Command) -> Float64MultiArray:
        return Float64MultiArray(data=_doubles(command.position))

    def _velocity(self, command: Command) -> Float64MultiArray:
        return Float64MultiArray(data=_doubles(command.velocity))

    def _trajectory(self, command: Command) -> JointTrajectory:
        # The stamp 0 means at once. No velocity: a trajectory that does not end still is refused.
        point = JointTrajectoryPoint(
            positions=_doubles(command.position), time_from_start=self._ahead
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
