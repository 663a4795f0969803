"""A flow-controlled replay waits for the nodes that process its frames."""

from __future__ import annotations

import pytest
from support.bags import protocol, topics
from support.ros import Ros, ros_graph

from myogestic_ros.msg import EmgFrame, Processed
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.driver import flow_control
from myogestic_ros.nodes.driver.node import DriverNode
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.writer import SessionWriter

FRAMES = 200
AHEAD = 100
"""Frames of 10 ms in `flow_control.AHEAD_S`."""


class Subscriber:
    """A node that acknowledges frames when the test says so."""

    def __init__(self, ros: Ros, name: str) -> None:
        self.frames: list[EmgFrame] = []
        self._name = name
        self._node = ros.hand
        self._publisher = self._node.create_publisher(Processed, 'emg/processed', qos.PROCESSED)
        self._node.create_subscription(EmgFrame, 'emg', self.frames.append, qos.EMG)
        ros.until(self._publisher.get_subscription_count, 'a flow-controlled driver')

    def acknowledge(self, end_sample: int) -> None:
        """Acknowledge all samples before ``end_sample``."""
        self._publisher.publish(Processed(node=self._name, end_sample=end_sample))

    def acknowledge_all(self, batch: int = 1) -> int:
        """Acknowledge the complete batches of frames; return how many frames have arrived."""
        complete = len(self.frames) // batch * batch
        if complete:
            newest = self.frames[complete - 1]
            self.acknowledge(newest.first_sample + len(newest.data) // newest.channels)
        return len(self.frames)

    def close(self) -> None:
        """End acknowledging."""
        self._node.destroy_publisher(self._publisher)


@pytest.fixture
def ros():
    """Nodes in this process."""
    with ros_graph() as graph:
        yield graph


@pytest.fixture
def driver(ros, tmp_path, monkeypatch):
    """A driver that replays 200 frames as fast as possible."""
    return replaying_driver(ros, tmp_path, monkeypatch, protocol([(0, 'rest', 2.0)]))


def replaying_driver(ros, tmp_path, monkeypatch, items):
    """Return a driver that replays the messages of a session as fast as possible."""
    monkeypatch.setattr(flow_control, 'REPORT_AFTER_S', 0.05)
    with SessionWriter(tmp_path / 's', SessionInfo(), topics()) as writer:
        for item in items:
            writer.write(*item)
    node = ros.add(
        DriverNode,
        source='replay',
        autostart='configure',
        replay__path=str(tmp_path / 's'),
        replay__rate=0.0,
    )
    ros.until(lambda: ros.state('driver') == 'inactive', 'configuration')
    return node


def test_the_replay_begins_when_a_subscriber_acknowledges(ros, driver):
    assert ros.change_state('driver', 'activate')
    ros.until(
        lambda: 'Waiting for a pipeline or a recorder that subscribes' in driver.status_message,
        'reason to wait',
    )
    subscriber = Subscriber(ros, '/one')
    ros.until(lambda: 'Waiting for 1 of 1 subscriber(s)' in driver.status_message, 'reason')
    assert not subscriber.frames
    subscriber.acknowledge(0)
    ros.until(lambda: subscriber.acknowledge_all() == FRAMES, 'every frame')
    ros.until(lambda: 'has ended' in driver.status_message, 'the end of the recording')
    assert [frame.first_sample for frame in subscriber.frames] == list(range(0, 4000, 20))


def test_a_gap_longer_than_the_replay_is_ahead_does_not_stop_it(ros, tmp_path, monkeypatch):
    """Nodes acknowledge several frames at once: the frame after the gap alone is not a batch."""
    items = protocol([(0, 'rest', 6.0)], lose=(2100, 10_100))  # 400 frames
    driver = replaying_driver(ros, tmp_path, monkeypatch, items)
    subscriber = Subscriber(ros, '/one')
    assert ros.change_state('driver', 'activate')
    subscriber.acknowledge(0)
    ros.until(lambda: subscriber.acknowledge_all(batch=10) == FRAMES, 'every frame')
    ros.until(lambda: 'has ended' in driver.status_message, 'the end of the recording')


def test_the_replay_waits_for_the_slowest_subscriber_until_it_ends(ros, driver, monkeypatch):
    fast, slow = Subscriber(ros, '/fast'), Subscriber(ros, '/slow')
    assert ros.change_state('driver', 'activate')
    slow.acknowledge(0)
    fast.acknowledge(0)
    ros.until(
        lambda: (
            fast.acknowledge_all() == AHEAD + 1 and 'Waiting for /slow' in driver.status_message
        ),
        'name of the slow subscriber',
    )
    monkeypatch.setattr(flow_control, 'GONE_AFTER_S', 0.0)
    slow.close()
    ros.until(lambda: fast.acknowledge_all() == FRAMES, 'every frame')


def test_a_replay_that_waits_can_be_stopped_and_started_again(ros, driver):
    subscriber = Subscriber(ros, '/one')
    for _ in range(2):  # the second time, the value acknowledged before counts for nothing
        subscriber.frames.clear()
        assert ros.change_state('driver', 'activate')
        subscriber.acknowledge(4000)
        ros.until(
            lambda: (
                len(subscriber.frames) == AHEAD + 1 and 'Waiting for /one' in driver.status_message
            ),
            'reason to wait',
        )
        assert ros.change_state('driver', 'deactivate')
        assert driver.status_message == 'Stopped streaming.'
