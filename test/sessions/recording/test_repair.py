"""Sessions that were cut, wherever: whole again in place, told what is missing, never touched else."""

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
FACTS = SessionInfo(class_names=('rest',), subject='S1', extra={'note': 'x'})


def begin(path, items=ITEMS):
    """Return a writer that has written items, a chunk for each 20 of them, and goes on."""
    writer = SessionWriter(path, FACTS, topics())
    for count, item in enumerate(items, start=1):
        writer.write(*item)
        if count % 20 == 0:
            writer.flush()
    writer.flush()
    return writer


@pytest.fixture
def running(tmp_path):
    """A session that is being written."""
    writer = begin(tmp_path / 'running')
    yield writer.path
    writer.abandon()


@pytest.fixture
def cut(tmp_path, running):
    """The session as a crash at this moment leaves it."""
    return shutil.copytree(running, tmp_path / 'cut')


def file_of(path):
    return next(path.glob('*.mcap'))


def independent(path):
    """Return what two independent readers find, who need the index."""
    with Reader(path) as reader:
        found = [(c.topic, bytes(data), time_ns) for c, time_ns, data in reader.messages()]
        assert reader.message_count == len(found)
    with file_of(path).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert reader.get_summary().statistics.message_count == len(found)
        again = [(c.topic, m.data, m.log_time) for _, c, m in reader.iter_messages()]
    assert sorted(again) == sorted(found)
    return found


def test_a_cut_session_is_whole_again(cut):
    before = file_of(cut).read_bytes()
    assert needs_repair(cut)
    report = repair_session(cut)
    assert (report.repaired, report.messages, report.lost_bytes) == (True, len(ITEMS), 0)
    assert report.duration_s == pytest.approx(1.99)
    assert report.message == (
        "Session 'cut' was interrupted; recovered 202 messages, 2.0 s. No written data was lost."
    )
    assert file_of(cut).read_bytes().startswith(before)
    assert sorted(independent(cut)) == sorted(ITEMS)
    session = Session(cut)
    assert not session.bag.complete
    assert session.info.class_names == ('rest', 'fist')  # as the labels say
    assert (session.info.subject, session.info.extra['note']) == ('S1', 'x')
    assert session.info.extra['recovered'] == report.message
    assert session.info.extra['lost_samples'] == '{"/emg": 0}'
    assert not needs_repair(cut)
    assert {f.name for f in cut.iterdir()} == {'metadata.yaml', file_of(cut).name}
    (summary,) = [s for s in list_sessions(cut.parent) if s.path == cut]
    assert (summary.message_count, summary.info.complete) == (202, False)


def test_done_twice_it_does_nothing(cut):
    repair_session(cut)
    before = {file.name: file.read_bytes() for file in cut.iterdir()}
    report = repair_session(cut)
    assert not report.repaired
    assert report.message == "Session 'cut' needs no repair."
    assert {file.name: file.read_bytes() for file in cut.iterdir()} == before


@pytest.mark.parametrize('filler', [b'', b'\0', b'\xff'])
def test_wherever_it_is_cut_all_before_is_there(cut, filler):
    """The end of power may also leave zeros, or rubbish, where the last bytes should be."""
    content = file_of(cut).read_bytes()
    dice = random.Random(5)
    places = [
        *((0, 5) if filler != b'\xff' else ()),
        8,
        20,
        len(content) - 1,
        *dice.sample(range(len(content)), 20),
    ]
    whole = 0
    for place in sorted(places):
        file_of(cut).write_bytes(content[:place] + filler * min(3000, len(content) - place))
        assert needs_repair(cut)
        report = repair_session(cut)
        found = independent(cut)
        assert found == sorted(ITEMS, key=lambda item: item[2])[: len(found)]
        assert report.messages == len(found) >= whole
        kept = os.path.commonprefix([file_of(cut).read_bytes(), content[:place]])
        assert len(kept) > place - CHUNK_BYTES
        assert not needs_repair(cut)
        whole = len(found)
    assert whole >= len(ITEMS) - 20


def test_a_repair_that_is_interrupted_can_be_done_again(cut, tmp_path):
    untouched = file_of(cut).read_bytes()
    repair_session(cut)
    whole = file_of(cut).read_bytes()
    for place in [*range(len(untouched), len(whole), 211), len(whole)]:
        again = shutil.copytree(cut, tmp_path / 'again')
        file_of(again).write_bytes(whole[:place])
        if place < len(whole):
            (again / 'metadata.yaml').unlink()
        report = repair_session(again)
        assert report.messages == len(ITEMS)
        assert report.lost_bytes == 0
        assert file_of(again).read_bytes()[: len(untouched)] == untouched
        assert Session(again).info.extra['recovered']
        shutil.rmtree(again)


