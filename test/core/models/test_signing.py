"""Models are signed; without the signature of the key, no code of a model runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest
from typer.testing import CliRunner

from myogestic_ros.cli.__main__ import app
from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.leftovers import remove_leftovers
from myogestic_ros.core.models.model_store import Manifest, ModelStore, open_store
from myogestic_ros.core.models.signing import create_key_pair, read_key
from myogestic_ros.core.streams.stream_spec import StreamSpec

EMG = StreamSpec('emg', 200.0, 8, 2000.0)
MANIFEST = Manifest('mine.py', [EMG], 50.0, 50.0, ['rest', 'fist'])


@pytest.fixture
def keys(tmp_path):
    """Files of a private and a public key."""
    return create_key_pair(tmp_path / 'keys' / 'models.key')


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def replaced(folder, name, payload):
    """Replace a model by another one with a correct digest, as someone with write access can."""
    ModelStore(folder).save('evil', payload, MANIFEST)
    for suffix in ('.joblib', '.json'):
        os.replace(folder / f'evil{suffix}', folder / f'{name}{suffix}')


def test_a_signed_model_is_loaded_with_the_private_and_with_the_public_key(tmp_path, keys):
    open_store(tmp_path / 'models', str(keys[0])).save('m', 7, MANIFEST)
    assert sorted(os.listdir(tmp_path / 'models')) == ['m.joblib', 'm.json', 'm.sig']
    for key in keys:
        assert open_store(tmp_path / 'models', str(key)).load('m', [EMG])[0] == 7
    assert ModelStore(tmp_path / 'models').load('m', [EMG])[0] == 7


def test_an_unsigned_model_is_refused_and_runs_no_code(tmp_path, keys):
    store = open_store(tmp_path / 'models', str(keys[1]))
    store.save('m', Payload(tmp_path / 'touched'), MANIFEST)
    with pytest.raises(
        ModelError, match="Model 'm' is not signed; expected a signature of the key"
    ):
        store.load('m', [EMG])
    assert not (tmp_path / 'touched').exists()


@pytest.mark.parametrize('attack', ['replaced', 'manifest', 'renamed', 'other key', 'rubbish'])
def test_a_model_whose_signature_is_not_valid_is_refused_and_runs_no_code(tmp_path, keys, attack):
    folder = tmp_path / 'models'
    store = open_store(folder, str(keys[0]))
    payload = Payload(tmp_path / 'touched')
    store.save('m', 1, MANIFEST)
    if attack == 'replaced':
        replaced(folder, 'm', payload)
    elif attack == 'manifest':
        values = json.loads((folder / 'm.json').read_text())
        (folder / 'm.json').write_text(json.dumps({**values, 'class_names': ['fist', 'rest']}))
    elif attack == 'renamed':
        store.save('other', payload, MANIFEST)
        for suffix in ('.joblib', '.json', '.sig'):
            os.replace(folder / f'other{suffix}', folder / f'm{suffix}')
    elif attack == 'other key':
        replaced(folder, 'm', payload)
        other, _ = create_key_pair(tmp_path / 'other.key')
        open_store(folder, str(other)).sign('m')
    else:
        replaced(folder, 'm', payload)
        (folder / 'm.sig').write_bytes(b'\xff' * 10_000)
    with pytest.raises(ModelError, match="signature of model 'm'"):
        store.load('m', [EMG])
    assert not (tmp_path / 'touched').exists()


def test_a_key_that_others_could_replace_is_refused(tmp_path, keys):
    with pytest.raises(ModelError, match='is in the folder of the models'):
        read_key(keys[0], keys[0].parent)
    keys[1].chmod(0o666)
    with pytest.raises(ModelError, match='has mode 666: others can replace it'):
        read_key(keys[1], tmp_path / 'models')
    (tmp_path / 'no.key').write_text('-----BEGIN PRIVATE KEY-----\nAAAA\n')
    for file, words in ((tmp_path / 'no.key', 'is not a PEM file'), (tmp_path / 'x', 'No such')):
        with pytest.raises(ModelError, match=words):
            read_key(file, tmp_path / 'models')
    assert keys[0].stat().st_mode & 0o777 == 0o600
    with pytest.raises(ModelError, match='File exists'):
        create_key_pair(keys[0])


def test_existing_models_are_signed_by_command_without_being_loaded(tmp_path, keys):
    folder = tmp_path / 'models'
    ModelStore(folder).save('m', Payload(tmp_path / 'touched'), MANIFEST)

    def run(*args):
        return CliRunner().invoke(app, ['models', *map(str, args), '--model-dir', str(folder)])

    listed = run('list', '-k', keys[1])
    assert (listed.exit_code, 'not signed' in listed.output) == (1, True)
    refused = run('sign', 'm', '-k', keys[1])
    assert 'is a public key, which cannot sign' in refused.stderr
    assert run('sign', 'm', '-k', keys[0]).exit_code == 0
    listed = run('list', '-k', keys[1])
    assert (listed.exit_code, 'valid' in listed.output) == (0, True)
    assert not (tmp_path / 'touched').exists()
    joblib.dump(3, folder / 'm.joblib')
    assert 'was changed after it was saved' in run('sign', 'm', '-k', keys[0]).stderr


SAVE = """
import sys, time
from pathlib import Path
from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.models.serialization import save_pickle
from myogestic_ros.core.streams.stream_spec import StreamSpec
folder, number, meet = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
def dump(model, path):
    save_pickle(model, path)
    (meet / number).touch()
    while len(list(meet.iterdir())) < 4:  # all have seen that the name is free
        time.sleep(0.001)
