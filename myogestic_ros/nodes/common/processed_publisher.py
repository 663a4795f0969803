"""Acknowledge processed samples to a driver with a flow-controlled replay."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from myogestic_ros.msg import Processed
from myogestic_ros.nodes.common import qos

__all__ = ['ProcessedPublisher', 'processed_topic']

REPEAT_INTERVAL_S = 0.2


def processed_topic(topic: str) -> str:
    """Return the topic on which nodes acknowledge the samples of a stream."""
    return f'{topic}/processed'


class ProcessedPublisher:
    """Publish how far a node has processed a stream.

    While a flow-controlled replay subscribes, the newest value is repeated five times a second:
    the replay begins when every node that acknowledges has been heard.

    Parameters
    ----------
    node : Node
        Node that processes the stream.
    topic : str
        Topic of the stream.
    is_matched : callable
        Returns True once the node's subscription to the stream has found a publisher.

    Attributes
    ----------
    end_sample : int
        Index after the newest sample that was acknowledged.
    """

    def __init__(self, node: Node, topic: str, is_matched: Callable[[], bool]) -> None:
        self._node = node
        self._is_matched = is_matched
        self.end_sample = 0
        self._publisher = node.create_publisher(Processed, processed_topic(topic), qos.PROCESSED)
        self._timer = node.create_timer(REPEAT_INTERVAL_S, self._repeat)

    @property
    def active(self) -> bool:
        """Return True while a flow-controlled replay subscribes."""
        return bool(self._publisher.get_subscription_count())

    def publish(self, end_sample: int) -> None:
        """Acknowledge all samples before ``end_sample``."""
        self.end_sample = end_sample
        message = Processed(node=self._node.get_fully_qualified_name(), end_sample=end_sample)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def close(self) -> None:
        """Destroy publisher and timer: a flow-controlled replay no longer waits for this node."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _repeat(self) -> None:
        if self.active and self._is_matched():
            self.publish(self.end_sample)
