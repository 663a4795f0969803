"""Filters and post-processing as parameters of the pipeline node."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter as RosParameter
from std_srvs.srv import Trigger
from support.arm_session import write_arm
from support.paths import SUPPORT
from support.ros import ros_graph

from myogestic_ros import iter_labeled_windows, load_pickle
from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.msg import EmgFrame, PipelineStatus, Prediction
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_to_ros
from myogestic_ros.nodes.pipeline.node import PipelineNode
from myogestic_ros.srv import LoadModel, Train

DECODER = str(SUPPORT / 'decoders_post.py')
BAND = FilterSpec((20.0, 450.0), notch=50.0)


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


def node(ros, folder, **parameters):
    """Add a configured pipeline node with a decoder whose model is a constant."""
    known = {
        'decoder': DECODER,
        'session_dir': str(folder / 'sessions'),
        'model_dir': str(folder / 'models'),
        'autostart': 'configure',
    }
    return ros.add(PipelineNode, **{**known, **parameters})


def frames(start, stop, rate=2000.0):
    """Yield frames of 8 channels, 20 ms each."""
    n = round(rate / 50)
    rng = np.random.default_rng(start)
    for number in range(start, stop):
        first = number * n
        data = rng.normal(size=(n, 8)).astype(np.float32)
        yield chunk_to_ros(Chunk(first, sample_time_ns(10**18, first, rate), rate, data))


def status(ros):
    return ros.listen(PipelineStatus, 'pipeline/status', qos.STATUS)


def trained(ros, folder, **parameters):
    """Train with the service; return the node and the manifest of its model."""
    write_arm(folder / 'sessions' / 'arm', rounds=1)
    pipeline = node(ros, folder, **parameters)
    statuses = status(ros)
    assert ros.call(Train, 'pipeline/train').success
    ros.until(lambda: statuses and 'Saved as' in statuses[-1].message, 'the end of the training')
    (file,) = (folder / 'models').glob('*.json')
    return pipeline, json.loads(file.read_text())


def mean_amplitude(folder, filters):
    """Return the model: the mean amplitude of filtered windows."""
    paths = [folder / 'sessions' / 'arm']
    windows = iter_labeled_windows(paths, 'emg', 200.0, 50.0, filters=filters)
    return np.mean([float(abs(window).mean()) for window, _, _ in windows])


def test_loaded_model_sets_its_filters(ros, tmp_path):
    _, manifest = trained(
        ros, tmp_path, filter__bandpass=[20, 450], filter__notch=50, filter__reference='none'
    )
    assert FilterSpec.from_value(manifest['streams'][0]['filters']) == BAND
    (file,) = (tmp_path / 'models').glob('*.joblib')
    assert load_pickle(file) == mean_amplitude(tmp_path, BAND)  # trained on filtered windows
    assert load_pickle(file) != mean_amplitude(tmp_path, FilterSpec())
    with ros_graph() as later:  # a node without filter parameters
        pipeline = node(later, tmp_path)
        assert pipeline.pipeline.streams[0].filters is None
        assert later.call(LoadModel, 'pipeline/load_model').success
        assert pipeline.pipeline.streams[0].filters == BAND
    with ros_graph() as other:  # a node with another filter
        node(other, tmp_path, stream__emg__filter__bandpass=[10.0, 450.0])
        answer = other.call(LoadModel, 'pipeline/load_model')
        assert not answer.success
        assert 'trained with band-pass 20 to 450 Hz of order 4; notch 50 Hz' in answer.message
        assert "filters stream 'emg' with band-pass 10 to 450 Hz of order 4, " in answer.message


def test_filter_that_does_not_fit_the_sampling_rate_is_reported_at_the_first_frame(ros, tmp_path):
    pipeline = node(ros, tmp_path, filter__bandpass=[20.0, 450.0])
    statuses = status(ros)
    emg = ros.publisher(EmgFrame, 'emg', qos.EMG)
    for frame in frames(0, 3, rate=200.0):
        emg.publish(frame)
    words = 'bandpass edge, 450 Hz, is not below half the sampling rate, 100 Hz'
    ros.until(lambda: statuses and words in statuses[-1].message, 'the status')
    pipeline.pipeline.use_model(1.0, 'm', ['rest'])
    answer = ros.call(Trigger, 'pipeline/start_predicting')
    assert not answer.success
    assert words in answer.message


def test_filter_that_does_not_fit_the_sampling_rate_fails_the_training(ros, tmp_path):
    write_arm(tmp_path / 'sessions' / 'arm', rounds=1)
    node(ros, tmp_path, filter__bandpass=[20.0, 1200.0])
    statuses = status(ros)
    assert ros.call(Train, 'pipeline/train').success
    ros.until(
        lambda: statuses and 'Training failed' in statuses[-1].message, 'the end of the training'
    )
    assert (
        "Stream 'emg' has 8 channel(s) at 2000 Hz and cannot be filtered" in statuses[-1].message
    )
    assert 'is not below half the sampling rate, 1000 Hz' in statuses[-1].message


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('filter.bandpass', [450.0, 20.0], 'expected the lower edge below the upper'),
        ('filter.bandpass', [20.0], 'expected two edges'),
        ('post.reject_below_of', ['fist 0.9'], "as in 'fist: 0.9'"),
        ('post.smoothing', 'more', 'expected one of none, one_euro, gaussian'),
    ],
)
def test_invalid_values_are_refused_with_the_reason(ros, tmp_path, name, value, words):
    pipeline = node(ros, tmp_path)
    result = pipeline.set_parameters_atomically([RosParameter(name, value=value)])
    assert not result.successful
    assert words in result.reason
    with pytest.raises(MyoGesticError, match=words):
        node(ros, tmp_path, **{name.replace('.', '__'): value})


def test_filter_parameters_take_effect_at_the_next_configure(ros, tmp_path):
    pipeline = node(ros, tmp_path)
    statuses = status(ros)
    pipeline.set_parameters([RosParameter('filter.notch', value=50.0)])
    words = 'Takes effect when the node is configured again: filter.notch.'
    ros.until(lambda: statuses and statuses[-1].message == words, 'the status')
    assert pipeline.pipeline.streams[0].filters is None
    pipeline.trigger_cleanup()
    pipeline.trigger_configure()
    assert pipeline.pipeline.streams[0].filters == FilterSpec(notch=50.0)


def test_post_processing_may_change_while_predicting(ros, tmp_path):
    pipeline = node(ros, tmp_path, post__velocity_ramp=0.4)
    pipeline.pipeline.use_model(1.0, 'm', ['rest', 'fist'])
    got = ros.listen(Prediction, 'pipeline/predictions', qos.PREDICTIONS)
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', 10)
    emg = ros.publisher(EmgFrame, 'emg', qos.EMG)
    statuses = status(ros)
    assert ros.call(Trigger, 'pipeline/start_predicting').success
    assert statuses[-1].message == 'Predicting. Post-processing: ramp: adds 0 ms to decisions.'

    def play(start, stop):
        for frame in frames(start, stop):
            wanted = frame.first_sample + 39
            emg.publish(frame)
            if wanted >= 399:
                ros.until(lambda w=wanted: got and got[-1].sample >= w, 'a prediction')

    play(0, 40)
    assert {message.label for message in got} == {'fist'}
    extra = {pair.key: json.loads(pair.value) for pair in got[-1].extra}
    assert extra['velocity'] == 1.0
    count = len(got)
    pipeline.set_parameters(
        [RosParameter('post.reject_below', value=0.9), RosParameter('post.change_after', value=3)]
    )
    play(40, 50)
    assert {message.label for message in got[count:]} == {''}
    extra = {pair.key: json.loads(pair.value) for pair in got[-1].extra}
    assert (extra['rejected'], extra['raw_label'], extra['velocity']) == (True, 'fist', 0.0)
    ros.until(
        lambda: any(
            pair.key == 'post-processing delay of decisions [ms]' and pair.value == '40.0'
            for message in diagnostics
            for found in message.status
            for pair in found.values
        ),
        'diagnostics with the delay',
    )
