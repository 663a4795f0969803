"""Tests of trainings in a process: unusual decoders, output, temporary files."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.decoder_file import import_decoder, load_file
from myogestic_ros.core.training.training_data import TrainingData

DECODER = """
import os, signal, sys, time, warnings

class Model:
    def __init__(self, data): self.data = data

def model_of_data(data): return Model(data)
def strange_signal(data): os.kill(os.getpid(), 40)
def big(data):
    print('x' * 1_000_000)
    return Model(b'x' * 30_000_000)
def talks(data):
    for index in range(20_000): print('line', index)
    return 1
def odd_bytes(data):
    os.write(1, b'caf\\xe9 \\x00\\n')
    print('to stderr', file=sys.stderr)
    os.system('echo from a shell')
    return 1
def leaves_a_thread(data):
    import threading
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 1
def unloadable(data): return Unloadable()
class Unloadable:
    def __reduce__(self): return fail_elsewhere, (os.getpid(),)
def fail_elsewhere(pid):
    if pid != os.getpid(): raise RuntimeError('not here')
def hangs(data):
    print('hanging', flush=True)
    while True: time.sleep(1)
def add_names(data):
    data.class_names = ['rest', 'fist', 'added']
    return data
"""


@pytest.fixture
def decoder(tmp_path):
    file = tmp_path / 'decoder.py'
    file.write_text(DECODER)
    return import_decoder(str(file))


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Return the folder for temporary files during the test."""
    folder = tmp_path / 'temporary'
    folder.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    return folder


def prepared(train, **data):
    pipeline = Pipeline()
    pipeline.train(train)
    pipeline.use_model('old', 'old name', [])
    pipeline.training_data = TrainingData(**{'paths': ['somewhere'], **data})
    return pipeline


def trained(train, **data):
    pipeline = prepared(train, **data)
    pipeline.start_training()
    assert pipeline.training.pid is not None
    assert pipeline.wait_for_training(30)
    assert pipeline.state == 'idle'
    return pipeline


def test_training_process_gets_equal_data(decoder, tmp_path):
    streams = [StreamSpec('emg', 123.0, 8, 2000.0), StreamSpec('glove', 50.0)]
    given = {
        'paths': [tmp_path / 'a', str(tmp_path / 'b')],
        'class_names': ['rest', 'föst'],
        'classes': {np.int64(1), 0},
        'streams': streams,
        'hop_ms': 12.5,
    }
    pipeline = trained(decoder.model_of_data, **given)
    assert pipeline.status_message == 'Training is done.'
    assert type(pipeline.model) is decoder.Model
    paths = [str(tmp_path / 'a'), str(tmp_path / 'b')]
    assert pipeline.model.data == TrainingData(**{**given, 'paths': paths})
    assert pipeline.class_names == ('rest', 'föst')


def test_prepared_data_determine_the_class_names(decoder):
    pipeline = prepared(decoder.model_of_data, class_names=['rest'])
    pipeline.callbacks.prepare = decoder.add_names
    pipeline.start_training()
    assert pipeline.wait_for_training(30)
    assert pipeline.model.data.class_names == ['rest', 'fist', 'added']
    assert pipeline.class_names == ('rest', 'fist', 'added')


@pytest.mark.parametrize('name', ['my decoder.v2.py', 'a-b.py', '1st.py', 'éµ.py', 'json.py'])
def test_decoder_files_of_any_name_can_be_trained(tmp_path, name):
    (tmp_path / name).write_text(DECODER)
    decoder = import_decoder(str(tmp_path / name))
    pipeline = trained(decoder.model_of_data)
    assert type(pipeline.model) is decoder.Model
    path = save_pickle(pipeline.model, tmp_path / 'model.joblib')
    assert type(load_pickle(path)) is decoder.Model


def test_unnamed_signal_is_reported_by_its_number(decoder):
    pipeline = trained(decoder.strange_signal)
    words = 'Training failed: the training process was killed by signal 40.'
    assert pipeline.status_message == words
    assert pipeline.model == 'old'


def test_model_that_cannot_be_loaded_is_a_failed_training(decoder):
    pipeline = trained(decoder.unloadable)
    assert 'cannot be loaded here: RuntimeError: not here' in pipeline.status_message
    assert pipeline.model == 'old'


def test_large_model_and_long_line_are_transferred(decoder):
    pipeline = trained(decoder.big)
    assert len(pipeline.model.data) == 30_000_000
    assert [len(line) for line in pipeline.train_log] == [1_000_000]


def test_many_lines_arrive_in_order(decoder):
    pipeline = trained(decoder.talks)
    assert pipeline.train_log == [f'line {index}' for index in range(20_000)]


def test_log_has_stdout_stderr_and_output_of_children(decoder):
    pipeline = trained(decoder.odd_bytes)
    assert pipeline.train_log == ['caf\ufffd \x00', 'to stderr', 'from a shell']


def test_running_thread_does_not_delay_the_end(decoder):
    assert trained(decoder.leaves_a_thread).model == 1


def test_temporary_folder_is_empty_after_each_training(decoder, temporary):
    trained(decoder.model_of_data)
    trained(decoder.strange_signal)
    pipeline = prepared(decoder.hangs)
    pipeline.start_training()
    assert list(temporary.iterdir())
    pipeline.cancel_training()
    pipeline.wait_for_training(20)
    assert list(temporary.iterdir()) == []


def test_data_that_cannot_be_serialized_raise_and_state_stays_idle(decoder, temporary):
    pipeline = prepared(decoder.model_of_data, hop_ms=object())
    with pytest.raises(TypeError):
        pipeline.start_training()
    assert pipeline.state == 'idle'
    assert pipeline.status_message.startswith('Training cannot start: ')
    assert list(temporary.iterdir()) == []


def test_repeated_start_and_cancel(decoder):
    pipeline = prepared(decoder.hangs)
    pids = []
    for _ in range(5):
        pipeline.start_training()
        pids.append(pipeline.training.pid)
        began = time.monotonic()
        pipeline.cancel_training()
        assert time.monotonic() - began < 1.0
        assert pipeline.state == 'idle'
    pipeline.train(decoder.model_of_data)
    pipeline.start_training()
    assert pipeline.wait_for_training(30)
    assert type(pipeline.model) is decoder.Model
    end = time.monotonic() + 10
    while any(Path(f'/proc/{pid}').exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_cancel_after_the_end_raises(decoder):
    pipeline = trained(decoder.model_of_data)
    with pytest.raises(Exception, match="Cannot cancel training: state is 'idle'"):
        pipeline.cancel_training()
    assert type(pipeline.model) is decoder.Model


def test_module_that_cannot_be_imported_by_name_trains_in_a_thread(tmp_path, monkeypatch):
    (tmp_path / 'hidden.py').write_text('def train(data): return 1')
    module = load_file(tmp_path / 'hidden.py')
    monkeypatch.setitem(sys.modules, 'known_only_here', module)
    monkeypatch.setattr(module, '__name__', 'known_only_here')
    monkeypatch.setattr(module.train, '__module__', 'known_only_here')
    pipeline, told = prepared(module.train), []
    pipeline.observer = Observer()
    pipeline.observer.problem = lambda kind, sentence: told.append(kind)
    pipeline.start_training()
    assert pipeline.wait_for_training(30)
    assert pipeline.model == 1
    assert told == ['thread']
