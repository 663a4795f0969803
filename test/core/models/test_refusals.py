"""Models that must not be loaded: none of their code may run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle

import pytest

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.streams.stream_spec import StreamSpec

EMG = StreamSpec('emg', 200.0, 8, 2000.0)
MANIFEST = Manifest('mine.py', [EMG], 50.0, 50.0, ['rest', 'fist'])


class Payload:
    """Object that creates a file when it is unpickled."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return open, (self.file, 'w')


@pytest.fixture
def store(tmp_path):
    store = ModelStore(tmp_path / 'models')
    store.save('good', 1, MANIFEST)
    return store


@pytest.fixture
def evil(tmp_path):
    """A foreign pickle; the test fails if its code ran."""
    touched = tmp_path / 'touched'
    yield pickle.dumps(Payload(touched))
    assert not touched.exists(), "the pickle's code ran"


def refused(store, name, words=''):
    with pytest.raises(ModelError, match=words):
        store.load(name, [EMG])


def change(store, **values):
    """Change values in the manifest of the good model."""
    file = store.folder / 'good.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    'name',
    ['a/b', '../good', '..', '.', '', '/etc/passwd', '.good', 'go..od', 'goöd', 'good\0', 'a\\b']
    + ['good\n', ' good', 'good ', '-rf', 'C:good', 'x' * 200, './good', '~', 'good.joblib/'],
)
def test_invalid_names_are_refused(store, name):
    words = 'is not a model name; expected letters, digits'
    refused(store, name, words)
    for action in (store.manifest, lambda n: store.save(n, 1, MANIFEST)):
        with pytest.raises(ModelError, match=words):
            action(name)
    assert store.names() == ['good']


def test_payload_runs_when_it_is_unpickled(tmp_path):
    with pickle.loads(pickle.dumps(Payload(tmp_path / 'touched'))):
        assert (tmp_path / 'touched').exists()


def test_foreign_pickle_without_manifest_is_refused(store, evil):
    (store.folder / 'evil.joblib').write_bytes(evil)
    refused(store, 'evil', r"Model 'evil' has no manifest \(evil\.json\)")


def test_foreign_pickle_under_a_good_name_is_refused(store, evil):
    (store.folder / 'good.joblib').write_bytes(evil)
    refused(
        store,
        'good',
        "The file of model 'good' was changed after it was saved .*SHA-256 digest differs",
    )


def test_link_out_of_the_folder_is_refused(store, tmp_path, evil):
    outside = tmp_path / 'outside.joblib'
    outside.write_bytes(evil)
    (store.folder / 'link.joblib').symlink_to(outside)
    manifest = json.loads((store.folder / 'good.json').read_text())
    manifest['sha256'] = hashlib.sha256(evil).hexdigest()
    (store.folder / 'link.json').write_text(json.dumps(manifest))
    refused(store, 'link', "Model 'link' is a link out of")


def test_link_within_the_folder_is_refused(store):
    (store.folder / 'link.joblib').symlink_to(store.folder / 'good.joblib')
    (store.folder / 'link.json').write_text((store.folder / 'good.json').read_text())
    refused(store, 'link', "Model 'link' is a link")


def test_linked_manifest_is_refused(store, tmp_path, evil):
    manifest = json.loads((store.folder / 'good.json').read_text())
    manifest['sha256'] = hashlib.sha256(evil).hexdigest()
    (tmp_path / 'outside.json').write_text(json.dumps(manifest))
    (store.folder / 'evil.joblib').write_bytes(evil)
    (store.folder / 'evil.json').symlink_to(tmp_path / 'outside.json')
    refused(store, 'evil', "Model 'evil' is a link out of")


def test_folder_may_be_a_link(store, tmp_path):
    (tmp_path / 'link').symlink_to(store.folder)
    assert ModelStore(tmp_path / 'link').load('good', [EMG])[0] == 1


@pytest.mark.parametrize('position', [0, 1, -1])
def test_changed_byte_is_refused(store, position):
    file = store.folder / 'good.joblib'
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    refused(store, 'good', 'SHA-256 digest differs')


@pytest.mark.parametrize('length', [0, 3])
def test_truncated_model_is_refused(store, length):
    os.truncate(store.folder / 'good.joblib', length)
    refused(store, 'good', 'SHA-256 digest differs')


def test_folder_or_pipe_instead_of_a_file_is_refused(store):
    text = (store.folder / 'good.json').read_text()
    (store.folder / 'folder.joblib').mkdir()
    os.mkfifo(store.folder / 'pipe.joblib')
    for name in ('folder', 'pipe'):
        (store.folder / f'{name}.json').write_text(text)
        refused(store, name, f"Model '{name}' is not a regular file")
    (store.folder / 'good.json').unlink()
    os.mkfifo(store.folder / 'good.json')
    refused(store, 'good', "Model 'good' is not a regular file")


@pytest.mark.parametrize(
    'text',
    ['', 'rubbish', '[]', '[{}]', '{}', 'null', '3', '"text"', '{"streams": 3}', '\x00\xff']
    + ['[' * 100_000, '{"a":' * 100_000, '1' * 10_000, '{"streams": [], "decoder": "x"}'],
)
def test_text_that_is_not_a_manifest_is_refused(store, text):
    (store.folder / 'good.json').write_text(text)
    refused(
        store,
        'good',
        "The manifest of model 'good' cannot be read .*; it is not loaded. Train it again",
    )


def test_manifest_that_is_not_text_is_refused(store):
    (store.folder / 'good.json').write_bytes(b'\xff\xfe{}\x80')
    refused(store, 'good', 'cannot be read')


def test_huge_manifest_is_refused(store):
    with open(store.folder / 'good.json', 'wb') as file:
        file.truncate(10**10)  # sparse
    refused(store, 'good', 'cannot be read .*larger than')


@pytest.mark.parametrize(
    'values',
    [
        {'streams': None},
        {'streams': {}, 'sha256': None},
        {'streams': 'emg'},
        {'streams': [{'name': 'emg', 'window_ms': 'long'}]},
        {'streams': [{'name': ['emg']}]},
        {'streams': [{'name': 'emg', 'channels': 8.5}]},
        {'streams': [{'name': 'emg', 'sampling_rate': '2000'}]},
        {'streams': [{'name': 'emg', 'colour': 'red'}]},
        {'class_names': 'rest'},
        {'class_names': [1, 2]},
        {'class_names': None},
        {'sha256': 12},
        {'decoder': []},
        {'predict_hz': 'fast'},
        {'hop_ms': None},
        {'scores': 1.0},
        {'versions': []},
        {'format': None},
        {'format': 2},
        {'format': 'another/model/2'},
        {'unknown': 1},
    ],
)
def test_manifest_of_wrong_types_is_refused(store, values):
    change(store, **values)
    refused(store, 'good', "The manifest of model 'good' cannot be read")


@pytest.mark.parametrize('number', [1, 999])
def test_manifest_of_another_version_is_refused(store, number):
    change(store, format=f'myogestic_ros/model/{number}')
    words = r'was saved by another version of myogestic_ros \(format .*\); train it again'
    refused(store, 'good', f"Model 'good' {words}")


def test_manifest_without_format_is_refused(store):
    file = store.folder / 'good.json'
    values = json.loads(file.read_text())
    del values['format']
    file.write_text(json.dumps(values))
    refused(store, 'good', 'cannot be read .format None, expected .*; it is not loaded. Train')


def test_wrong_digest_in_the_manifest_is_refused(store):
    change(store, sha256='0' * 64)
    refused(store, 'good', 'SHA-256 digest differs')
