"""A node's health on /diagnostics, once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from myogestic_ros.nodes.common import qos

__all__ = ['Diagnostics']

PERIOD_S = 1.0


class Diagnostics:
    """Publish what ``collect`` returns on ``/diagnostics`` at 1 Hz.

    Parameters
    ----------
    node : Node
        Whose health it is.
    hardware_id : str
        What it is the health of.
    collect : callable
        Returns level, message and facts.
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
        """Publish now."""
        level, message, facts = self._collect()
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in facts.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
