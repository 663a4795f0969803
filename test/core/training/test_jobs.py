"""Tests of trainings in a process: success, failure, cancellation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from support.processes import alive, until

from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.core.training.training_data import TrainingData

DECODER = """
import os, signal, subprocess, sys, time
from dataclasses import dataclass
from pathlib import Path
from myogestic_ros.core.training.jobs import report_progress

@dataclass
class Model:
    names: list
    pid: int

def good(data):
    print('first line')
    report_progress(0.25, 'a quarter')
    while not Path(data.paths[0], 'go').exists():
        time.sleep(0.01)
    print('last line', end='')
    return Model(data.class_names, os.getpid())

def quick(data): return Model(data.class_names, os.getpid())
def raises(data): raise ValueError('too few windows')
def nothing(data): pass
def exits(data): os._exit(3)
def sys_exits(data): sys.exit(4)
def killed(data): os.kill(os.getpid(), signal.SIGKILL)
def unpicklable(data): return lambda: 1
def hangs(data):
    child = subprocess.Popen(['sleep', '60'])
    Path(data.paths[0], 'child').write_text(str(child.pid))
    print('hanging')
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)

def leaves_a_child(data):
    subprocess.Popen(['sleep', '60'])
    return 'model'

def leaves_a_daemon(data):
    say = 'cd $0; until [ -e go ]; do sleep 0.02; done; echo late; touch said; exec sleep 15'
    child = subprocess.Popen(['sh', '-c', say, data.paths[0]], start_new_session=True)
    Path(data.paths[0], 'child').write_text(str(child.pid))
    return 'model'
"""


class Watcher(Observer):
    def __init__(self):
        self.lines = []

    def log_line(self, line):
        self.lines.append(line)


@pytest.fixture
def decoder(tmp_path):
    file = tmp_path / 'decoder.py'
    file.write_text(DECODER)
    yield import_decoder(str(file))
    if (tmp_path / 'child').exists():
        child = int((tmp_path / 'child').read_text())
        if alive(child):
            os.kill(child, signal.SIGKILL)


def started(train, folder):
    pipeline = Pipeline()
    pipeline.train(train)
    pipeline.use_model('old', 'old name', ['old class'])
    pipeline.training_data = TrainingData(paths=[str(folder)], class_names=['rest', 'fist'])
    pipeline.observer = Watcher()
    pipeline.start_training()
    return pipeline


def fails(pipeline, *words):
    assert pipeline.wait_for_training(20)
    assert pipeline.state == 'idle'
    assert pipeline.status_message.startswith('Training failed: ')
    for word in words:
        assert word in pipeline.status_message
    assert pipeline.train_log[-1] == pipeline.status_message
    kept = (pipeline.model, pipeline.model_id, pipeline.class_names)
    assert kept == ('old', 'old name', ('old class',))


def test_lines_and_progress_are_reported_during_the_training(decoder, tmp_path):
    pipeline = started(decoder.good, tmp_path)
    assert pipeline.state == 'training'
    assert pipeline.start_training() is False
    assert "start training: state is 'training', expected 'idle'" in pipeline.status_message
    until(lambda: pipeline.train_log == ['first line', 'a quarter'])
    assert pipeline.training.progress == 0.25
    assert pipeline.state == 'training'
    (tmp_path / 'go').touch()
    assert pipeline.wait_for_training(20)
    assert pipeline.state == 'idle'
    assert pipeline.status_message == 'Training is done.'
    assert pipeline.train_log == ['first line', 'a quarter', 'last line']
    assert pipeline.observer.lines == pipeline.train_log
    assert type(pipeline.model) is decoder.Model
    assert pipeline.model.names == ['rest', 'fist']
    assert pipeline.class_names == ('rest', 'fist')
    assert pipeline.model.pid == pipeline.training.pid != os.getpid()


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('raises', 'ValueError: too few windows'),
        ('nothing', 'train returned None, expected a model'),
        ('exits', 'exited with code 3 before it returned a model'),
        ('sys_exits', 'SystemExit: 4'),
        ('killed', 'was killed by SIGKILL (out of memory?)'),
        ('unpicklable', 'the model, a function, cannot be saved'),
    ],
)
def test_failed_training_keeps_the_previous_model(decoder, tmp_path, name, words):
    pipeline = started(getattr(decoder, name), tmp_path)
    fails(pipeline, words)
    if name == 'raises':
        assert 'Traceback (most recent call last):' in pipeline.train_log
    pipeline.train(decoder.quick)  # the next training succeeds
    pipeline.start_training()
    assert pipeline.wait_for_training(20)
    assert pipeline.model.names == ['rest', 'fist']


def test_killed_worker_is_a_failed_training(decoder, tmp_path):
    pipeline = started(decoder.good, tmp_path)
    until(lambda: 'first line' in pipeline.train_log)
    os.kill(pipeline.training.pid, signal.SIGKILL)
    fails(pipeline, 'was killed by SIGKILL')


def test_cancel_kills_a_hanging_training_and_its_children(decoder, tmp_path):
    pipeline = started(decoder.hangs, tmp_path)
    until(lambda: 'hanging' in pipeline.train_log)
    child = int((tmp_path / 'child').read_text())
    pipeline.cancel_training()
    assert pipeline.state == 'idle'
    assert pipeline.status_message == 'Training was cancelled; the previous model stays in use.'
    until(lambda: not alive(child) and not alive(pipeline.training.pid), 3)
    assert pipeline.wait_for_training(5)
    assert pipeline.model == 'old'
    assert 'Training failed' not in ' '.join(pipeline.train_log)


@pytest.mark.parametrize('name', ['leaves_a_child', 'leaves_a_daemon'])
def test_child_that_holds_stdout_does_not_delay_the_end(decoder, tmp_path, name):
    pipeline = started(getattr(decoder, name), tmp_path)
    assert pipeline.wait_for_training(10)
    assert pipeline.model == 'model'
    if name == 'leaves_a_daemon':  # later output is not part of the log
        (tmp_path / 'go').touch()
        until((tmp_path / 'said').exists)
        time.sleep(0.1)
        assert pipeline.train_log == []


def test_worker_exits_when_its_parent_is_killed(decoder, tmp_path):
    script = textwrap.dedent(f"""
        import time
        from myogestic_ros.core.training.decoder_file import import_decoder
        from myogestic_ros.core.pipeline.pipeline import Pipeline
        from myogestic_ros.core.training.training_data import TrainingData
        pipeline = Pipeline()
        pipeline.train(import_decoder({str(tmp_path / 'decoder.py')!r}).hangs)
        pipeline.training_data = TrainingData(paths=[{str(tmp_path)!r}])
        pipeline.start_training()
        while not pipeline.train_log: time.sleep(0.01)
        print(pipeline.training.pid, flush=True)
        time.sleep(60)
    """)
    command = [sys.executable, '-c', script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        child = int((tmp_path / 'child').read_text())
        assert alive(worker) and alive(child)  # noqa: PT018
        parent.kill()
    until(lambda: not alive(worker) and not alive(child), 5)
