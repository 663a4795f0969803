"""Acknowledge processed samples to a driver with a flow-controlled replay."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from myogestic_ros.msg import Processed
from myogestic_ros.nodes.common import qos

__all__ = ['ProcessedPublisher', 'processed_topic']

REPEAT_INTERVAL_S = 0.2
BATCH_FRAMES = 10
BATCH_S = 0.1
"""Frames and signal that are acknowledged at once. A flow-controlled replay is several batches
ahead (`flow_control.AHEAD_FRAMES`, `AHEAD_S`), so it does not wait for a batch to be complete."""


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
    received : int
        Index after the newest sample that the node has received (see `receive`).
    """

    def __init__(self, node: Node, topic: str, is_matched: Callable[[], bool]) -> None:
        self._node = node
        self._is_matched = is_matched
        self.received = 0
        self._acknowledged = 0
        self._frames, self._duration_s = 0, 0.0  # received since the last acknowledgement
        self._publisher = node.create_publisher(Processed, processed_topic(topic), qos.PROCESSED)
        self._timer = node.create_timer(REPEAT_INTERVAL_S, self._repeat)

    @property
    def active(self) -> bool:
        """Return True while a flow-controlled replay subscribes."""
        return bool(self._publisher.get_subscription_count())

    def receive(self, end_sample: int, duration_s: float) -> None:
        """Note a frame that the node has received and not yet processed.

        Parameters
        ----------
        end_sample : int
            Index after the last sample of the frame.
        duration_s : float
            Duration of the frame, s.
        """
        self.received = end_sample
        self._frames += 1
        self._duration_s += duration_s

    @property
    def due(self) -> bool:
        """Return True when the frames received since the last acknowledgement are a batch."""
        return (self._frames >= BATCH_FRAMES or self._duration_s >= BATCH_S) and self.active

    def acknowledge(self, end_sample: int) -> None:
        """Acknowledge all samples before ``end_sample``."""
        self._acknowledged = end_sample
        self._frames, self._duration_s = 0, 0.0
        self._publish()

    def close(self) -> None:
        """Destroy publisher and timer: a flow-controlled replay no longer waits for this node."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _repeat(self) -> None:
        if self.active and self._is_matched():
            self._publish()

    def _publish(self) -> None:
        end_sample = self._acknowledged
        message = Processed(node=self._node.get_fully_qualified_name(), end_sample=end_sample)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
