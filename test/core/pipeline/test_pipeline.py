"""Tests of the state machine of a pipeline and of the computation of ticks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData

RATE = 2000.0


class Watcher(Observer):
    def __init__(self):
        self.predictions, self.problems, self.reasons = [], [], []

    def predicted(self, prediction):
        self.predictions.append(prediction)

    def problem(self, kind, sentence):
        self.problems.append((kind, sentence))

    def predicting_aborted(self, reason):
        self.reasons.append(reason)


def chunk(index, n=40, channels=2):
    data = np.full((n, channels), index, np.float32)
    return Chunk(index * n, round(index * n * 1e9 / RATE), RATE, data)


def ready(predict=lambda model, features: {'class': 1}):
    pipeline = Pipeline(50.0, streams=[StreamSpec('emg', 20.0)])
    pipeline.extract(lambda windows: windows['emg'].mean())
    pipeline.predict(predict)
    pipeline.use_model('model', 'm1', ['rest', 'fist'])
    pipeline.observer = Watcher()
    return pipeline


def run(pipeline, first, last):
    made = []
    for index in range(first, last):
        pipeline.push('emg', chunk(index))
        made += pipeline.step()
    return made


def refused(pipeline, method, words):
    if method == 'cancel_training':
        with pytest.raises(StateError) as caught:
            pipeline.cancel_training()
        assert str(caught.value) == words
    else:  # as MyoGestic documents it
        assert getattr(pipeline, method)() is False
    assert pipeline.status_message == words


def test_decorators_return_the_function_unchanged():
    pipeline = Pipeline()

    def function(*arguments):
        return arguments

    for name in ('extract', 'train', 'predict'):
        assert getattr(pipeline, name)(function) is function
        assert getattr(pipeline.callbacks, name) is function


def test_states_equal_their_names():
    for name in ('idle', 'training', 'predicting'):
        assert PipelineState(name) == name
        assert str(PipelineState(name)) == f'{PipelineState(name)}' == name
    assert Pipeline().state == 'idle'


def test_empty_pipeline_refuses_with_the_reason():
    pipeline = Pipeline()
    refused(pipeline, 'start_training', 'No train callback set (use @pipeline.train).')
    pipeline.train(lambda data: 1)
    no_data = 'No training data: record a session or name one first.'
    refused(pipeline, 'start_training', no_data)
    pipeline.training_data = TrainingData()
    refused(pipeline, 'start_training', no_data)
    words = 'No extract callback set (use @pipeline.extract).'
    refused(pipeline, 'start_predicting', words)
    pipeline.extract(lambda windows: 1)
    words = 'No predict callback set (use @pipeline.predict).'
    refused(pipeline, 'start_predicting', words)
    pipeline.predict(lambda model, features: {})
    words = 'No model loaded — train one first or load from disk.'
    refused(pipeline, 'start_predicting', words)
    words = "Cannot stop predicting: state is 'idle', expected 'predicting'."
    refused(pipeline, 'stop_predicting', words)
    words = "Cannot cancel training: state is 'idle', expected 'training'."
    refused(pipeline, 'cancel_training', words)
    assert pipeline.state == 'idle'


def test_predicting_pipeline_refuses_other_actions():
    pipeline = ready()
    pipeline.start_predicting()
    words = "Cannot start training: state is 'predicting', expected 'idle'."
    refused(pipeline, 'start_training', words)
    words = "Cannot start predicting: state is 'predicting', expected 'idle'."
    refused(pipeline, 'start_predicting', words)
    with pytest.raises(StateError, match="Cannot load a model: state is 'predicting', expected"):
        pipeline.use_model('other', 'm2', [])
    assert pipeline.model == 'model'
    assert pipeline.state == 'predicting'


def test_step_predicts_only_while_predicting():
    pipeline = ready()
    assert run(pipeline, 0, 5) == []
    pipeline.start_predicting()
    made = run(pipeline, 5, 10)
    assert [p.sample for p in made] == [40 * i + 39 for i in range(5, 10)]
    assert made[0].values == {'class': 1}
    assert (made[0].model_id, made[0].class_names) == ('m1', ('rest', 'fist'))
    assert pipeline.observer.predictions == made
    assert pipeline.predictions == {'class': 1}
    pipeline.stop_predicting()
    assert run(pipeline, 10, 15) == []


def test_push_and_step_start_no_threads():
    before = set(threading.enumerate())
    pipeline = ready()
    pipeline.start_predicting()
    assert len(run(pipeline, 0, 20)) == 20
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize('result', [None, 3, [1], (1, 2), 'rest', np.zeros(2)])
def test_result_that_is_not_a_dict_is_dropped_and_counted(result):
    pipeline = ready(lambda model, features: result)
    pipeline.start_predicting()
    assert run(pipeline, 0, 15) == []
    assert (pipeline.counters.dropped, pipeline.counters.predictions) == (15, 0)
    kind, sentence = pipeline.observer.problems[0]
    assert kind == 'dropped'
    assert f'predict returned {type(result).__name__}, expected a dict' in sentence
    assert pipeline.state == 'predicting'


@pytest.mark.parametrize('where', ['extract', 'predict'])
def test_ten_consecutive_errors_stop_predicting_with_the_reason(where):
    def broken(*arguments):
        raise ValueError('bad electrode')

    pipeline = ready()
    getattr(pipeline, where)(broken)
    pipeline.start_predicting()
    assert run(pipeline, 0, 9) == []
    assert pipeline.state == 'predicting'
    run(pipeline, 9, 30)
    assert pipeline.counters.errors == 10
    assert pipeline.state == 'idle'
    words = 'Stopped predicting: 10 errors in a row, last: ValueError: bad electrode'
    assert pipeline.status_message == words
    assert pipeline.observer.reasons == [words]
    assert [kind for kind, _ in pipeline.observer.problems] == ['callback'] * 10


def test_success_resets_the_consecutive_errors():
    calls = iter(range(1000))

    def mostly_broken(model, features):
        if next(calls) % 10 != 9:
            raise ValueError('again')
        return {'class': 0}

    pipeline = ready(mostly_broken)
    pipeline.start_predicting()
    assert len(run(pipeline, 0, 50)) == 5
    assert pipeline.counters.errors == 45
    assert pipeline.state == 'predicting'


def test_start_predicting_resets_the_consecutive_errors():
    pipeline = ready(lambda model, features: {}['no such key'])
    for start in (0, 9):
        pipeline.start_predicting()
        run(pipeline, start, start + 9)
        pipeline.stop_predicting()
    assert pipeline.counters.errors == 18
