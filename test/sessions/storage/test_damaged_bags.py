"""Damaged bags are read up to the damage, or raise a SessionError."""

from __future__ import annotations

import contextlib
import random

import pytest
from support.bags import EMG, protocol, topics

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.writer import SessionWriter

ITEMS = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])


@pytest.fixture
def session(tmp_path):
    """Complete session of several chunks."""
    info = SessionInfo(class_names=('rest', 'fist'), subject='S1', extra={'lost': '3'})
    with SessionWriter(tmp_path / 's', info, topics()) as writer:
        for count, item in enumerate(ITEMS):
            writer.write(*item)
            if count % 40 == 39:
                writer.flush()
    return tmp_path / 's'


def count_frames(path):
    """Read all messages of a session; return the number of frames."""
    found = Session(path)
    found.labels()
    found.stream_info('emg')
    return sum(1 for _ in found.chunks('emg'))


def test_session_info_is_preserved(session):
    info = Session(session).info
    assert (info.subject, info.extra, info.class_names) == (
        'S1',
        {'lost': '3'},
        ('rest', 'fist'),
    )
    assert info.started[:2] == '20'


def test_truncated_file_is_read_to_its_end(session):
    file = next(session.glob('*.mcap'))
    content = file.read_bytes()
    file.write_bytes(
        content[: len(content) // 2]
    )  # metadata.yaml still marks the session as complete
    assert 40 < count_frames(session) < len(ITEMS) - 2
    assert not Session(session).bag.complete
    assert Session(session).info.subject == 'S1'


def test_damaged_summary_loses_no_messages(session):
    file = next(session.glob('*.mcap'))
    content = file.read_bytes()
    file.write_bytes(content[:-100] + b'\xff' * 100)
    assert count_frames(session) == len(ITEMS) - 2


def test_damaged_chunk_raises_an_error(session):
    file = next(session.glob('*.mcap'))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(SessionError, match='Cannot read .* to its end: .*from a copy'):
        count_frames(session)


def test_installed_definition_replaces_a_damaged_one(session):
    file = next(session.glob('*.mcap'))
    content = file.read_bytes()
    summary = content.rindex(EMG.encode())  # read before the definition in the data section
    damaged = content[summary:].replace(b'std_msgs/Header header', b'std_msgs/Hexder header', 1)
    file.write_bytes(content[:summary] + damaged)
    assert count_frames(session) == len(ITEMS) - 2


def test_random_damage_raises_only_session_errors(session):
    rng = random.Random(3)
    for file in session.iterdir():
        content = file.read_bytes()
        for trial in range(120):
            damaged = bytearray(content)
            for _ in range(3):
                reach = len(damaged) if trial % 2 else min(len(damaged), 4000)
                damaged[-1 - rng.randrange(reach)] = rng.randrange(256)
            if trial % 5 == 0:
                del damaged[rng.randrange(len(damaged)) :]
            file.write_bytes(damaged)
            with contextlib.suppress(SessionError):
                assert count_frames(session) <= len(ITEMS) - 2
        file.write_bytes(content)
    assert count_frames(session) == len(ITEMS) - 2


def test_readings_of_one_cut_session_do_not_disturb_each_other(session):
    (session / 'metadata.yaml').unlink()
    cut = Session(session)
    for chunk, again in zip(cut.chunks('emg'), cut.chunks('emg'), strict=True):
        assert chunk.first_sample == again.first_sample
        assert next(cut.bag.messages(['/label']))[0] == '/label'
