"""Recording to a disk that is full, slow, read-only or removed: messages, and no written data lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from support.bags import START_NS, frame, protocol, topics
from support.paths import ROOT
from support.processes import until

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import create_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.disk_monitor import DiskMonitor
from myogestic_ros.sessions.recording.repair import needs_repair, repair_session
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage import disk_sync
from myogestic_ros.sessions.storage.writer import SessionWriter

SAMPLES = np.zeros((20, 2))
ITEMS = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])

ON_A_SMALL_DISK = """
    import json, pathlib, subprocess, sys
    from support.bags import protocol, topics
    from rosbags.rosbag2 import Reader
    from mcap.reader import make_reader
    from myogestic_ros.core.errors import SessionError
    from myogestic_ros.sessions.session_info import SessionInfo
    from myogestic_ros.sessions.reading.reader import Session
    from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
    from myogestic_ros.sessions.recording.repair import needs_repair
    disk = pathlib.Path(sys.argv[1])
    recording = SessionRecorder(disk / 's', SessionInfo(), topics(), flush_interval_s=0.01)
    items = protocol([(0, 'rest', 5.0), (1, 'fist', 5.0)], channels=64)
    queued = 0
    while recording.put(*items[queued % len(items)]):
        queued += 1
        recording._thread.join(0.0005)
    report = recording.stop()
    assert 'No space left on device' in report.error, report
    assert 'was interrupted; recovered' in report.error, report
    assert not needs_repair(disk / 's')
    with Reader(disk / 's') as reader:
        found = [(c.topic, bytes(data), time_ns) for c, time_ns, data in reader.messages()]
    with next((disk / 's').glob('*.mcap')).open('rb') as stream:
        assert make_reader(stream).get_summary().statistics.message_count == len(found)
    assert found == sorted(items[:report.messages], key=lambda item: item[2])
    assert 200 < report.messages < queued, (report, queued)
    assert report.messages + report.dropped == queued + 1, (report, queued)
    session = Session(disk / 's')
    assert session.info.class_names[0] == 'rest'
    assert session.info.extra['error'].startswith(f'Recording {disk / "s"} stopped: ')
    frames = sum(1 for topic, _, _ in found if topic == '/emg')
    given = sum(items[i % len(items)][0] == '/emg' for i in range(queued + 1))
    lost = json.loads(session.info.extra['lost_samples'])
    # The last frame may have been dropped after the losses were counted.
    assert 20 * (given - frames) - lost['/emg'] in (0, 20), (lost, given, frames)
    subprocess.run(['mount', '-o', 'remount,ro', str(disk)], check=True)
    try:
        SessionRecorder(disk / 't', SessionInfo(), topics())
    except SessionError as error:
        assert str(error).startswith(f'Cannot create session {disk / "t"}: [Errno 30] '), error
        print('rejected')
