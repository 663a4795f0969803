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
MATCH_TIMEOUT_S = 0.06
"""Longest time for which a service waits until all known publishers are matched."""
SUBSCRIPTION_DISCOVERY_S = 0.05
"""Time in which a publisher that knows this process discovers a new subscription."""
PROCESS_DISCOVERY_S = 0.5
"""Time in which a discovered process has discovered this one; 0.1 s on an idle machine."""


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
        self._silent: set[str] = set()  # expected, no message since `wait_for_publishers`
        self._subscribed_s = 0.0

    def subscribe(self, wanted: WantedTopic) -> None:
        """Subscribe to a topic."""
        topic = self._node.resolve_topic_name(wanted.name)
        self.topics[topic] = Topic(topic, message_definition(wanted.msgtype), wanted.offered)
        latched = wanted.offered is LATCHED
        profile = qos.LABEL_INPUT if latched else qos.EMG
        callback = self._on_latched if latched else self._on_frame

        def on_message(data: bytes) -> None:
            if self._silent:
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
        self._subscribed_s = time.monotonic()

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
                publisher.publish(span[0] + span[1])

        return acknowledge

    def wait_for_publishers(self) -> None:
        """Wait at most 0.06 s until all known publishers are matched; clear `silent`.

        Messages that a publisher sends before it is matched are not received.
        """
        end_s = time.monotonic() + MATCH_TIMEOUT_S
        discovered_s = self._subscribed_s + SUBSCRIPTION_DISCOVERY_S
        while time.monotonic() < end_s and not (
            time.monotonic() > discovered_s and self._all_matched()
        ):
            time.sleep(POLL_INTERVAL_S)
        self._silent = set(self._expected)

    def _all_matched(self) -> bool:
        return all(
            subscription.get_publisher_count()
            >= self._node.count_publishers(subscription.topic_name)
            for subscription in self._subscriptions
        )

    @property
    def silent(self) -> list[str]:
        """Expected topics without a message since `wait_for_publishers`."""
        return sorted(self._silent)

    @property
    def missing(self) -> list[str]:
        """Silent topics without a publisher."""
        return [topic for topic in self.silent if not self._node.count_publishers(topic)]

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
        self._silent.clear()


def find_publishers(
    node: Node, topics: Iterable[str], timeout_s: float, stop: threading.Event
) -> None:
    """Wait until this node and publishers of all topics have discovered each other.

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
    stop.wait(min(timeout_s, PROCESS_DISCOVERY_S))
