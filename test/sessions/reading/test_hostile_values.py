"""Names, numbers and durations out of range in recorded messages and metadata: never a spoiled session."""

from __future__ import annotations

import json
import struct
import time

import numpy as np
import pytest
from support.bags import frame, label, protocol, write
from typer.testing import CliRunner

from myogestic_ros.cli.__main__ import app
from myogestic_ros.core.signals import MAX_CLASSES, NO_CLASS
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.core.untrusted import MAX_NAME, clean_name
from myogestic_ros.sessions.exchange.export import export_session
from myogestic_ros.sessions.quality.check import check_session
from myogestic_ros.sessions.reading.library import list_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.training_data import complete_training_data
from myogestic_ros.sessions.reading.windows import iter_windows
from myogestic_ros.sessions.recording.repair import repair_session
from myogestic_ros.sessions.session_info import SessionInfo

CUES = [(0, 'rest', 0.5), (1, 'fist', 0.5)]
LONG = 'x' * 1_100_000


def hostile(path, *, name='fist', index=1, duration=0.0):
    """Write a session whose second label has the given values, as an older version recorded it."""
    items = protocol(CUES)
    place = [n for n, item in enumerate(items) if item[0] == '/label'][1]
    stamp_ns = items[place][2]
    items[place] = ('/label', label(index, name, stamp_ns, 0, duration), stamp_ns)
    return write(path, items, ('rest', 'fist'))


def cut(path):
    """Return the class names of all training windows of a session."""
    return {window.class_name for window in iter_windows([path], 'emg', 100.0, 50.0)}


def findings(path):
    return ' '.join(f'{found.message} {found.advice}' for found in check_session(path))


def run(*args):
    return CliRunner().invoke(app, ['sessions', *map(str, args)])


@pytest.mark.parametrize('duration', [1e308, float('inf'), 1e12])
def test_a_planned_duration_out_of_range_is_ignored_and_reported(tmp_path, duration):
    path = hostile(tmp_path / 's', duration=duration)
    assert cut(path) == {'rest', 'fist'}
    assert [repetition.name for repetition in repetitions(Session(path))] == ['rest', 'fist']
    assert f'a planned duration of {duration:g} s' in findings(path)
    for command in ('info', 'check'):
        result = run(command, path)
        assert result.exception is None or isinstance(result.exception, SystemExit)
    assert 'planned duration' in result.output


@pytest.mark.parametrize('rate', [1e-308, 1e308, 5e-324])
def test_an_impossible_sampling_rate_is_skipped_and_counted(tmp_path, rate):
    items = protocol(CUES)
    at = [n for n, item in enumerate(items) if item[0] == '/emg']
    for n in at[10:12]:
        raw = bytearray(items[n][1])
        place = raw.index(struct.pack('<d', 2000.0))
        raw[place : place + 8] = struct.pack('<d', rate)
        items[n] = ('/emg', bytes(raw), items[n][2])
    path = write(tmp_path / 's', items, ('rest', 'fist'))
    assert cut(path) == {'rest', 'fist'}
    assert '/emg has 2 malformed messages' in findings(path)
    assert run('info', path).exit_code == 0


def test_a_sample_index_near_the_end_of_its_range_is_skipped_and_counted(tmp_path):
    items = protocol(CUES)
    at = [n for n, item in enumerate(items) if item[0] == '/emg'][10:13]
    for n in at:
        raw, stamp_ns = frame(0, np.zeros((20, 2)))
        raw = bytearray(raw)
        place = raw.index(struct.pack('<d', 2000.0)) - 8
        raw[place : place + 8] = struct.pack('<Q', 2**64 - 20)
        items[n] = ('/emg', bytes(raw), stamp_ns)
    path = write(tmp_path / 's', items, ('rest', 'fist'))
    assert cut(path) == {'rest', 'fist'}
    assert '/emg has 3 malformed messages' in findings(path)


def test_a_huge_class_index_takes_no_memory(tmp_path):
    path = hostile(tmp_path / 's', index=2**31 - 1)
    data = complete_training_data(
        TrainingData(paths=[str(path)], streams=[StreamSpec('emg', 100.0)])
    )
    assert len(data.class_names) <= MAX_CLASSES
    assert [found.index for found in Session(path).labels()] == [0, NO_CLASS]
    assert f'class index {2**31 - 1}' in findings(path)
    export_session(Session(path), tmp_path / 'export.npz')


def test_a_name_of_a_megabyte_is_cut_in_labels_and_reported(tmp_path):
    path = hostile(tmp_path / 's', name=LONG)
    (name,) = cut(path) - {'rest'}
    assert len(name) == MAX_NAME
    assert name == clean_name(LONG)
    assert 'a name of 1100000 characters' in findings(path)


def test_an_old_session_whose_metadata_holds_a_name_of_a_megabyte_is_read_and_listed(tmp_path):
    path = hostile(tmp_path / 's', name=LONG)
    file = path / 'metadata.yaml'
    names = json.dumps(['rest', 'fist'])
    file.write_text(file.read_text().replace(names, json.dumps(['rest', LONG])))
    began_s = time.monotonic()
    (summary,) = list_sessions(tmp_path)
    assert time.monotonic() - began_s < 10
    assert summary.info.class_names == ('rest', clean_name(LONG))
    assert Session(path).info.class_names == ('rest', clean_name(LONG))
    assert len(run('list', tmp_path).output) < 10_000


def test_repair_of_a_session_with_a_long_name_writes_metadata_that_can_be_read(tmp_path):
    path = hostile(tmp_path / 's', name=LONG)
    (path / 'metadata.yaml').unlink()
    repair_session(path)
    assert (path / 'metadata.yaml').stat().st_size < 20_000
    (summary,) = list_sessions(tmp_path)
    assert summary.info.class_names == ('rest', 'fist') or len(summary.info.class_names[1]) <= 100


def test_metadata_stays_readable_whatever_the_texts(tmp_path):
    info = SessionInfo(
        class_names=tuple(f'\U0001f600{n}' * 300_000 for n in range(3)) + ('a',) * 5000,
        subject='s' * 10**6,
        protocol='\x1b]0;owned\x07' * 1000,
        software={str(n): 'v' for n in range(10**5)},
        extra={'error': 'e' * 10**7},
    )
    custom_data = info.to_custom_data()
    assert sum(map(len, custom_data.values())) < 2 * 2**20
    again = SessionInfo.from_custom_data(custom_data)
    assert len(again.class_names) == MAX_CLASSES
    assert '\x1b' not in again.protocol
    assert len({*again.class_names[:3]}) == 3


def test_deeply_nested_json_in_metadata_is_malformed():
    data = {'myogestic_ros.class_names': '[' * 100_000, 'myogestic_ros.subject': 'S01'}
    info = SessionInfo.from_custom_data(data)
    assert (info.class_names, info.subject) == ((), 'S01')


def test_names_lose_their_control_characters(tmp_path):
    path = hostile(tmp_path / 's', name='fi\x1b[31mst\n\u202e')
    assert [found.name for found in Session(path).labels()] == ['rest', r'fi\x1b[31mst\x0a\u202e']
    assert 'with control characters' in findings(path)
