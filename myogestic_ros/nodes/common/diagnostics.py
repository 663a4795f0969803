"""Publish the health of a node on /diagnostics at 1 Hz."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from myogestic_ros.core.untrusted import printable
from myogestic_ros.nodes.common import qos

__all__ = ['Diagnostics']

PERIOD_S = 1.0


class Diagnostics:
    """Publish the result of ``collect`` on ``/diagnostics`` at 1 Hz.

    Parameters
    ----------
    node : Node
        The node that publishes, and whose name the status bears.
    hardware_id : str
        Name of the device or software component that the status describes.
    collect : callable
        Returns a level of DiagnosticStatus, a message, and values by key.
    """

    def __init__(
        self,
        node: Node,
        hardware_id: str,
        collect: Callable[[], tuple[bytes, str, Mapping[str, str]]],
    ) -> None:
        self._node = node
        self._hardware_id = hardware_id
        self._collect = collect
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=steady)

    def publish(self) -> None:
        """Publish now, in addition to the timer."""
        level, message, values = self._collect()
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=printable(message, multiline=True),
            hardware_id=self._hardware_id,
            values=[
                KeyValue(key=printable(key), value=printable(value, multiline=True))
                for key, value in values.items()
            ],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
