"""Models are saved, listed and loaded; a crash leaves no incomplete model."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models import model_store
from myogestic_ros.core.models.compatibility import incompatibility
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.streams.stream_spec import StreamSpec

EMG = StreamSpec('emg', 200.0, 8, 2000.0)
MANIFEST = Manifest(
    decoder='mine.py',
    streams=[EMG],
    predict_hz=50.0,
    hop_ms=50.0,
    class_names=['rest', 'fist'],
    sessions=['s1'],
    scores={'accuracy': 0.9},
)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / 'models' / 'of mine')


def test_saved_model_is_loaded(store):
    written = store.save('first', {'weights': np.arange(3)}, MANIFEST)
    model, manifest = store.load('first', [EMG])
    np.testing.assert_array_equal(model['weights'], np.arange(3))
    assert manifest == written == store.manifest('first')
    assert manifest.streams == [EMG]
    assert manifest.class_names == ['rest', 'fist']
    assert {'python', 'numpy', 'joblib'} <= set(manifest.versions)
    assert re.fullmatch('[0-9a-f]{64}', manifest.sha256)
    assert manifest.created
    assert sorted(f.name for f in store.folder.iterdir()) == ['first.joblib', 'first.json']


def test_existing_model_is_not_overwritten(store):
    store.save('first', 'old', MANIFEST)
    before = {f.name: f.read_bytes() for f in store.folder.iterdir()}
    with pytest.raises(ModelError, match="There is a model 'first' already; choose another name"):
        store.save('first', 'new', MANIFEST)
    assert before == {f.name: f.read_bytes() for f in store.folder.iterdir()}
    assert store.load('first', [EMG])[0] == 'old'


def test_free_names_contain_stem_and_time_and_are_unique(store):
    seen = []
    for _ in range(4):
        name = store.free_name('my decoder/über.py')
        assert re.fullmatch(r'my-decoder-ber\.py_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d)?', name)
        store.save(name, len(seen), MANIFEST)
        seen.append(name)
    assert len(set(seen)) == 4
    assert set(store.names()) == set(seen)
    (store.folder / f'{seen[0]}.joblib').unlink()  # a manifest alone also occupies the name
    assert not (store.folder / f'{store.free_name("my decoder/über.py")}.json').exists()


STEMS = ['', '...', '/', '\0', 'é', '.hidden', 'a' * 500, '-x', '../..', '_x', '__', 'a..b']


@pytest.mark.parametrize('stem', STEMS)
def test_free_name_is_always_allowed(store, stem):
    name = store.free_name(stem)
    store.save(name, 1, MANIFEST)
    assert store.names() == [name]


def test_names_are_listed_oldest_first(store):
    for age, name in ((30, 'c'), (20, 'a'), (10, 'b')):
        store.save(name, 1, MANIFEST)
        os.utime(store.folder / f'{name}.json', (1e9 - age, 1e9 - age))
    assert store.names() == ['c', 'a', 'b']


def test_missing_folder_has_no_models(store):
    assert store.names() == []
    with pytest.raises(ModelError, match="There is no model 'x' in .*; models: none"):
        store.load('x', [EMG])


def test_other_files_in_the_folder_are_ignored(store):
    store.save('good', 1, MANIFEST)
    folder = store.folder
    (folder / 'readme.txt').write_text('hello')
    (folder / 'no-model.json').write_text('{}')
    (folder / 'no-manifest.joblib').write_bytes(b'x')
    (folder / 'folder.json').mkdir()
    (folder / 'folder.joblib').mkdir()
    for name in ('.hidden', 'two words', 'a..b', 'é'):
        (folder / f'{name}.json').write_text('{}')
        (folder / f'{name}.joblib').write_bytes(b'x')
    (folder / 'dangling.json').symlink_to(folder / 'nowhere')
    (folder / 'dangling.joblib').write_bytes(b'x')
    assert store.names() == ['good']
    with pytest.raises(ModelError, match=r"There is no model 'x' in .*; models: good\."):
        store.manifest('x')


def test_crash_between_model_and_manifest_leaves_no_model(store, monkeypatch):
    def power_cut(*_):
        raise KeyboardInterrupt  # save() does not catch it, as in a crash

    with monkeypatch.context() as patched:
        patched.setattr(model_store.os, 'replace', power_cut)
        with pytest.raises(KeyboardInterrupt):
            store.save('cut', 1, MANIFEST, dump=lambda model, path: open(path, 'wb').close())
    assert (store.folder / 'cut.joblib').exists()
    assert store.names() == []
    with pytest.raises(ModelError, match="Model 'cut' has no manifest"):
        store.load('cut', [EMG])
    store.save('cut', 2, MANIFEST)  # the name can be used again
    assert store.load('cut', [EMG])[0] == 2


@pytest.mark.parametrize('model', [lambda: 1, (number for number in 'ab')])
def test_model_that_cannot_be_saved_leaves_no_file(store, model):
    with pytest.raises(ModelError, match="Model 'x' cannot be saved in .*Error"):
        store.save('x', model, MANIFEST)
    assert list(store.folder.iterdir()) == []


def test_numpy_values_in_scores_and_parameters_are_saved(store):
    manifest = replace(
        MANIFEST,
        scores={'accuracy': np.float32(0.5)},
        parameters={'weights': np.arange(2), 'path': store.folder, 'n': np.int64(3)},
    )
    store.save('x', 1, manifest)
    again = store.manifest('x')
    assert again.scores == {'accuracy': 0.5}
    assert again.parameters == {'weights': [0, 1], 'path': str(store.folder), 'n': 3}


def test_own_save_and_load_functions_are_used(store):
    def dump(model, path):
        with open(path, 'w') as file:
            json.dump(model, file)

    def load(path):
        assert os.path.dirname(path) != str(store.folder)  # a copy of the bytes that were checked
        with open(path) as file:
            return json.load(file)

    store.save('x', {'a': 1}, MANIFEST, dump)
    assert store.load('x', [EMG], load)[0] == {'a': 1}


def test_error_of_a_load_function_is_reported(store):
    store.save('x', 1, MANIFEST)

    def load(path):
        raise ModuleNotFoundError("No module named 'torch'")

    with pytest.raises(
        ModelError,
        match=r"'x' cannot be loaded: .*torch.*decoder 'mine\.py'; use the same decoder, or",
    ):
        store.load('x', [EMG], load)


@pytest.mark.parametrize(
    ('live', 'words'),
    [
        (
            [replace(EMG, channels=16)],
            "stream 'emg' has 16 channels, the model was trained with 8 channels",
        ),
        (
            [replace(EMG, sampling_rate=1000.0)],
            'has a sampling rate of 1000 Hz, the model was trained with .* 2000 Hz',
        ),
        (
            [replace(EMG, window_ms=150.0)],
            'has a window of 150 ms, the model was trained with a window of 200 ms',
        ),
        ([EMG, StreamSpec('imu')], r"reads the streams \['emg'\], the pipeline has \['emg', 'imu"),
        ([StreamSpec('imu')], r"reads the streams \['emg'\], the pipeline has \['imu'\]"),
        ([], r'the pipeline has \[\]'),
    ],
)
def test_other_streams_are_refused_before_loading(store, live, words):
    store.save('x', 1, MANIFEST)
    with pytest.raises(ModelError, match=f"Model 'x' does not match the streams: .*{words}"):
        store.load('x', live, load=lambda path: pytest.fail('it was loaded'))


def test_unknown_stream_properties_match():
    assert incompatibility(MANIFEST.streams, [StreamSpec('emg', 200.0)]) is None
    unknown = replace(MANIFEST, streams=[StreamSpec('emg', 200.0)])
    assert incompatibility(unknown.streams, [EMG]) is None
