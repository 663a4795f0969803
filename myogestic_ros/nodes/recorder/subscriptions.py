"""Subscriptions of the recorder, and discovery of its publishers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.node import Node

from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.processed_publisher import ProcessedPublisher
from myogestic_ros.nodes.recorder.topics import WantedTopic
from myogestic_ros.sessions.reading.reader import EMG_FRAME
from myogestic_ros.sessions.recording.sample_losses import frame_span
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED
from myogestic_ros.sessions.storage.writer import Topic

__all__ = ['RecorderSubscriptions', 'find_publishers']

OnMessage = Callable[[str, bytes], None]

POLL_INTERVAL_S = 0.005


class RecorderSubscriptions:
    """Subscribe to topics and pass on the serialized messages.

    Parameters
    ----------
    node : Node
        Node that owns the subscriptions.
    on_frame, on_latched : callable
        Called with the topic and the serialized message of a volatile or latched topic.

    Attributes
    ----------
    topics : dict of str to Topic
        Subscribed topics by full name.
    """

    def __init__(self, node: Node, on_frame: OnMessage, on_latched: OnMessage) -> None:
        self.topics: dict[str, Topic] = {}
        self._node = node
        self._on_frame = on_frame
        self._on_latched = on_latched
        self._subscriptions: list[Any] = []
        self._processed: list[ProcessedPublisher] = []
        self._expected: set[str] = set()
        self._received: set[str] = set()  # a message has arrived since the subscription
        self._silent: set[str] = set()  # expected, no message since `start_recording`

    def subscribe(self, wanted: WantedTopic) -> None:
        """Subscribe to a topic."""
        topic = self._node.resolve_topic_name(wanted.name)
        self.topics[topic] = Topic(topic, message_definition(wanted.msgtype), wanted.offered)
        latched = wanted.offered is LATCHED
        profile = qos.LABEL_INPUT if latched else qos.EMG
        callback = self._on_latched if latched else self._on_frame

        def on_message(data: bytes) -> None:
            self._received.add(topic)
            self._silent.discard(topic)
            callback(topic, data)
            if acknowledge is not None:
                acknowledge(data)

        subscription = self._node.create_subscription(
            wanted.kind, topic, on_message, profile, raw=True
        )
        self._subscriptions.append(subscription)
        acknowledge = self._acknowledge_frames(topic, subscription, wanted)
        if wanted.expected:
            self._expected.add(topic)

    def _acknowledge_frames(
        self, topic: str, subscription: Any, wanted: WantedTopic
    ) -> Callable[[bytes], None] | None:
        """Return a function that acknowledges a frame to a flow-controlled replay."""
        if wanted.msgtype != EMG_FRAME:
            return None
        publisher = ProcessedPublisher(
            self._node, topic, lambda: subscription.get_publisher_count() > 0
        )
        self._processed.append(publisher)

        def acknowledge(data: bytes) -> None:
            span = frame_span(data) if publisher.active else None
            if span is not None:
                publisher.receive(span.end_sample, span.duration_s)
                if publisher.due:
                    publisher.acknowledge(span.end_sample)

        return acknowledge

    def start_recording(self) -> list[str]:
        """Clear `silent`; return the expected topics without a message since the subscription.

        A publisher is known to have found the subscription when a message has arrived: what it
        sends before is not received.
        """
        self._silent = set(self._expected)
        return sorted(self._expected - self._received)

    @property
    def silent(self) -> list[str]:
        """Expected topics without a message since `start_recording`."""
        return sorted(self._silent)

    def close(self) -> None:
        """Destroy the subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        for publisher in self._processed:
            publisher.close()
        self._processed.clear()
        self.topics.clear()
        self._expected.clear()
        self._received.clear()
        self._silent.clear()


def find_publishers(
    node: Node, topics: Iterable[str], timeout_s: float, stop: threading.Event
) -> None:
    """Wait until publishers of all topics are discovered.

    With Fast DDS two processes discover each other at once or, if one misses the other's first
    announcement, with the next one, 3 s later.

    Parameters
    ----------
    node : Node
        A new node.
    topics : iterable of str
        Names of the topics.
    timeout_s : float
        Longest time to wait for publishers, s.
    stop : threading.Event
        Ends the wait when it is set.
    """
    end_s = time.monotonic() + timeout_s
    wanted = [node.resolve_topic_name(topic) for topic in topics]
    while not all(node.count_publishers(topic) for topic in wanted):
        if time.monotonic() > end_s or stop.wait(POLL_INTERVAL_S):
            return
