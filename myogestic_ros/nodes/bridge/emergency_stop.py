"""The topic of the emergency stop that all bridges obey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Bool

from myogestic_ros.nodes.common import qos

__all__ = ['EmergencyStopTopic']


class EmergencyStopTopic:
    """Publish the emergency stop of a bridge, and receive that of others.

    The message is latched: a bridge that starts later is stopped as well, for as long as the
    publisher is there. ``false`` ends nothing; each bridge is reset with its own ``~/reset``.

    Parameters
    ----------
    node : Node
        The bridge node.
    topic : str
        Name of the topic.
    on_stop : callable
        Called when an emergency stop is received.
    """

    def __init__(self, node: Node, topic: str, on_stop: Callable[[], None]) -> None:
        self._node = node
        self._topic = topic
        self._on_stop = on_stop
        self._publisher: Any = node.create_publisher(Bool, topic, qos.EMERGENCY_STOP)
        self._subscription: Any = None
        self._subscribe()

    def _subscribe(self) -> None:
        self._subscription = self._node.create_subscription(
            Bool, self._topic, self._on_message, qos.EMERGENCY_STOP
        )

    def _on_message(self, message: Bool) -> None:
        if message.data:
            self._on_stop()

    def stop(self) -> None:
        """Stop all bridges."""
        self._publisher.publish(Bool(data=True))

    def reset(self) -> None:
        """Withdraw the stop of this bridge."""
        self._publisher.publish(Bool(data=False))
        # The stop of this bridge may still be in the queue. A new subscription receives the
        # latest message of each publisher: other nodes' stops, which remain in force.
        self._node.destroy_subscription(self._subscription)
        self._subscribe()

    def close(self) -> None:
        """Destroy publisher and subscription."""
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)