try:
    manifest = Manifest('mine.py', [StreamSpec('emg', 200.0, 8, 2000.0)], 50.0, 50.0, ['rest'])
    ModelStore(folder).save('m', number, manifest, dump)
except ModelError as error:
    print(error)
else:
    print('saved', number)
"""


@pytest.mark.processes
def test_of_four_savers_of_one_name_one_wins_and_the_others_are_told(tmp_path):
    (tmp_path / 'meet').mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, '-c', SAVE, tmp_path / 'models', str(n), tmp_path / 'meet'],
            stdout=subprocess.PIPE, text=True,
        )
        for n in range(4)
    ]  # fmt: skip
    printed = [process.communicate()[0].strip() for process in started]
    (winner,) = [text.split()[1] for text in printed if text.startswith('saved')]
    told = "There is a model 'm' already; choose another name."
    assert printed.count(told) == 3
    assert ModelStore(tmp_path / 'models').load('m', [EMG])[0] == winner
    assert sorted(os.listdir(tmp_path / 'models')) == ['m.joblib', 'm.json']


KILLED = """
import os, signal, sys
from pathlib import Path
from myogestic_ros.core.models.model_store import Manifest, ModelStore
def dump(model, path):
    Path(path).write_bytes(bytes(10**6))
    os.kill(os.getpid(), signal.SIGKILL)
ModelStore(Path(sys.argv[1])).save('m', 1, Manifest('mine.py', [], 50.0, 50.0, []), dump)
"""


@pytest.mark.processes
def test_files_of_killed_savers_are_removed_and_those_of_running_ones_kept(tmp_path):
    folder = tmp_path / 'models'
    for _ in range(2):
        subprocess.run([sys.executable, '-c', KILLED, folder], check=False)
    dead = subprocess.Popen([sys.executable, '-c', ''])
    dead.wait()
    (folder / f'.old.joblib.{dead.pid}.tmp').write_bytes(b'x')  # as older versions named them
    (folder / f'.new.joblib.{os.getpid()}.tmp').write_bytes(b'x')
    (folder / '.hidden').write_bytes(b'x')
    assert len(os.listdir(folder)) == 5
    assert remove_leftovers(folder) == []  # a minute may pass on another machine, too
    past = time.time() - 120
    for path in [*folder.iterdir(), *folder.glob('.saving-*/*')]:
        os.utime(path, (past, past))
    for path in folder.glob('.saving-*'):
        os.utime(path, (past, past))
    open_store(folder)
    assert sorted(os.listdir(folder)) == ['.hidden', f'.new.joblib.{os.getpid()}.tmp']
