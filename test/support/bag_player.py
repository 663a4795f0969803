"""What ``ros2 bag play --clock`` does, for machines without rosbag2: a bag back on its topics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock

from myogestic_ros.nodes.common.conversions import time_to_ros
from myogestic_ros.sessions.storage.bag import open_bag

CLOCK_PERIOD_NS = 25 * 10**6
"""rosbag2 publishes the clock at 40 Hz, and so does this."""


class BagPlayer:
    """Publish the messages of a bag, as they lie there, at the times of their recording.

    Parameters
    ----------
    context : rclpy.Context
        Where to publish.
    path : Path
        The bag.
    kinds : dict of str to class
        Class of the messages of each topic to play.
    """

    def __init__(self, context: Any, path: Path, kinds: dict[str, Any]) -> None:
        self.node = rclpy.create_node('rosbag2_player', context=context)
        self._bag = open_bag(path)
        self._clock = self.node.create_publisher(Clock, '/clock', 10)
        self._publishers = {topic: self._publisher(topic, kind) for topic, kind in kinds.items()}

    def _publisher(self, topic: str, kind: Any) -> Any:
        latched = topic.endswith(('info', 'label'))
        profile = QoSProfile(depth=1 if latched else 500)
        profile.durability = (
            DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        )
        return self.node.create_publisher(kind, topic, profile)

    def listeners(self, topic: str) -> int:
        """Return how many listen to a topic."""
        return self._publishers[topic].get_subscription_count()

    def set_clock(self, time_ns: int) -> None:
        """Say what time it is."""
        self._clock.publish(Clock(clock=time_to_ros(time_ns)))

    def play(self, rate: float) -> None:
        """Play all of it, at ``rate`` times the speed of life."""
        start_s, first_ns, clock_ns = time.monotonic(), None, 0
        for topic, log_ns, data in self._bag.messages(list(self._publishers)):
            first_ns = log_ns if first_ns is None else first_ns
            while clock_ns < log_ns:
                clock_ns = max(first_ns, clock_ns + CLOCK_PERIOD_NS)
                self._wait(start_s + (clock_ns - first_ns) * 1e-9 / rate)
                self.set_clock(min(clock_ns, log_ns))
            self._wait(start_s + (log_ns - first_ns) * 1e-9 / rate)
            self._publishers[topic].publish(data)

    @staticmethod
    def _wait(moment_s: float) -> None:
        left_s = moment_s - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)
