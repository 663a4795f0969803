"""Conversions between messages and core types: round trips and refusals."""

from __future__ import annotations

import array
import json

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import conversions
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros

STAMP_NS = 1_700_000_000_123_456_789


def test_chunk_survives_a_round_trip_through_serialization():
    data = np.random.default_rng(0).standard_normal((20, 7)).astype(np.float32)
    chunk = Chunk(2**40, STAMP_NS, 2048.0, data)
    message = conversions.chunk_to_ros(chunk, 'array')
    assert message.header.frame_id == 'array'
    message = deserialize_message(serialize_message(message), EmgFrame)
    back = conversions.chunk_from_ros(message)
    assert (back.first_sample, back.stamp_ns, back.sampling_rate) == (2**40, STAMP_NS, 2048.0)
    assert np.array_equal(back.data, data)
    columns = Chunk(0, 0, 1.0, np.asfortranarray(data))
    again = conversions.chunk_from_ros(conversions.chunk_to_ros(columns))
    assert np.array_equal(again.data, data)


def test_label_survives_a_round_trip():
    for label in (Label(STAMP_NS, 3, 'fist', 2), Label(0, -1)):
        assert conversions.label_from_ros(conversions.label_to_ros(label)) == label


def test_stream_info_survives_a_round_trip():
    info = StreamInfo('emg', 2000.0, ('a', 'b'), 'device', 'serial', 'V', (1, 2), (1, 0))
    message = conversions.stream_info_to_ros(info, STAMP_NS)
    assert conversions.stream_info_from_ros(message) == info


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'channels': 0}, 'channels is 0,'),
        ({'channels': 1_000_000}, 'channels is 1000000,'),
        ({'channels': 3}, 'data has 8 values for 3 channels'),
        ({'sampling_rate': 0.0}, 'sampling_rate is 0'),
        ({'sampling_rate': float('nan')}, 'sampling_rate is nan'),
    ],
)
def test_inconsistent_frame_is_refused(changes, reason):
    fields = {'channels': 2, 'sampling_rate': 100.0, 'data': array.array('f', range(8)), **changes}
    with pytest.raises(SignalError, match=reason):
        conversions.chunk_from_ros(EmgFrame(**fields))


def test_joint_state_becomes_a_chunk_of_one_sample():
    chunk = conversions.chunk_from_joint_state(JointState(position=[0.5, 1.0]), 7, 60.0)
    assert chunk.first_sample == 7
    assert np.array_equal(chunk.data, [[0.5, 1.0]])
    with pytest.raises(SignalError, match='position is empty'):
        conversions.chunk_from_joint_state(JointState(), 0, 60.0)


def message(values, names=('rest', 'fist')):
    """Return the message for a dict that predict returned."""
    return prediction_to_ros(Prediction(values, 41, STAMP_NS, 0.001, 'm', names), 'array')


def test_known_keys_go_into_their_fields():
    got = message(
        {'label': 'fist', 'probabilities': {'rest': 0.25, 'fist': 0.75}, 'dofs': {'x': -1}}
    )
    assert (got.label, list(got.class_names)) == ('fist', ['rest', 'fist'])
    assert list(got.probabilities) == [0.25, 0.75]
    assert (list(got.dof_names), list(got.dof_values)) == (['x'], [-1.0])
    assert (got.sample, got.model_id, got.header.frame_id) == (41, 'm', 'array')
    assert conversions.time_from_ros(got.header.stamp) == STAMP_NS
    assert not got.extra


@pytest.mark.parametrize(
    ('values', 'label'),
    [
        ({'class': 1}, 'fist'),
        ({'class': np.int64(0)}, 'rest'),
        ({'class': 'wave'}, 'wave'),
        ({'class': 5}, ''),
        ({'class': True}, ''),
        ({}, ''),
    ],
)
def test_label_comes_from_a_class_name_or_index(values, label):
    assert message(values).label == label


def test_other_values_become_json_in_extra():
    values = {
        'array': np.arange(3),
        'number': np.float64(0.5),
        'nested': {'a': [1, None]},
        'set': {2, 1},
        'object': object,
        'probabilities': 'none',
        'label': 7,
        3: 'three',
    }
    extra = {pair.key: json.loads(pair.value) for pair in message(values).extra}
    assert set(extra) == {str(key) for key in values}
    assert extra['array'] == [0, 1, 2]
    assert extra['set'] == [1, 2]
    assert extra['nested'] == {'a': [1, None]}
    assert extra['object'] == "<class 'object'>"
    assert list(message({'probabilities': np.array([0.1, 0.9])}).class_names) == ['rest', 'fist']
