"""Subscribe to the topic of a `Topic` source, whatever its type and reliability."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from myogestic_ros.sources.topic import Topic

__all__ = ['TopicInput']

SEARCH_INTERVAL_S = 0.1
DEPTH = 500


class TopicInput:
    """A subscription that feeds a source, made once a publisher tells the type.

    Parameters
    ----------
    node : Node
        Node that subscribes.
    source : Topic
        Source to feed.
    """

    def __init__(self, node: Node, source: Topic) -> None:
        self._node, self._source = node, source
        self._subscription: Subscription | None = None
        self._timer = node.create_timer(SEARCH_INTERVAL_S, self._search)

    def close(self) -> None:
        """End the subscription."""
        self._node.destroy_timer(self._timer)
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _search(self) -> None:
        source = self._source
        publishers = self._node.get_publishers_info_by_topic(source.topic)
        if self._subscription is not None or not publishers:
            return
        types = {publisher.topic_type for publisher in publishers}
        if len(types) > 1:
            source.reason = f'{source.topic} has publishers of several types: {sorted(types)}'
            return
        (name,) = types
        try:
            package, _, message = name.partition('/msg/')
            kind = getattr(import_module(f'{package}.msg'), message)
        except (ImportError, AttributeError, ValueError) as error:
            source.reason = (
                f'install the package of the message {name} of {source.topic} ({error})'
            )
            return
        # A best-effort subscription receives from both kinds, but a reliable one loses nothing.
        reliable = all(
            publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for publisher in publishers
        )
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.VOLATILE,
        )
        self._subscription = self._node.create_subscription(
            kind, source.topic, self._on_message, profile
        )

    def _on_message(self, message: Any) -> None:
        value = message
        try:
            for name in self._source.field.split('.'):
                value = getattr(value, name)
            array = np.asarray(value, np.float64).ravel()
        except (AttributeError, TypeError, ValueError) as error:
            fields = ', '.join(message.get_fields_and_field_types())
            self._source.reason = (
                f'{type(message).__name__} on {self._source.topic} has no array '
                f"'{self._source.field}'; its fields are {fields} ({error})"
            )
            return
        self._source.feed(array, time.monotonic())
