"""Subcommands of ``myogestic sessions``: import, list, info, check, repair, export."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from support.bags import EMG, protocol, topics, write

from myogestic_ros.cli import __main__ as command
from myogestic_ros.cli import sessions as group
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

CUES = [(0, 'rest', 0.5), (1, 'fist', 0.5)] * 2
ITEMS = protocol(CUES, channels=3)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        for name in ('console', 'errors'):
            monkeypatch.setattr(group, name, Console(width=100, stderr=name == 'errors'))
        monkeypatch.setattr('myogestic_ros.cli.console.errors', Console(width=100, stderr=True))
        code = command.main(['sessions', *map(str, words)])
        captured = capsys.readouterr()
        assert 'Traceback' not in captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def recording(tmp_path):
    """Write a recording as a text file."""
    generator = np.random.default_rng(2)
    rows = [
        [*(f'{value:.4f}' for value in generator.standard_normal(4)), str(n // 200 % 2)]
        for n in range(800)
    ]
    file = tmp_path / 'hand.csv'
    file.write_text('\n'.join(','.join(row) for row in rows))
    return file


def test_import_info_export_and_reimport(run, tmp_path, recording):
    options = ('--rate', '200', '--scale', '1e-4', '--classes', 'rest,fist', '--subject', 'S1')
    code, out, _ = run('import', recording, *options)
    assert code == 0
    assert out.splitlines() == [
        'sessions/hand: 4 channels at 200 Hz, 4.0 s',
        'Repetitions: rest × 2, fist × 2',
    ]
    code, out, _ = run('list')
    assert code == 0
    assert 'hand' in out
    assert 'rest, fist' in out
    code, out, _ = run('info', 'hand', '--picture', 'hand.png')
    assert code == 0
    assert '800' in out
    assert (tmp_path / 'hand.png').read_bytes().startswith(b'\x89PNG')
    assert run('check')[0] == 0
    for file in ('hand.npz', 'hand2.csv'):
        assert run('export', 'hand', file)[0] == 0
        assert run('import', file, '--name', f'from {file}')[0] == 0
        first, second = Session('sessions/hand'), Session(f'sessions/from {file}')
        topics = list(first.bag.topics)
        assert list(first.bag.messages(topics)) == list(second.bag.messages(topics))


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['import', 'nothing.csv', '--rate', '200'], 'There is no recording nothing.csv'),
        (['import', 'hand.csv'], '--mapping myo for a Myo armband'),
        (['import', 'hand.csv', '-m', 'mio'], "There is no mapping 'mio'"),
        (
            ['import', 'hand.csv', '--rate', '200', '--classes', 'rest'],
            'line 201: expected a class',
        ),
        (
            ['import', 'hand.csv', '--rate', '200', '--label-column', '0'],
            'line 1: expected a class',
        ),
        (['import', 'hand.csv', '--rate', '200', '--name', 's'], 'sessions/s exists already'),
        (
            ['import', 'hand.csv', '--rate', '200', '--on-bad-line', 'cry'],
            'expected error or skip',
        ),
        (['list', 'nowhere'], 'There is no folder nowhere'),
        (['info', 'nobody'], "There is no session 'nobody' in sessions; available: s"),
        (['info', 's', '--picture', 'hand.csv'], 'hand.csv exists already'),
        (['info', 's', '--picture', 'hand.xyz'], 'hand.xyz cannot be written'),
        (['export', 's', 'hand.csv'], 'hand.csv exists already'),
        (['export', 's', 's.mat'], "has the suffix '.mat', expected .npz or .csv"),
        (['export', 's', '--stream', 'glove'], "has no stream 'glove'; it has /emg"),
        (['check', '--folder', 'nowhere'], 'There is no folder nowhere'),
        (['repair', 'nobody'], "There is no session 'nobody'"),
    ],
)
def test_invalid_call_prints_message_and_writes_nothing(run, recording, words, message):
    write(recording.parent / 'sessions' / 's', ITEMS, ('rest', 'fist'))
    code, out, err = run(*words)
    assert code == 1
    assert message in ' '.join(err.split())
    assert not out or words[0] == 'info'
    assert {path.name for path in (recording.parent / 'sessions').iterdir()} == {'s'}


def test_check_exits_with_1_for_lost_samples(run, tmp_path):
    write(tmp_path / 'sessions' / 'gap', protocol(CUES, lose=(200, 400)), ('rest', 'fist'))
    code, out, _ = run('check')
    assert code == 1
    assert 'gap: errors: 1' in out
    assert '/emg lost 200 samples' in out


def test_repair_completes_interrupted_session(run, tmp_path):
    path = write(tmp_path / 'sessions' / 'cut', ITEMS, ('rest', 'fist'))
    file = next(path.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-500])
    (path / 'metadata.yaml').unlink()
    assert 'needs repair' in run('list')[1]
    assert run('check')[0] == 1
    code, out, _ = run('repair')
    assert code == 0
    assert "Session 'cut' was interrupted" in out
    assert 'cut: needs no repair.' in run('repair', 'cut')[1]
    assert 'recovered' in run('list')[1]
    code, out, _ = run('check')
    assert code == 0
    assert "Session 'cut' was interrupted; recovered" in ' '.join(out.split())


def test_names_with_brackets_are_printed_literally(run, tmp_path):
    write(tmp_path / 'sessions' / '[red]x', protocol([(0, '[bold]', 0.5)]), ('[bold]',))
    for words in (['list'], ['info', '[red]x'], ['check']):
        assert '[red]x' in run(*words)[1]


def test_64_channels_are_plotted_in_groups(run, tmp_path):
    write(tmp_path / 'sessions' / 'grid', protocol(CUES, channels=64), ('rest', 'fist'))
    code, out, _ = run('info', 'grid', '-p', 'grid.png')
    assert code == 0
    assert 'channel 57 to 64' in out
    assert (tmp_path / 'grid.png').stat().st_size > 10_000


def test_export_names_streams_that_are_left_out(run, tmp_path):
    items = [*ITEMS, ('/target', ITEMS[1][1], ITEMS[1][2])]
    own = [*topics(), Topic('/target', message_definition(EMG), STREAM)]
    with SessionWriter(tmp_path / 'sessions' / 'two', SessionInfo(), own) as writer:
        for topic, data, time_ns in items:
            writer.write(topic, data, time_ns)
    code, out, _ = run('export', 'two')
    assert code == 0
    assert 'Written: two.npz' in out
    assert 'Not exported: /target' in out
    assert 'Not exported: /emg' in run('export', 'two', 'target.csv', '--stream', 'target')[1]


def test_module_runs_as_command(tmp_path):
    write(tmp_path / 'sessions' / 's', ITEMS, ('rest', 'fist'))
    done = subprocess.run(
        [sys.executable, '-m', 'myogestic_ros.cli', 'sessions', 'info', 's'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'RMS over time' in done.stdout
