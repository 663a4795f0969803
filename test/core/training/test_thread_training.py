"""Tests of trainings in a thread, for callbacks that cannot be imported."""

from __future__ import annotations

import sys
import threading

import pytest
from support.processes import until

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.jobs import report_progress
from myogestic_ros.core.training.training_data import TrainingData


class Watcher(Observer):
    def __init__(self):
        self.problems = []

    def problem(self, kind, sentence):
        self.problems.append((kind, sentence))


def prepared(train):
    pipeline = Pipeline()
    pipeline.train(train)
    pipeline.use_model('old', 'old name', ['old class'])
    pipeline.training_data = TrainingData(paths=['somewhere'], class_names=['rest', 'fist'])
    pipeline.observer = Watcher()
    return pipeline


def trained(train):
    pipeline = prepared(train)
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    assert pipeline.state == 'idle'
    return pipeline


def test_training_in_a_thread_is_reported_once():
    def train(data):
        return threading.current_thread().name

    pipeline = trained(train)
    assert pipeline.model == 'training'
    assert pipeline.training.pid is None
    assert pipeline.class_names == ('rest', 'fist')
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    ((kind, sentence),) = pipeline.observer.problems
    assert kind == 'thread'
    assert 'train' in sentence
    assert 'it runs in a thread, which cannot be killed' in sentence


@pytest.mark.parametrize('train', [lambda data: 1, [].__class__, print, max])
def test_builtins_and_lambdas_as_callbacks(train):
    pipeline = prepared(train)
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    assert pipeline.state == 'idle'


def test_callable_objects_and_methods_as_callbacks():
    class Trainer:
        def __call__(self, data):
            return 'from an object'

        def method(self, data):
            return 'from a method'

    assert trained(Trainer()).model == 'from an object'
    assert trained(Trainer().method).model == 'from a method'


def test_log_has_the_output_of_the_training_thread_only(capsys):
    go, printed = threading.Event(), threading.Event()

    def train(data):
        print('one')
        print('t', 'wo', sep='')
        report_progress(0.5, 'half way')
        print('three', end='', flush=True)
        printed.set()
        go.wait(20)
        print(' and a half')
        print('the end', end='')
        return 1

    pipeline = prepared(train)
    pipeline.start_training()
    assert printed.wait(20)
    print('from elsewhere')
    assert pipeline.train_log == ['one', 'two', 'half way']
    assert pipeline.training.progress == 0.5
    assert pipeline.state == 'training'
    go.set()
    assert pipeline.wait_for_training(20)
    assert pipeline.train_log == ['one', 'two', 'half way', 'three and a half', 'the end']
    print('afterwards')
    assert capsys.readouterr().out == 'from elsewhere\nafterwards\n'


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (ValueError('too few'), 'Training failed: ValueError: too few'),
        (TrainingError('no windows.'), 'Training failed: no windows.'),
        (SystemExit(2), 'Training failed: SystemExit: 2'),
        (KeyboardInterrupt(), 'Training failed: KeyboardInterrupt: '),
        (None, 'Training failed: train returned None, expected a model'),
    ],
)
def test_failed_training_keeps_the_previous_model(error, words):
    def train(data):
        if error is not None:
            raise error

    out = sys.stdout
    pipeline = trained(train)
    assert pipeline.status_message.startswith(words)
    kept = (pipeline.model, pipeline.model_id, pipeline.class_names)
    assert kept == ('old', 'old name', ('old class',))
    assert sys.stdout is out


def test_output_of_a_cancelled_training_is_ignored():
    go, out = threading.Event(), sys.stdout

    def slow(data):
        go.wait(20)
        print('I was cancelled')
        return 'cancelled'

    pipeline = prepared(slow)
    pipeline.start_training()
    first = pipeline.training._trainer._training
    pipeline.cancel_training()
    assert pipeline.state == 'idle'

    second_go = threading.Event()

    def second(data):
        print('before')
        second_go.wait(20)
        print('after')
        return 'second'

    pipeline.train(second)
    pipeline.start_training()
    until(lambda: pipeline.train_log == ['before'])
    go.set()  # the first ends while the second runs
    first.join(20)
    assert pipeline.state == 'training'
    second_go.set()
    assert pipeline.wait_for_training(20)
    assert pipeline.model == 'second'
    assert pipeline.train_log == ['before', 'after']
    # Later output of any thread reaches the standard output.
    sys.stdout.write('')
    assert sys.stdout is out or sys.stdout._owner is None
    sys.stdout = out


def test_failing_observer_does_not_block_the_end_of_the_training():
    pipeline = prepared(lambda data: 'new')

    def trained_(model, data):
        raise RuntimeError('disk on fire')

    pipeline.observer.trained = trained_
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    assert pipeline.state == 'idle'
    assert pipeline.model == 'new'
    assert 'The model was not saved: RuntimeError: disk on fire' in pipeline.status_message


def test_failing_prepare_is_a_failed_training():
    pipeline = prepared(lambda data: 'new')

    def prepare(data):
        raise OSError('no such session')

    pipeline.callbacks.prepare = prepare
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    assert pipeline.status_message == 'Training failed: OSError: no such session'
    assert pipeline.model == 'old'
