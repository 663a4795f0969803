"""The session recorder: written messages, dropped messages, crashes and disk errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from support.bags import START_NS, protocol, topics
from support.paths import ROOT

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording import session_recorder
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo

ITEMS = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])


def test_recorder_writes_all_messages(tmp_path):
    recording = SessionRecorder(tmp_path / 's', SessionInfo(subject='S1'), topics())
    assert all(recording.put(*item) for item in ITEMS)
    recording.add_class(1, 'fist')
    report = recording.stop()
    assert (report.messages, report.dropped, report.error) == (len(ITEMS), 0, '')
    assert report.duration_s == pytest.approx(1.99)
    session = Session(tmp_path / 's')
    assert session.bag.complete
    assert session.info.subject == 'S1'
    assert session.info.class_names == ('', 'fist')
    assert sorted(session.bag.messages(['/emg', '/label'])) == sorted(
        (topic, time_ns, data) for topic, data, time_ns in ITEMS
    )


def test_session_without_messages_is_complete(tmp_path):
    report = SessionRecorder(tmp_path / 's', SessionInfo(), topics()).stop()
    assert report.messages == 0
    assert Session(tmp_path / 's').labels() == []


def test_recorder_counts_dropped_messages(tmp_path):
    recording = SessionRecorder(tmp_path / 's', SessionInfo(), topics(), queue_bytes=100)
    assert not recording.put('/emg', b'x' * 101, START_NS)
    report = recording.stop()
    assert report.dropped == 1
    assert not recording.put('/emg', b'x', START_NS)  # stopped


def test_put_yields_until_what_has_waited_too_long_is_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(session_recorder, 'YIELD_AFTER_S', 0.0)
    monkeypatch.setattr(session_recorder, 'YIELD_AT_MOST_S', 60.0)
    recording = SessionRecorder(tmp_path / 's', SessionInfo(), topics(), flush_interval_s=0.5)
    file = next((tmp_path / 's').glob('*.mcap'))
    empty = file.stat().st_size
    assert recording.put('/emg', b'first', START_NS)
    assert recording.put('/emg', b'second', START_NS)  # the first is older than 0 s
    assert file.stat().st_size > empty
    recording.stop()


def test_recorder_reports_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SessionError, match='Cannot create session'):
        SessionRecorder(tmp_path / 'file' / 's', SessionInfo(), topics())


RECORD_ENDLESSLY = """
    import itertools, pathlib, resource, sys, time
    from support.bags import protocol, topics
    from myogestic_ros.sessions.session_info import SessionInfo
    from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
    limit = int(sys.argv[2])
    if limit:
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    recording = SessionRecorder(pathlib.Path(sys.argv[1]), SessionInfo(), topics(), flush_interval_s=0.05)
    items = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])
    written = 0
    for count, item in enumerate(itertools.cycle(items), start=1):
        time.sleep(0.0005)  # spread the messages over several flushes
        if not recording.put(*item):
            break
        if recording.messages // 1000 > written:
            written = recording.messages // 1000
            print(written * 1000, flush=True)
    report = recording.stop()
    print('ERROR', report.error, flush=True)
"""


def recorder(path, limit=0):
    """Start a process that records until it is killed or its file reaches a size limit."""
    here = str(ROOT / 'test')
    return subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(RECORD_ENDLESSLY), str(path), str(limit)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([here, *sys.path])),
    )


def test_killed_recorder_leaves_all_flushed_messages(tmp_path):
    process = recorder(tmp_path / 's')
    for line in process.stdout:
        if int(line) >= 3000:
            break
    before = Session(tmp_path / 's').bag.message_count  # readable during the recording
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    session = Session(tmp_path / 's')
    assert not session.bag.complete
    assert session.bag.message_count >= before
    assert session.labels()[0].name == 'rest'


def test_full_disk_stops_the_recorder_and_keeps_the_written_data(tmp_path):
    process = recorder(tmp_path / 's', limit=300_000)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'ERROR Recording' in output
    assert 'The written data is kept' in output
    session = Session(tmp_path / 's')
    assert session.bag.message_count > 500
    assert sum(1 for _ in session.chunks('emg')) > 400


def test_recorder_reports_an_error_of_the_writer_thread(tmp_path):
    errors: list[str] = []
    stopped = threading.Event()

    def on_error(message: str) -> None:
        errors.append(message)
        stopped.set()

    recording = SessionRecorder(
        tmp_path / 's', SessionInfo(), topics(), flush_interval_s=0.01, on_error=on_error
    )
    recording._writer._stream.close()  # as if the disk were removed
    recording.put(*ITEMS[0])
    assert stopped.wait(30)
    assert 'stopped:' in errors[0]
    assert not recording.put(*ITEMS[1])
    assert recording.stop().error
