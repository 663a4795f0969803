"""While no prediction comes, status and diagnostics say why, with counts."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import Trigger
from support.bags import START_NS
from support.decoder_node import node_with_a_session
from support.graph import renewed

from myogestic_ros.core.signals import Chunk
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common.conversions import chunk_to_ros

pytestmark = pytest.mark.processes


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    with node_with_a_session(tmp_path_factory.mktemp('node')) as g:
        g.frames = g.operator._node.create_publisher(EmgFrame, 'emg', 10)
        g.diagnostics = []

        def on_diagnostics(message: DiagnosticArray) -> None:
            g.diagnostics += [s for s in message.status if s.name.endswith('pipeline')]

        g.operator._node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
        yield g


@pytest.fixture
def running(node):
    """Return the node, configured anew, predicting."""
    renewed(node)
    node.operator.train('s1')
    node.wait(lambda: node.operator.pipeline_state == 'training', 'training')
    node.wait(lambda: node.operator.pipeline_state == 'idle', 'the end of the training')
    node.operator.predictions.clear()
    node.diagnostics.clear()
    node.operator.call(Trigger, 'pipeline/start_predicting', Trigger.Request())
    node.number = 0
    return node


def frame(number, n=20):
    """Return a frame of 10 ms."""
    first = number * n
    return chunk_to_ros(
        Chunk(first, START_NS + first * 500_000, 2000.0, np.ones((n, 2), np.float32))
    )


def good(number):
    return frame(number)


def never_counted(number):
    message = frame(number)
    message.first_sample = 0
    return message


def one_loss_in_each_window(number):
    return frame(number) if number % 10 else None


def nan_in_one_channel(number):
    message = frame(number)
    message.data[1] = float('nan')
    return message


def hopelessly_late(number):
    """Return every other frame 20 frames, 200 ms, late."""
    return frame(number) if number % 2 else frame(max(0, number - 21))


def a_little_out_of_order(number):
    """Return neighbours in exchange."""
    return frame(number ^ 1)


def send(g, make):
    """Publish the next frame."""
    message = make(g.number)
    if message is not None:
        g.frames.publish(message)
    g.number += 1
    g.operator.spin(0.01)


def feed_until(g, make, condition, what):
    """Publish frames until a condition holds."""

    def step():
        send(g, make)
        return condition()

    g.wait(step, what)


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        (never_counted, "stream 'emg' restarted"),
        (one_loss_in_each_window, 'so that no window of 200 ms is full'),
        (nan_in_one_channel, 'with NaN or Inf in channel(s) 1 (from 0)'),
        (hopelessly_late, 'out of order or duplicate'),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_reason_is_told_until_predictions_come(running, fault, words):
    g = running
    feed_until(g, fault, lambda: words in g.operator.pipeline_message, words)
    message = g.operator.pipeline_message
    assert any(character.isdigit() for character in message)
    assert 'network' not in message
    assert 'No sample of' not in message
    assert not g.operator.predictions
    feed_until(g, fault, lambda: any(words in s.message for s in g.diagnostics), 'diagnostics')
    told = next(s for s in g.diagnostics if words in s.message)
    assert told.level == b'\x02'
    g.number += 100  # the frames that were late count as lost
    feed_until(
        g,
        good,
        lambda: g.operator.predictions and g.operator.pipeline_message.startswith('Predicting.'),
        'recovery',
    )


def test_frames_a_little_out_of_order_are_put_in_order(running):
    g = running
    feed_until(g, a_little_out_of_order, lambda: len(g.operator.predictions) > 20, 'predictions')
    stamps = [p.stamp_s for p in g.operator.predictions]
    assert {round((b - a) * 1e3) for a, b in zip(stamps, stamps[1:], strict=False)} == {20}

    def counted():
        values = [{pair.key: pair.value for pair in s.values} for s in g.diagnostics]
        return any(int(v['emg: frames put in order']) > 20 for v in values)

    feed_until(g, a_little_out_of_order, counted, 'the count')
