"""The source `topic`: messages of another node become frames."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Float32MultiArray, Int16MultiArray, String
from support.ros import ros_graph

from myogestic_ros.msg import EmgFrame, NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.driver.node import DriverNode

PARAMETERS = {
    'source': 'topic',
    'topic.n_channels': 2,
    'topic.scale': 1e-3,
    'topic.offset': 10.0,
    'autostart': 'activate',
}


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


def values(frames):
    return np.concatenate([np.asarray(frame.data).reshape(-1, 2) for frame in frames])


@pytest.mark.parametrize('reliability', ['BEST_EFFORT', 'RELIABLE'])
@pytest.mark.parametrize(
    ('kind', 'layout', 'sent'),
    [
        (Float32MultiArray, 'samples', [10.0, 20.0, 11.0, 21.0]),
        (Int16MultiArray, 'channels', [10, 11, 20, 21]),
    ],
)
def test_any_array_becomes_frames_in_volt(ros, kind, layout, sent, reliability):
    ros.add(DriverNode, **PARAMETERS, **{'topic.layout': layout})
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    profile = QoSProfile(depth=100, reliability=ReliabilityPolicy[reliability])
    publisher = ros.publisher(kind, 'emg_raw', profile)

    def publish():
        publisher.publish(kind(data=sent))
        return len(frames) > 5

    ros.until(publish, 'frames')
    found = values(frames)
    assert np.allclose(found[:2], [[0.0, 0.01], [0.001, 0.011]], atol=1e-8)
    assert np.allclose(found, np.tile(found[:2], (len(found) // 2, 1)))
    first = [frame.first_sample for frame in frames]
    assert first == sorted(first)


def test_the_status_says_what_is_waited_for_or_wrong(ros):
    ros.add(DriverNode, **PARAMETERS)
    status = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    ros.until(
        lambda: status and 'start the node that publishes on emg_raw' in status[-1].message,
        'the status',
    )
    publisher = ros.publisher(String, 'emg_raw', 10)

    def complains(text):
        publisher.publish(String(data='no numbers'))
        return text in status[-1].message

    ros.until(lambda: complains("String on emg_raw has no array 'data'"), 'the reason')
