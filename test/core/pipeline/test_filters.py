"""Tests of filters and post-processing in a pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from support.gate import Watcher, chunk

from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData

BAND = FilterSpec((20.0, 450.0))


class Post:
    """Post-processing that records its calls."""

    def __init__(self):
        self.calls = []

    def reset(self):
        self.calls.append('reset')

    def process(self, prediction):
        self.calls.append(prediction.segment)
        if prediction.values.get('broken'):
            raise ValueError('broken')
        return {**prediction.values, 'after': True}


class Reasons(Watcher):
    def __init__(self):
        super().__init__()
        self.reasons, self.problems = [], []

    def predicting_aborted(self, reason):
        self.reasons.append(reason)

    def problem(self, kind, sentence):
        self.problems.append(kind)


def pipeline_of(spec=None, answer=None):
    pipeline = Pipeline(50.0, streams=[StreamSpec('emg', 20.0, filters=spec)])
    pipeline.extract(lambda windows: windows['emg'])
    pipeline.predict(lambda model, features: {'class': 1, **(answer or {})})
    pipeline.use_model('model', 'm', ['rest', 'fist'])
    pipeline.observer = Reasons()
    return pipeline


def slow(index):
    """Return a chunk at 200 Hz."""
    return Chunk(4 * index, 20_000_000 * index, 200.0, np.zeros((4, 2), np.float32))


def test_inapplicable_filter_stops_predicting_with_the_reason():
    pipeline = pipeline_of(BAND)
    pipeline.start_predicting()
    for index in range(3):
        pipeline.push('emg', slow(index))
    assert pipeline.state == 'idle'
    words = 'bandpass edge, 450 Hz, is not below half the sampling rate, 100 Hz'
    assert words in pipeline.status_message
    assert len(pipeline.observer.reasons) == 1
    assert pipeline.start_predicting() is False
    assert words in pipeline.status_message
    with pytest.raises(StateError, match=words):
        pipeline.begin_predicting()
    for index in range(4):  # another amplifier is connected
        pipeline.push('emg', chunk(index))
    assert pipeline.start_predicting() is True


def test_use_model_applies_the_filters_of_the_model():
    pipeline = pipeline_of()
    pipeline.use_model('model', 'm', [], {'emg': BAND})
    assert pipeline.streams[0].filters == BAND
    assert pipeline.reader.requested_filters == {'emg': None}
    pipeline.start_predicting()
    made = []
    for index in range(10):
        pipeline.push('emg', chunk(index))
        made += pipeline.step()
    assert [p.sample for p in made] == [40 * n + 39 for n in range(6, 10)]  # settled after 204
    pipeline.stop_predicting()
    pipeline.use_model('model', 'm', [], {'emg': None})
    assert pipeline.streams[0].filters is None


def test_training_data_gets_the_filters_in_force():
    pipeline = pipeline_of(BAND)
    for filters, expected in ((None, BAND), (FilterSpec(), FilterSpec())):
        pipeline.train(lambda data: 1)
        pipeline.training_data = TrainingData(
            ['/nowhere'], streams=[StreamSpec('emg', filters=filters)]
        )
        pipeline.start_training()
        assert pipeline.wait_for_training(20)
        assert pipeline.training_data.streams[0].filters == expected


def test_post_processing_is_reset_at_each_start_and_sees_segments():
    pipeline = pipeline_of()
    pipeline.post = Post()
    for first in (0, 3):
        pipeline.start_predicting()
        for index in range(first, first + 3):
            pipeline.push('emg', chunk(index))
            assert [p.values for p in pipeline.step()] == [{'class': 1, 'after': True}]
        pipeline.stop_predicting()
    assert pipeline.post.calls == ['reset', 1, 1, 1, 'reset', 1, 1, 1]
    pipeline.start_predicting()
    pipeline.push('emg', chunk(9))
    pipeline.step()
    assert pipeline.post.calls[-2:] == ['reset', 2]


def test_error_in_post_processing_counts_as_callback_error():
    pipeline = pipeline_of(answer={'broken': True})
    pipeline.post = Post()
    pipeline.start_predicting()
    for index in range(20):
        pipeline.push('emg', chunk(index))
        assert pipeline.step() == []
    assert pipeline.counters.errors == 10
    assert pipeline.state == 'idle'
    assert 'last: ValueError: broken' in pipeline.status_message
