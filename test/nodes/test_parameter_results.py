"""Setting parameters of each node: the result says when a value is used, or why it cannot be."""

from __future__ import annotations

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter as RosParameter
from support.ros import ros_graph

from myogestic_ros.nodes.bridge.node import BridgeNode
from myogestic_ros.nodes.cues.node import CuesNode
from myogestic_ros.nodes.driver.node import DriverNode
from myogestic_ros.nodes.hand.node import HandNode
from myogestic_ros.nodes.pipeline.node import PipelineNode
from myogestic_ros.nodes.recorder.node import RecorderNode

USED_AT_ONCE = {
    BridgeNode: {'timeout', 'future_tolerance', 'check_stamps', 'rest_within'},
    CuesNode: set(),
    DriverNode: {
        'frame_id',
        'attempt_reconnect',
        'dormant_period_between_reconnects',
        'max_failed_reconnect_attempts',
    },
    HandNode: set(),
    PipelineNode: {
        'predict_hz',
        'training_hop_ms',
        'training_backend',
        'settle_ms',
        'session_dir',
        'stale_after',
        'sync_timeout',
        'max_consecutive_errors',
        'stream.emg.rotation',
    },
    RecorderNode: set(),
}
"""Parameters that a node reads each time it needs them, besides those of the post-processing."""


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


def set_one(ros, node, name, value):
    """Set a parameter; return success and reason."""
    message = RosParameter(name, value=value).to_parameter_msg()
    answer = ros.call(
        SetParameters, f'{node.get_name()}/set_parameters', parameters=[message]
    ).results[0]
    return answer.successful, answer.reason


@pytest.mark.parametrize('kind', USED_AT_ONCE)
def test_result_of_each_parameter_says_when_it_is_used(ros, tmp_path, kind):
    folders = {'session_dir': str(tmp_path), 'model_dir': str(tmp_path)}
    node = ros.add(kind, **(folders if kind is PipelineNode else {}))
    assert node.request_transition('configure')[0], node.status_message
    settable = {name: row for name, row in node._rows.items() if not row.read_only}
    at_once = {name for name in settable if name.startswith('post.')} | USED_AT_ONCE[kind]
    assert {name for name, row in settable.items() if not row.used_at} == at_once
    node.lifecycle_state = 'active'  # as for a node that runs; its devices are not needed here
    expected = {
        name: f'used at the next {row.used_at}' if row.used_at else ''
        for name, row in settable.items()
    }
    found = {}
    for name in settable:
        message = node.get_parameter(name)
        result = node.set_parameters_atomically([message])
        assert result.successful, (name, result.reason)
        found[name] = result.reason
    node.lifecycle_state = 'inactive'
    assert found == expected


@pytest.mark.parametrize(
    ('kind', 'name', 'value', 'expected'),
    [
        (PipelineNode, 'training_backend', 'foo', 'expected threading, loky, dask'),
        (DriverNode, 'source', 'nosuch', 'expected one of'),
        (RecorderNode, 'session_name', '../x', "expected a name without '/'"),
        (RecorderNode, 'other_topics', ['a:b/msg/C'], 'with an installed message type'),
    ],
)
def test_value_that_is_known_to_be_wrong_is_refused(ros, kind, name, value, expected):
    node = ros.add(kind)
    before = node.get_parameter(name).value
    successful, reason = set_one(ros, node, name, value)
    assert not successful
    assert expected in reason
    assert node.get_parameter(name).value == before


def test_recorder_that_was_started_with_a_path_as_session_name_does_not_record(ros, tmp_path):
    node = ros.add(
        RecorderNode,
        session_dir=str(tmp_path / 'sessions'),
        session_name='../outside',
        discovery_timeout=0.0,
    )
    assert node.request_transition('configure')[0]
    started, reason = node.request_transition('activate', 'start recording')
    assert not started
    assert "expected a name without '/'" in reason
    assert not (tmp_path / 'outside').exists()


def test_threshold_of_a_class_that_the_model_does_not_have_is_refused(ros, tmp_path):
    node = ros.add(PipelineNode, model_dir=str(tmp_path))
    assert node.request_transition('configure')[0]
    assert set_one(ros, node, 'post.reject_below_of', ['fast: 0.9']) == (True, '')
    assert set_one(ros, node, 'post.reject_below_of', [''])[0]
    node.pipeline.use_model(object(), 'mine', ['rest', 'fist'], {})
    assert set_one(ros, node, 'post.reject_below_of', ['fast: 0.9']) == (
        False,
        "post.reject_below_of: got ['fast: 0.9'], but model 'mine' has no class 'fast'; its "
        'classes: rest, fist',
    )
    assert set_one(ros, node, 'post.reject_below_of', ['fist: 0.9']) == (True, '')


def test_negative_rate_is_that_of_the_decoder_at_once(ros, tmp_path):
    node = ros.add(PipelineNode, model_dir=str(tmp_path))
    assert node.request_transition('configure')[0]
    of_decoder = node.pipeline.predict_hz
    assert set_one(ros, node, 'predict_hz', of_decoder + 5.0) == (True, '')
    assert node.pipeline.predict_hz == of_decoder + 5.0
    assert set_one(ros, node, 'predict_hz', -1.0) == (True, '')
    assert node.pipeline.predict_hz == of_decoder
