"""The commands and import mappings in the docs work as documented."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
import scipy.io
import yaml
from support.paths import ROOT
from support.recorded import synthetic_emg, write_signal
from support.xdf import write_xdf

from myogestic_ros.cli import __main__ as command
from myogestic_ros.core.models.model_store import ModelStore
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sources.importers.importer import import_recording

DOCS = ROOT / 'docs'
N = 3000
DATA = np.random.default_rng(9).standard_normal((N, 4))
CLASSES = np.repeat([0, 1, 0, 1, 2, 0], N // 6)


def blocks():
    """Return name → text of each block of commands or YAML that is marked as one to be tested."""
    found = {}
    for page in sorted(DOCS.rglob('*.md')):
        text = page.read_text()
        pattern = r'<!-- test: (\S+) -->\n```(?:sh|yaml)\n(.*?)```'
        found.update(dict(re.findall(pattern, text, flags=re.DOTALL)))
        assert len(re.findall(pattern, text, flags=re.DOTALL)) == len(
            re.findall('```(?:sh|yaml)', text)
        )
    return found


def lines(*columns):
    return '\n'.join(','.join(str(value) for value in row) for row in zip(*columns, strict=True))


def test_every_block_is_tested():
    assert set(blocks()) == {
        *('import.sh', 'export.sh', 'sessions.sh', 'train.sh'),
        *(f'tutorial-{name}.sh' for name in ('import', 'check', 'evaluate', 'train')),
        *('timed.yaml', 'ninapro.yaml', 'lsl.yaml', 'files.yaml'),
    }


def test_commands_to_import_inspect_and_export_work(tmp_path, monkeypatch):
    (tmp_path / 'hand.csv').write_text(lines(*DATA.T, CLASSES))
    monkeypatch.chdir(tmp_path)
    for name in ('import.sh', 'export.sh', 'sessions.sh'):
        for line in blocks()[name].splitlines():
            program, *words = shlex.split(line)
            assert program == 'myogestic'
            assert command.main(words) == 0, line
    for name in ('hand.png', 'signal.png', 'hand.npz', 'table.csv', 'table.yaml', 'out.npz'):
        assert (tmp_path / name).is_file(), name
    first, again = Session(tmp_path / 'sessions/hand'), Session(tmp_path / 'sessions/hand-again')
    topics = list(first.bag.topics)
    assert list(first.bag.messages(topics)) == list(again.bag.messages(topics))


def test_tutorial_of_own_recordings_works(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    labels = np.repeat(np.tile([0, 1, 2], 3), 1500)
    emg = rng.standard_normal((len(labels), 4)) * (20.0 + 30.0 * labels[:, np.newaxis])
    (tmp_path / 'hand.csv').write_text(lines(*emg.T, labels))
    monkeypatch.chdir(tmp_path)
    for name in ('import', 'check', 'evaluate', 'train'):
        for line in blocks()[f'tutorial-{name}.sh'].splitlines():
            program, *words = shlex.split(line)
            assert program == 'myogestic'
            assert command.main(words) == 0, line
    assert (tmp_path / 'hand.png').is_file()
    assert (tmp_path / 'report.html').is_file()
    assert len(list((tmp_path / 'sessions').iterdir())) == 2  # the session and its predictions


def test_train_command_stores_filters_in_the_model(tmp_path, monkeypatch):
    write_signal(
        tmp_path / 'sessions' / 'monday', *synthetic_emg(repetitions=2, seconds=1.5), 1000.0
    )
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(blocks()['train.sh'])
    assert program == 'myogestic'
    assert command.main(words) == 0
    store = ModelStore(tmp_path / 'models')
    (spec,) = store.manifest(store.newest()).streams
    assert spec.filters == FilterSpec((20.0, 450.0), notch=50.0)


def timed(folder):
    words = np.array(['rest', 'fist', 'open'])[CLASSES]
    (folder / 'r.csv').write_text(lines(np.arange(N) / 2, *DATA.T, words))
    return folder / 'r.csv', {'rest': 3, 'fist': 2, 'open': 1}


def ninapro(folder):
    arrays = {
        'emg': DATA,
        'restimulus': CLASSES[:, None],
        'rerepetition': np.repeat([0, 1, 0, 2, 1, 0], N // 6)[:, None],
    }
    scipy.io.savemat(folder / 'r.mat', arrays)
    return folder / 'r.mat', {'rest': 3, 'index flexion': 2, 'index extension': 1}


def lsl(folder):
    times_s = np.arange(N) / 1000
    cues = [(-1.0, 'session start'), (0.0, 'relax'), (0.5, 'close hand'), (2.0, 'relax')]
    file = write_xdf(folder / 'r.xdf', DATA, times_s, 1000.0, cues)
    return file, {'rest': 2, 'fist': 1}


def files(folder):
    for index in (0, 1):
        for number in range(3):
            (folder / f'C_{index}_R_{number}.csv').write_text(lines(*DATA[:500].T))
    return folder, {'rest': 3, 'fist': 3}


@pytest.mark.parametrize('make', [timed, ninapro, lsl, files])
def test_mapping_imports_the_expected_repetitions(tmp_path, make):
    (tmp_path / 'in').mkdir()
    recording, expected = make(tmp_path / 'in')
    text = blocks()[f'{make.__name__}.yaml']
    assert yaml.safe_load(text)
    (tmp_path / 'mapping.yaml').write_text(text)
    import_recording(recording, tmp_path / 's', str(tmp_path / 'mapping.yaml'))
    found: dict[str, set[int]] = {}
    for label in Session(tmp_path / 's').labels():
        if label.index >= 0:
            found.setdefault(label.name, set()).add(label.repetition)
    assert {name: len(numbers) for name, numbers in found.items()} == expected
