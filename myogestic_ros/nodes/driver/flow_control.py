"""Hold a replay back until the subscribers have processed its frames."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from rclpy.node import Node

from myogestic_ros.msg import Processed
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.processed_publisher import processed_topic

__all__ = ['FlowControl']

AHEAD_S = 1.0
"""Duration of signal that may be published and not yet be processed, s."""
AHEAD_FRAMES = 100
"""The same in frames: fewer than a subscriber's queue holds (`qos.EMG`)."""
POLL_INTERVAL_S = 0.05
COUNT_INTERVAL_S = 0.2
REPORT_AFTER_S = 1.0
"""Waiting time after which the status names the reason, s."""
GONE_AFTER_S = 2.0
"""Silence after which a node is forgotten if fewer nodes acknowledge than before, s."""


class FlowControl:
    """Wait for the nodes that acknowledge a stream on ``<topic>/processed``.

    `wait` and `on_published` are called from one thread; acknowledgements arrive in the
    executor's thread.

    Parameters
    ----------
    node : Node
        Node that publishes the stream.
    topic : str
        Topic of the stream.
    set_status : callable
        Called with a sentence when waiting takes longer than 1 s, and with '' when it ends.
    """

    def __init__(self, node: Node, topic: str, set_status: Callable[[str], None]) -> None:
        self._node = node
        self._topic = node.resolve_topic_name(topic)
        self._set_status = set_status
        self._changed = threading.Condition()
        self._processed: dict[str, tuple[int, float]] = {}  # end sample, time of arrival in s
        self._published = 0  # index after the newest sample
        # End sample of each frame that a node has not processed. Frames are counted, not samples:
        # where the recording lost samples, the index advances by many at once.
        self._unprocessed: deque[int] = deque()
        self._expected = 0
        self._counted_s = -COUNT_INTERVAL_S
        self._subscription = node.create_subscription(
            Processed, processed_topic(topic), self._on_processed, qos.PROCESSED
        )

    def close(self) -> None:
        """Destroy the subscription: the nodes stop acknowledging."""
        self._node.destroy_subscription(self._subscription)

    def restart(self) -> None:
        """Begin a stream that counts its samples from 0."""
        with self._changed:
            self._processed.clear()
            self._unprocessed.clear()
            self._published = 0

    def on_published(self, end_sample: int) -> None:
        """Note the index after the last sample that was published."""
        with self._changed:
            self._published = end_sample
            self._unprocessed.append(end_sample)

    def wait(self, n_samples: int, sampling_rate: float, stopped: Callable[[], bool]) -> None:
        """Wait until the next frame may be published.

        Parameters
        ----------
        n_samples : int
            Samples per frame.
        sampling_rate : float
            Sampling rate, Hz.
        stopped : callable
            Returns True to end waiting.
        """
        ahead = max(1, min(int(AHEAD_S * sampling_rate / n_samples), AHEAD_FRAMES))
        start_s = time.monotonic()
        reported = ''
        with self._changed:
            while not stopped() and (reason := self._reason_to_wait(ahead)):
                if reason != reported and time.monotonic() - start_s > REPORT_AFTER_S:
                    reported = reason
                    self._set_status(reason)
                    start_s = time.monotonic()
                self._changed.wait(POLL_INTERVAL_S)
        if reported:
            self._set_status('')

    def _on_processed(self, message: Processed) -> None:
        with self._changed:
            # A node that has not received a frame of this stream repeats its last value.
            end_sample = message.end_sample if message.end_sample <= self._published else 0
            self._processed[message.node] = (end_sample, time.monotonic())
            self._changed.notify_all()

    def _reason_to_wait(self, ahead: int) -> str:
        """Return the reason to wait in a sentence, or '' for at most ``ahead`` frames."""
        self._count()
        if not self._expected:
            return (
                f'Waiting for a pipeline or a recorder that subscribes to {self._topic}: '
                'the replay is flow-controlled.'
            )
        unheard = self._expected - len(self._processed)
        if unheard > 0:
            return f'Waiting for {unheard} of {self._expected} subscriber(s) of {self._topic}.'
        node, (end_sample, _) = min(self._processed.items(), key=lambda item: item[1][0])
        self._discard_processed(end_sample)
        if len(self._unprocessed) <= ahead:
            return ''
        return f'Waiting for {node}, which has not processed the newest frames.'

    def _discard_processed(self, end_sample: int) -> None:
        """Discard the frames before ``end_sample``, which every node has processed."""
        while self._unprocessed and self._unprocessed[0] <= end_sample:
            self._unprocessed.popleft()

    def _count(self) -> None:
        """Count the nodes that acknowledge, and forget those that have ended."""
        now_s = time.monotonic()
        if now_s - self._counted_s < COUNT_INTERVAL_S:
            return
        self._counted_s = now_s
        self._expected = self._node.count_publishers(self._subscription.topic_name)
        for node, (_, heard_s) in list(self._processed.items()):
            if len(self._processed) > self._expected and now_s - heard_s > GONE_AFTER_S:
                del self._processed[node]
