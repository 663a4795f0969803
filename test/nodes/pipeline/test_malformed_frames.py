"""Malformed frames are dropped, counted and logged once."""

from __future__ import annotations

import array

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from support.bags import START_NS
from support.graph import graph, renewed

from myogestic_ros.core.signals import Chunk
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common.conversions import chunk_to_ros

pytestmark = pytest.mark.processes


def valid_frame(first: int, channels: int = 4) -> EmgFrame:
    """Return a valid frame of ones."""
    data = np.ones((20, channels), np.float32)
    return chunk_to_ros(Chunk(first, START_NS + first * 500_000, 2000.0, data))


def wrong_length(message):
    message.data = array.array('f', [1.0] * 79)


def no_channels(message):
    message.channels = 0


def a_million_channels(message):
    message.channels = 1_000_000


def no_samples(message):
    message.data = array.array('f')


def nan(message):
    message.data[17] = float('nan')


def infinite(message):
    message.data[3] = float('-inf')


def no_rate(message):
    message.sampling_rate = 0.0


def another_rate(message):
    message.sampling_rate = 1000.0


def other_channels(message):
    message.channels = 5


def back_in_time(message):
    message.header.stamp.sec -= 100


MALFORMATIONS = [
    wrong_length,
    no_channels,
    a_million_channels,
    no_samples,
    nan,
    infinite,
    no_rate,
    another_rate,
    other_channels,
    back_in_time,
]


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    with graph(tmp_path_factory.mktemp('node'), pipeline={}) as g:
        g.frames = g.operator._node.create_publisher(EmgFrame, 'emg', 500)
        g.info = {}

        def on_diagnostics(message: DiagnosticArray) -> None:
            for status in message.status:
                g.info.update({pair.key: pair.value for pair in status.values})

        g.operator._node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
        yield g


@pytest.fixture
def running(node):
    """Return the node, configured anew."""
    renewed(node)
    node.info.clear()
    return node


@pytest.mark.parametrize('malform', MALFORMATIONS, ids=lambda malform: malform.__name__)
def test_malformed_frames_are_counted_and_logged_once(running, malform):
    first = 0
    for number in range(40):
        message = valid_frame(first)
        if number in (10, 20, 30):
            malform(message)
        running.frames.publish(message)
        first += 20
    running.wait(lambda: running.info.get('emg: frames') == '37', 'the valid frames')
    assert running.info['emg: malformed frames'] == '3'
    assert running.info['emg: channels'] == '4'
    assert running.info['emg: lost samples'] == '60'  # the samples of the malformed frames
    log = running.news('pipeline')
    assert log.count("A frame of stream 'emg' was dropped") == 1
    assert 'Traceback' not in log


def test_node_works_after_random_malformed_frames(running):
    rng = np.random.default_rng(0)
    for _ in range(300):
        message = valid_frame(int(rng.integers(0, 2**40)), int(rng.integers(1, 9)))
        message.header.stamp.sec = int(rng.integers(0, 2**31 - 1))
        message.header.stamp.nanosec = int(rng.integers(0, 2**32 - 1))
        MALFORMATIONS[rng.integers(0, len(MALFORMATIONS) - 1)](message)
        running.frames.publish(message)
        running.operator.spin(0.001)
    before = int(running.info.get('emg: frames', 0))
    for number in range(20):
        running.frames.publish(valid_frame(number * 20))
        running.operator.spin(0.01)
    running.wait(
        lambda: int(running.info.get('emg: frames', 0)) >= before + 15, 'the valid frames'
    )
    assert 'Traceback' not in running.news('pipeline')
