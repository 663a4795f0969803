"""Repair of interrupted sessions: complete again in place, with a report of the lost data."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from rosbags.rosbag2 import Reader
from support.bags import EMG, LABEL, fill_mcap, frame, label, protocol, topics, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import list_sessions, resolve_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_windows
from myogestic_ros.sessions.recording.repair import (
    interrupted_sessions,
    needs_repair,
    repair_session,
)
from myogestic_ros.sessions.recording.sample_losses import frame_span
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage import mcap_summary
from myogestic_ros.sessions.storage.writer import SessionWriter

ITEMS = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])
CHUNK_BYTES = 9000
INFO = SessionInfo(class_names=('rest',), subject='S1', extra={'note': 'x'})


def begin(path, items=ITEMS):
    """Return an open writer that has written items, in chunks of 20."""
    writer = SessionWriter(path, INFO, topics())
    for count, item in enumerate(items, start=1):
        writer.write(*item)
        if count % 20 == 0:
            writer.flush()
    writer.flush()
    return writer


@pytest.fixture
def running(tmp_path):
    """Session that is being written."""
    writer = begin(tmp_path / 'running')
    yield writer.path
    writer.abandon()


@pytest.fixture
def cut(tmp_path, running):
    """Session as a crash of the recorder leaves it."""
    return shutil.copytree(running, tmp_path / 'cut')


def mcap_file(path):
    return next(path.glob('*.mcap'))


def read_independently(path):
    """Return the messages that two independent readers find, which need the summary."""
    with Reader(path) as reader:
        found = [(c.topic, bytes(data), time_ns) for c, time_ns, data in reader.messages()]
        assert reader.message_count == len(found)
    with mcap_file(path).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert reader.get_summary().statistics.message_count == len(found)
        again = [(c.topic, m.data, m.log_time) for _, c, m in reader.iter_messages()]
    assert sorted(again) == sorted(found)
    return found


def test_repair_completes_an_interrupted_session(cut):
    before = mcap_file(cut).read_bytes()
    assert needs_repair(cut)
    report = repair_session(cut)
    assert (report.repaired, report.messages, report.lost_bytes) == (True, len(ITEMS), 0)
    assert report.duration_s == pytest.approx(1.99)
    assert report.message == (
        "Session 'cut' was interrupted; recovered 202 messages, 2.0 s. No written data was lost."
    )
    assert mcap_file(cut).read_bytes().startswith(before)
    assert sorted(read_independently(cut)) == sorted(ITEMS)
    session = Session(cut)
    assert not session.bag.complete
    assert session.info.class_names == ('rest', 'fist')  # from the labels
    assert (session.info.subject, session.info.extra['note']) == ('S1', 'x')
    assert session.info.extra['recovered'] == report.message
    assert session.info.extra['lost_samples'] == '{"/emg": 0}'
    assert not needs_repair(cut)
    assert {f.name for f in cut.iterdir()} == {'metadata.yaml', mcap_file(cut).name}
    (summary,) = [s for s in list_sessions(cut.parent) if s.path == cut]
    assert (summary.message_count, summary.info.complete) == (202, False)


def test_second_repair_changes_nothing(cut):
    repair_session(cut)
    before = {file.name: file.read_bytes() for file in cut.iterdir()}
    report = repair_session(cut)
    assert not report.repaired
    assert report.message == "Session 'cut' needs no repair."
    assert {file.name: file.read_bytes() for file in cut.iterdir()} == before


@pytest.mark.parametrize('filler', [b'', b'\0', b'\xff'])
def test_repair_keeps_all_data_before_any_truncation(cut, filler):
    """A power cut may also leave zeros or random data in place of the last bytes."""
    content = mcap_file(cut).read_bytes()
    rng = random.Random(5)
    places = [
        *((0, 5) if filler != b'\xff' else ()),
        8,
        20,
        len(content) - 1,
        *rng.sample(range(len(content)), 20),
    ]
    whole = 0
    for place in sorted(places):
        mcap_file(cut).write_bytes(content[:place] + filler * min(3000, len(content) - place))
        assert needs_repair(cut)
        report = repair_session(cut)
        found = read_independently(cut)
        assert found == sorted(ITEMS, key=lambda item: item[2])[: len(found)]
        assert report.messages == len(found) >= whole
        kept = os.path.commonprefix([mcap_file(cut).read_bytes(), content[:place]])
        assert len(kept) > place - CHUNK_BYTES
        assert not needs_repair(cut)
        whole = len(found)
    assert whole >= len(ITEMS) - 20


def test_interrupted_repair_can_be_repeated(cut, tmp_path):
    untouched = mcap_file(cut).read_bytes()
    repair_session(cut)
    whole = mcap_file(cut).read_bytes()
    for place in [*range(len(untouched), len(whole), 211), len(whole)]:
        again = shutil.copytree(cut, tmp_path / 'again')
        mcap_file(again).write_bytes(whole[:place])
        if place < len(whole):
            (again / 'metadata.yaml').unlink()
        report = repair_session(again)
        assert report.messages == len(ITEMS)
        assert report.lost_bytes == 0
        assert mcap_file(again).read_bytes()[: len(untouched)] == untouched
        assert Session(again).info.extra['recovered']
        shutil.rmtree(again)


def test_repair_on_a_full_disk_keeps_the_data(cut, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(mcap_summary.os, 'fsync', full)
        with pytest.raises(SessionError, match='Cannot repair .*No space left'):
            repair_session(cut)
    assert needs_repair(cut)
    assert repair_session(cut).messages == len(ITEMS)


@pytest.mark.parametrize('content', [None, b'', b'\x00' * 300, b'- x', b'a: [', b'\xff\xfe'])
def test_repair_restores_the_info_without_metadata(cut, content):
    if content is None:
        (cut / 'metadata.yaml').unlink()
    else:
        (cut / 'metadata.yaml').write_bytes(content)
    assert needs_repair(cut)
    repair_session(cut)
    assert len(read_independently(cut)) == len(ITEMS)
    assert Session(cut).info.subject == 'S1'


def test_repair_restores_missing_metadata_of_a_complete_session(tmp_path):
    with SessionWriter(tmp_path / 's', INFO, topics()) as writer:
        for item in ITEMS:
            writer.write(*item)
    before = mcap_file(tmp_path / 's').read_bytes()
    (tmp_path / 's' / 'metadata.yaml').unlink()
    assert needs_repair(tmp_path / 's')
    report = repair_session(tmp_path / 's')
    assert 'was recorded completely, but its metadata.yaml was missing' in report.message
    assert Session(tmp_path / 's').bag.complete
    assert mcap_file(tmp_path / 's').read_bytes() == before
    assert read_independently(tmp_path / 's')


def test_repair_rejects_a_session_that_is_being_recorded(running):
    before = mcap_file(running).read_bytes()
    assert not needs_repair(running)
    with pytest.raises(SessionError, match='another process is writing to it; stop it first'):
        repair_session(running)
    assert mcap_file(running).read_bytes() == before


def test_repair_rejects_a_session_that_is_being_copied(cut):
    with mcap_file(cut).open('r+b'):
        assert not needs_repair(cut)
        with pytest.raises(SessionError, match='is writing to it'):
            repair_session(cut)
    assert needs_repair(cut)


def test_interrupted_sessions_lists_only_own_recordings(cut, running):
    assert interrupted_sessions(cut.parent) == [cut]
    mcap_file(cut).write_bytes(
        mcap_file(cut).read_bytes().replace(b'myogestic_ros', b'libmcap 1.4.0', 1)
    )
    assert interrupted_sessions(cut.parent) == []
    assert interrupted_sessions(cut.parent / 'none') == []


def test_lock_is_released_when_its_process_dies(tmp_path):
    code = (
        'import os, pathlib, sys; from support.bags import topics; '
        'from myogestic_ros.sessions.session_info import SessionInfo; '
        'from myogestic_ros.sessions.storage.writer import SessionWriter; '
        'w = SessionWriter(pathlib.Path(sys.argv[1]), SessionInfo(), topics()); '
        'print(flush=True); input(); os.kill(os.getpid(), 9)'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path / 's')],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={'PYTHONPATH': ':'.join(sys.path)},
    )
    process.stdout.readline()
    assert not needs_repair(tmp_path / 's')
    process.communicate(b'\n')
    assert needs_repair(tmp_path / 's')
    assert repair_session(tmp_path / 's').messages == 0
    assert read_independently(tmp_path / 's') == []


def test_repair_counts_lost_samples(tmp_path):
    items = protocol([(0, 'rest', 1.0)], lose=(200, 300))
    begin(tmp_path / 's', items).abandon()
    report = repair_session(tmp_path / 's')
    assert report.lost_samples == 100
    assert '100 samples are missing between the recorded frames.' in report.message
    assert Session(tmp_path / 's').info.extra['lost_samples'] == '{"/emg": 100}'


def test_repair_skips_a_damaged_chunk(cut):
    content = bytearray(mcap_file(cut).read_bytes())
    content[len(content) // 2] ^= 1
    mcap_file(cut).write_bytes(content)
    report = repair_session(cut)
    assert 0 < report.lost_bytes < len(content) // 5
    assert 'are damaged and were skipped' in report.message
    assert len(read_independently(cut)) == report.messages == len(ITEMS) - 20
    assert report.lost_samples == 20 * 20


@pytest.mark.parametrize('compression', list(CompressionType))
@pytest.mark.parametrize('chunked', [True, False])
def test_repair_of_foreign_bags_with_several_files(tmp_path, compression, chunked):
    folder = tmp_path / 'bag'
    folder.mkdir()
    parts = [ITEMS[:80], ITEMS[80:150], *([item] for item in ITEMS[150:160]), ITEMS[160:]]
    for number, part in enumerate(parts):
        with (folder / f'bag_{number}.mcap').open('wb') as stream:
            writer = Writer(stream, 2000, compression, use_chunking=chunked)
            writer.start('ros2')
            fill_mcap(writer, part)
    last = folder / f'bag_{len(parts) - 1}.mcap'
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 3])
    assert needs_repair(folder)
    report = repair_session(folder)
    assert 160 < report.messages < len(ITEMS)
    with Reader(folder) as reader:
        found = [(c.topic, bytes(data), time_ns) for c, time_ns, data in reader.messages()]
        assert {c.msgtype for c in reader.connections} == {EMG, LABEL}
    assert sorted(found) == sorted(ITEMS[: report.messages])
    assert Session(folder).info.class_names == ('rest', 'fist')
    assert not needs_repair(folder)


def test_repair_rejects_paths_that_are_not_sessions(tmp_path):
    with pytest.raises(SessionError, match='There is no session'):
        repair_session(tmp_path / 'none')
    with pytest.raises(SessionError, match='expected a folder with an .mcap file'):
        repair_session(tmp_path)
    (tmp_path / 'x.mcap').write_text('Hello, I am a text.')
    with pytest.raises(SessionError, match='is not an MCAP file'):
        repair_session(tmp_path)
    assert (tmp_path / 'x.mcap').read_text() == 'Hello, I am a text.'


@pytest.mark.parametrize('seed', range(3))
def test_repair_of_random_damage_gives_a_readable_session(cut, seed):
    content = mcap_file(cut).read_bytes()
    rng = random.Random(seed)
    for _ in range(15):
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            damaged[8 + rng.randrange(len(damaged) - 8)] = rng.randrange(256)
        mcap_file(cut).write_bytes(damaged)
        (cut / 'metadata.yaml').unlink(missing_ok=True)
        report = repair_session(cut)
        assert len(read_independently(cut)) == report.messages
        assert not needs_repair(cut)


def test_frame_span_equals_the_decoded_fields():
    for name in range(9):
        data, _ = frame(12345678901, np.zeros((20, 3)))
        # replace frame_id 'array' (6 bytes with terminator) by one of another length
        text = b'x' * name + b'\0'
        body = data[4:16]
        body = body[:8] + len(text).to_bytes(4, 'little') + text
        body += b'\0' * (-len(body) % 8) + data[4 + 24 :]
        assert frame_span(data[:4] + body) == (12345678901, 20, 2000.0)
    assert frame_span(b'') is None
    assert frame_span(b'\0\1\0\0' + b'\xff' * 60) is None
    assert frame_span(label(1, 'fist', 0)) is None


def test_repaired_session_gives_the_same_windows(cut, tmp_path):
    whole = write(tmp_path / 'whole', ITEMS)
    repair_session(cut)
    expected = list(iter_windows([whole], 'emg', 200, 50))
    found = list(iter_windows([cut], 'emg', 200, 50))
    assert len(found) == len(expected) > 20
    for one, other in zip(found, expected, strict=True):
        assert one.class_name == other.class_name
        assert (one.data == other.data).all()
    assert resolve_sessions([], cut.parent) == [cut, whole]