def test_no_room_for_a_repair_leaves_what_there_is(cut, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(mcap_summary.os, 'fsync', full)
        with pytest.raises(SessionError, match='Cannot repair .*No space left'):
            repair_session(cut)
    assert needs_repair(cut)
    assert repair_session(cut).messages == len(ITEMS)


@pytest.mark.parametrize('content', [None, b'', b'\x00' * 300, b'- x', b'a: [', b'\xff\xfe'])
def test_without_its_metadata_the_facts_are_known_still(cut, content):
    if content is None:
        (cut / 'metadata.yaml').unlink()
    else:
        (cut / 'metadata.yaml').write_bytes(content)
    assert needs_repair(cut)
    repair_session(cut)
    assert len(independent(cut)) == len(ITEMS)
    assert Session(cut).info.subject == 'S1'


def test_a_session_that_only_lost_its_metadata_is_complete(tmp_path):
    with SessionWriter(tmp_path / 's', FACTS, topics()) as writer:
        for item in ITEMS:
            writer.write(*item)
    before = file_of(tmp_path / 's').read_bytes()
    (tmp_path / 's' / 'metadata.yaml').unlink()
    assert needs_repair(tmp_path / 's')
    report = repair_session(tmp_path / 's')
    assert 'was recorded completely, but its metadata.yaml was missing' in report.message
    assert Session(tmp_path / 's').bag.complete
    assert file_of(tmp_path / 's').read_bytes() == before
    assert independent(tmp_path / 's')


def test_a_session_that_is_being_recorded_is_not_touched(running):
    before = file_of(running).read_bytes()
    assert not needs_repair(running)
    with pytest.raises(SessionError, match='another process is writing to it; stop it first'):
        repair_session(running)
    assert file_of(running).read_bytes() == before


def test_what_is_being_copied_is_not_touched(cut):
    with file_of(cut).open('r+b'):
        assert not needs_repair(cut)
        with pytest.raises(SessionError, match='is writing to it'):
            repair_session(cut)
    assert needs_repair(cut)


def test_only_what_was_recorded_here_is_repaired_unasked(cut, running):
    assert interrupted_sessions(cut.parent) == [cut]
    file_of(cut).write_bytes(
        file_of(cut).read_bytes().replace(b'myogestic_ros', b'libmcap 1.4.0', 1)
    )
    assert interrupted_sessions(cut.parent) == []
    assert interrupted_sessions(cut.parent / 'none') == []


def test_a_lock_ends_with_the_process_that_has_it(tmp_path):
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
    assert independent(tmp_path / 's') == []


def test_samples_that_are_missing_are_counted(tmp_path):
    items = protocol([(0, 'rest', 1.0)], lose=(200, 300))
    begin(tmp_path / 's', items).abandon()
    report = repair_session(tmp_path / 's')
    assert report.lost_samples == 100
    assert '100 samples are missing between the recorded frames.' in report.message
    assert Session(tmp_path / 's').info.extra['lost_samples'] == '{"/emg": 100}'


def test_a_damaged_part_in_the_middle_is_skipped(cut):
    content = bytearray(file_of(cut).read_bytes())
    content[len(content) // 2] ^= 1
    file_of(cut).write_bytes(content)
    report = repair_session(cut)
    assert 0 < report.lost_bytes < len(content) // 5
    assert 'are damaged and were skipped' in report.message
    assert len(independent(cut)) == report.messages == len(ITEMS) - 20
    assert report.lost_samples == 20 * 20


@pytest.mark.parametrize('compression', list(CompressionType))
@pytest.mark.parametrize('chunked', [True, False])
def test_bags_of_others_in_several_files(tmp_path, compression, chunked):
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


def test_what_is_no_session_is_refused(tmp_path):
    with pytest.raises(SessionError, match='There is no session'):
        repair_session(tmp_path / 'none')
    with pytest.raises(SessionError, match='expected a folder with an .mcap file'):
        repair_session(tmp_path)
    (tmp_path / 'x.mcap').write_text('Hello, I am a text.')
    with pytest.raises(SessionError, match='is not an MCAP file'):
        repair_session(tmp_path)
    assert (tmp_path / 'x.mcap').read_text() == 'Hello, I am a text.'


@pytest.mark.parametrize('seed', range(3))
def test_whatever_is_in_it_a_repair_ends_and_can_be_read(cut, seed):
    content = file_of(cut).read_bytes()
    dice = random.Random(seed)
    for _ in range(15):
        damaged = bytearray(content)
        for _ in range(dice.randrange(1, 6)):
            damaged[8 + dice.randrange(len(damaged) - 8)] = dice.randrange(256)
        file_of(cut).write_bytes(damaged)
        (cut / 'metadata.yaml').unlink(missing_ok=True)
        report = repair_session(cut)
        assert len(independent(cut)) == report.messages
        assert not needs_repair(cut)


def test_the_span_of_a_frame_is_read_without_decoding():
    for name in range(9):
        data, _ = frame(12345678901, np.zeros((20, 3)))
        # frame_id 'array' is 6 bytes with its end; another length moves what follows
        text = b'x' * name + b'\0'
        body = data[4:16]
        body = body[:8] + len(text).to_bytes(4, 'little') + text
        body += b'\0' * (-len(body) % 8) + data[4 + 24 :]
        assert frame_span(data[:4] + body) == (12345678901, 20)
    assert frame_span(b'') is None
    assert frame_span(b'\0\1\0\0' + b'\xff' * 60) is None
    assert frame_span(label(1, 'fist', 0)) is None


def test_a_repaired_session_trains_like_any_other(cut, tmp_path):
    whole = write(tmp_path / 'whole', ITEMS)
    repair_session(cut)
    expected = list(iter_windows([whole], 'emg', 200, 50))
    found = list(iter_windows([cut], 'emg', 200, 50))
    assert len(found) == len(expected) > 20
    for one, other in zip(found, expected, strict=True):
        assert one.class_name == other.class_name
        assert (one.data == other.data).all()
    assert resolve_sessions([], cut.parent) == [cut, whole]