"""


def test_recorder_handles_a_disk_that_becomes_full(tmp_path):
    script = 'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    unshare = ['unshare', '--map-root-user', '--mount']
    try:
        subprocess.run([*unshare, 'true'], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip('cannot mount a small disk: unshare is not permitted')
    here = str(ROOT / 'test')
    code = textwrap.dedent(ON_A_SMALL_DISK)
    done = subprocess.run(
        [*unshare, 'sh', '-c', script, 'sh', str(tmp_path), sys.executable, code],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([here, *sys.path])),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == 'rejected\n', done.stderr


class Blocking:
    """Callable that blocks until the test releases it."""

    def __init__(self):
        self.released = threading.Event()

    def __call__(self, *args):
        self.released.wait(60.0)


def test_recorder_warns_of_a_slow_disk_before_messages_are_dropped(tmp_path, monkeypatch):
    blocking, write = Blocking(), SessionWriter.write
    monkeypatch.setattr(SessionWriter, 'write', lambda *a: (blocking(), write(*a)))
    warnings: list[tuple[str, int]] = []
    recording = SessionRecorder(
        tmp_path / 's',
        SessionInfo(extra={'note': 'x'}),
        topics(),
        queue_bytes=20_000,
        on_disk_warning=lambda message: warnings.append(
            (message, sum(recording.dropped.values()))
        ),
    )
    items = [item for item in ITEMS if item[0] == '/emg']
    queued = [recording.put(*item) for item in items]
    kept = sum(queued)
    assert 0 < kept < len(items)
    assert queued == [True] * kept + [False] * (len(items) - kept)
    assert warnings[0][1] == 0
    assert warnings[0][0].startswith('The disk is too slow: 2')  # about 25 % of the queue
    assert recording.disk_warning
    blocking.released.set()
    until(lambda: not recording.disk_warning)
    assert warnings[-1][0] == ''
    last, stamp_ns = frame(20 * len(items) + 60, SAMPLES)
    assert recording.put('/emg', last, stamp_ns)
    report = recording.stop()
    assert report.dropped == len(items) - kept
    assert report.lost_samples == 20 * (len(items) - kept) + 60  # 60 were lost before the recorder
    extra = Session(tmp_path / 's').info.extra
    assert extra == {
        'note': 'x',
        'lost_samples': f'{{"/emg": {report.lost_samples}}}',
        'dropped_messages': f'{{"/emg": {report.dropped}}}',
    }


def test_recorder_warns_of_data_that_is_not_synchronized(tmp_path, monkeypatch):
    blocking = Blocking()
    monkeypatch.setattr(disk_sync.os, 'fdatasync', blocking)
    warnings: list[str] = []
    recording = SessionRecorder(
        tmp_path / 's',
        SessionInfo(),
        topics(),
        flush_interval_s=0.01,
        on_disk_warning=warnings.append,
    )
    recording.put(*ITEMS[0])
    until(lambda: warnings)
    assert 'are not on the disk yet' in warnings[0]
    assert recording.unsynced_s > 0.9
    blocking.released.set()
    until(lambda: len(warnings) > 1)
    assert warnings[1] == ''
    assert recording.stop().dropped == 0


def test_failed_synchronization_stops_the_recording(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(5, 'Input/output error')

    monkeypatch.setattr(disk_sync.os, 'fdatasync', fail)
    errors: list[str] = []
    recording = SessionRecorder(
        tmp_path / 's', SessionInfo(), topics(), flush_interval_s=0.01, on_error=errors.append
    )
    recording.put(*ITEMS[0])
    until(lambda: errors)
    assert 'Input/output error' in errors[0]


def test_disk_monitor_has_hysteresis():
    monitor = DiskMonitor()
    changes = []
    values = [(0.1, 0.3), (0.3, 0.3), (0.2, 0.3), (0.04, 0.3), (0.3, 0), (0.01, 0), (0.01, 0)]
    for second, (backlog, unsafe_s) in enumerate([*values, (0.01, 0.9), (0.0, 1.1)]):
        if monitor.update(float(second), backlog, unsafe_s):
            changes.append((second, monitor.overloaded))
    assert changes == [(1, True), (6, False), (8, True)]


def test_disk_monitor_warns_of_a_nearly_full_disk():
    monitor = DiskMonitor()
    assert not monitor.update(0.0, 0.0, 0.0, 61.0)
    assert monitor.update(1.0, 0.0, 0.0, 42.0)
    assert monitor.warning == 'The disk is nearly full: it has space for 42 s of recording.'
    assert not monitor.update(2.0, 0.0, 0.0, 80.0)
    assert not monitor.update(3.0, 0.0, 0.0, 100.0)
    assert monitor.update(5.0, 0.0, 0.0, 100.0)
    assert monitor.warning == ''


@pytest.mark.parametrize('deleted', ['folder', 'parent'])
def test_deleted_session_is_reported_and_rescued(tmp_path, deleted):
    errors: list[str] = []
    path = tmp_path / 'sessions' / 's'
    recording = SessionRecorder(
        path, SessionInfo(subject='S1'), topics(), flush_interval_s=0.05, on_error=errors.append
    )
    for item in ITEMS:
        recording.put(*item)
    until(lambda: recording.losses.lost and not recording._unflushed)
    shutil.rmtree(path if deleted == 'folder' else path.parent)
    until(lambda: errors)
    rescued = tmp_path / 'sessions' / 's-rescued'
    assert f'Recording {path} stopped: s_0.mcap was deleted, moved or replaced' in errors[0]
    assert f'The written data is kept in {rescued}' in errors[0]
    session = Session(rescued)
    assert session.info.subject == 'S1'
    assert session.bag.message_count == len(ITEMS)
    assert recording.stop().path == rescued


def test_moved_session_is_reported(tmp_path):
    errors: list[str] = []
    recording = SessionRecorder(
        tmp_path / 's', SessionInfo(), topics(), flush_interval_s=0.05, on_error=errors.append
    )
    for item in ITEMS:
        recording.put(*item)
    until(lambda: recording.losses.lost)
    (tmp_path / 's').rename(tmp_path / 't')
    until(lambda: errors)
    assert 'was deleted, moved or replaced' in errors[0]
    assert needs_repair(tmp_path / 't')
    assert repair_session(tmp_path / 't').messages == len(ITEMS)


def test_concurrent_recorders_create_separate_sessions(tmp_path):
    barrier = threading.Barrier(8)
    writers: list[SessionWriter] = []

    def create():
        barrier.wait(30.0)
        writers.append(
            create_session(tmp_path, 'mine', lambda p: SessionWriter(p, SessionInfo(), topics()))
        )

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = ['mine', *(f'mine-{number}' for number in range(2, 9))]
    assert sorted(writer.path.name for writer in writers) == names
    for writer in writers:
        writer.close()


def test_create_session_rejects_a_folder_that_is_a_file(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SessionError, match='Cannot create session'):
        create_session(tmp_path / 'file', '', lambda p: SessionWriter(p, SessionInfo(), topics()))


def test_copies_during_a_recording_have_all_but_the_last_second(tmp_path):
    """A copy corresponds to the best case of a power cut; the worst case has the synchronized data."""
    recording = SessionRecorder(tmp_path / 's', SessionInfo(), topics())
    copies = []
    began_s = time.monotonic()
    sent = []
    for number in range(250):
        data, _ = frame(20 * number, SAMPLES + number)
        sent.append((data, START_NS + number))
        recording.put('/emg', *sent[-1])
        while time.monotonic() < began_s + number * 0.01:
            time.sleep(0.001)
        if number % 25 == 20:
            copies.append((number + 1, shutil.copytree(tmp_path / 's', tmp_path / f'c{number}')))
        assert recording.unsynced_s < 10.0
    recording.stop()
    for count, copy in copies:
        report = repair_session(copy)
        assert count - report.messages <= 100
        found = [(data, time_ns) for _, time_ns, data in Session(copy).bag.messages(['/emg'])]
        assert found == sent[: len(found)]
    assert sum(repair_session(copy).messages > 0 for _, copy in copies) >= 8
