"""Metadata and names that any program or person may have written: one bad session spoils no list."""

from __future__ import annotations

import pytest

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import read_sessions, resolve_sessions

TEXT = """rosbag2_bagfile_information:
  starting_time: {{nanoseconds_since_epoch: {start}}}
  duration: {{nanoseconds: {duration}}}
  message_count: {count}
  custom_data: {data}
"""
GOOD = {'start': 10**18, 'duration': 10**9, 'count': 5, 'data': '{}'}
SPOILED = ['1.0e+30', str(10**400), '-1', '.inf', '.nan', 'text', '[]', '2000-01-01', '']


def session(folder, name, **values):
    path = folder / name
    path.mkdir(parents=True)
    (path / 'metadata.yaml').write_text(TEXT.format(**{**GOOD, **values}))


@pytest.mark.parametrize('value', [*SPOILED, str(2**64)])
@pytest.mark.parametrize('field', ['start', 'duration', 'count'])
def test_impossible_number_spoils_one_session_only(tmp_path, field, value):
    session(tmp_path, 'good')
    session(tmp_path, 'spoiled', **{field: value})
    assert [s.path.name for s in read_sessions(tmp_path)[0]] == ['good']
    assert [p.name for p in resolve_sessions([], tmp_path)] == ['good']


def test_deep_nesting_spoils_one_session_only(tmp_path):
    session(tmp_path, 'good')
    session(tmp_path, 'yaml', data='[' * 20000)
    deep = '[' * 100_000
    session(tmp_path, 'json', data=f"{{myogestic_ros.class_names: '{deep}'}}")
    names = [s.path.name for s in read_sessions(tmp_path)[0]]
    assert names == ['good', 'json']
    assert read_sessions(tmp_path)[0][1].info.class_names == ()


@pytest.mark.parametrize('name', ['x' * 256, 'x' * 5000, '~nosuchuser/x', 'a\0b', '\ud800'])
def test_odd_name_of_a_session_is_refused_with_a_sentence(tmp_path, name):
    session(tmp_path, 'good')
    with pytest.raises(SessionError, match='There is no session'):
        resolve_sessions([name], tmp_path)
