"""Model files: parent folders are created, a crash leaves the old file complete."""

from __future__ import annotations

import json
import os
import threading

import joblib
import numpy as np
import pytest

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.limits import MAX_MODEL, MAX_RATIO
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData


@pytest.mark.parametrize('kind', [str, lambda path: path])
def test_parent_folders_are_created_and_the_path_returned(tmp_path, kind):
    path = tmp_path / 'a' / 'b' / 'model.joblib'
    returned = save_pickle({'x': np.arange(3)}, kind(path))
    assert returned == str(path)
    assert type(returned) is str
    np.testing.assert_array_equal(load_pickle(kind(path))['x'], np.arange(3))
    assert os.listdir(path.parent) == ['model.joblib']


def test_name_without_a_folder_is_saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save_pickle(1, 'model') == 'model'
    assert load_pickle('model') == 1


@pytest.mark.parametrize('compress', ['zlib', 'gzip', 'bz2', 'lzma', 'xz', 'lz4'])
def test_a_compressed_model_is_loaded_within_the_limit_only(tmp_path, monkeypatch, compress):
    path = tmp_path / 'model.joblib'
    joblib.dump(np.zeros(50 * 2**20, np.uint8), path, compress=(compress, 3))
    assert path.stat().st_size < 2**20
    monkeypatch.setenv(MAX_RATIO.variable, '1e9')
    assert load_pickle(path).size == 50 * 2**20
    monkeypatch.setenv(MAX_MODEL.variable, '20')
    words = f'expands to more than 20 MiB .set {MAX_MODEL.variable} to allow more.'
    with pytest.raises(ModelError, match=words):
        load_pickle(path)


def test_failure_leaves_the_old_file_complete(tmp_path):
    path = save_pickle('old', tmp_path / 'model.joblib')
    with pytest.raises(Exception, match='pickle'):
        save_pickle(['x' * 100_000, threading.Lock()], path)
    assert load_pickle(path) == 'old'
    assert os.listdir(tmp_path) == ['model.joblib']


def test_crash_leaves_the_old_file_complete(tmp_path, monkeypatch):
    path = save_pickle('old', tmp_path / 'model.joblib')

    def cut(model, file):
        with open(file, 'wb') as half:
            half.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(joblib, 'dump', cut)
    with pytest.raises(KeyboardInterrupt):
        save_pickle('new', path)
    assert load_pickle(path) == 'old'


def test_training_data_is_empty_without_sessions():
    assert TrainingData().is_empty
    assert TrainingData([], ['rest'], {0}).is_empty
    assert not TrainingData(['a'], ['rest'], {0}).is_empty


def test_training_data_are_restored_from_json():
    data = TrainingData(
        ['a', 'b'], ['rest', 'fist'], {1, 0}, [StreamSpec('emg', 100.0, 8, 2000.0)], 25.0
    )
    again = TrainingData.from_json(json.loads(json.dumps(data.to_json())))
    assert again == data
    assert again.window_ms == 100.0
