"""What a recorder listens to, and whether anybody is there who would be heard."""

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

LOOK_EVERY_S = 0.005
MATCH_WITHIN_S = 0.06
"""A service that has waited for so long answers, whoever is not matched yet."""
KNOWN_TO_THEM_S = 0.05
"""A publisher that knows the node's process hears of a new subscription within this, s."""
KNOWS_THE_PROCESS_S = 0.5
"""A process that has been found has found this one within this, s: 0.1 where nothing else runs."""


class RecorderSubscriptions:
    """Subscriptions that hand over messages as they came.

    Parameters
    ----------
    node : Node
        Whose subscriptions they are.
    on_frame, on_latched : callable
        Called with topic and message, serialized; the latter of what is latched.

    Attributes
    ----------
    topics : dict of str to Topic
        What is listened to, by full name.
    """

    def __init__(self, node: Node, on_frame: OnMessage, on_latched: OnMessage) -> None:
        self.topics: dict[str, Topic] = {}
        self._node = node
        self._on_frame = on_frame
        self._on_latched = on_latched
        self._subscriptions: list[Any] = []
        self._processed: list[ProcessedPublisher] = []
        self._expected: set[str] = set()
        self._silent: set[str] = set()  # expected, and not heard since `begin`
        self._since_s = 0.0

    def listen(self, wanted: WantedTopic) -> None:
        """Subscribe to a topic."""
        topic = self._node.resolve_topic_name(wanted.name)
        self.topics[topic] = Topic(topic, message_definition(wanted.msgtype), wanted.offered)
        latched = wanted.offered is LATCHED
        profile = qos.LABEL_INPUT if latched else qos.EMG
        callback = self._on_latched if latched else self._on_frame

        def hear(data: bytes) -> None:
            if self._silent:
                self._silent.discard(topic)
            callback(topic, data)
            if acknowledge is not None:
                acknowledge(data)

        subscription = self._node.create_subscription(wanted.kind, topic, hear, profile, raw=True)
        self._subscriptions.append(subscription)
        acknowledge = self._acknowledge_frames(topic, subscription, wanted)
        if wanted.expected:
            self._expected.add(topic)
        self._since_s = time.monotonic()

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

    def begin(self) -> None:
        """Wait for the publishers that are known, a moment: what they send before is not heard."""
        end_s = time.monotonic() + MATCH_WITHIN_S
        settled_s = self._since_s + KNOWN_TO_THEM_S
        while time.monotonic() < end_s and not (
            time.monotonic() > settled_s and self._all_matched()
        ):
            time.sleep(LOOK_EVERY_S)
        self._silent = set(self._expected)

    def _all_matched(self) -> bool:
        return all(
            subscription.get_publisher_count()
            >= self._node.count_publishers(subscription.topic_name)
            for subscription in self._subscriptions
        )

    @property
    def silent(self) -> list[str]:
        """Topics that were asked for, and of which nothing was heard since `begin`."""
        return sorted(self._silent)

    @property
    def missing(self) -> list[str]:
        """Those of them that nobody publishes."""
        return [topic for topic in self.silent if not self._node.count_publishers(topic)]

    def close(self) -> None:
        """Stop listening."""
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
    node: Node, topics: Iterable[str], within_s: float, stop: threading.Event
) -> None:
    """Wait until topics have publishers that this node knows, and that know this node.

    Two processes find one another at once, or, when one has missed the other's first words, with
    its next ones: 3 s later, as Fast DDS does it.

    Parameters
    ----------
    node : Node
        That has just been made.
    topics : iterable of str
        The topics.
    within_s : float
        How long to wait at most, s.
    stop : threading.Event
        When it is set, nobody is waited for any more.
    """
    end_s = time.monotonic() + within_s
    wanted = [node.resolve_topic_name(topic) for topic in topics]
    while not all(node.count_publishers(topic) for topic in wanted):
        if time.monotonic() > end_s or stop.wait(LOOK_EVERY_S):
            return
    stop.wait(min(within_s, KNOWS_THE_PROCESS_S))
