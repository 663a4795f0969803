"""The recorder as a process after SIGKILL and disk failures."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from support.bags import session_in
from support.graph import graph, set_domain, synthetic
from support.paths import ROOT

from myogestic_ros.nodes.common import qos
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import repair_session

pytestmark = pytest.mark.processes

KILLS = 20


def test_killed_at_any_moment_it_has_lost_a_second_at_most():
    """Real driver, real recorder, 64 channels at 2 kHz, labels; the same as `make bench-kill`."""
    set_domain()
    script = ROOT / 'bench' / 'kill_recorder.py'
    done = subprocess.run(
        [sys.executable, str(script), '--kills', str(KILLS), '--longest', '0.8', '--seed', '5']
        + ['--since', 'received'],  # on an overloaded machine, frames arrive late
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def recording(tmp_path):
    """A recorder with a running recording."""
    with graph(tmp_path, driver=synthetic(channels=64), recorder={'flush_interval': 0.1}) as g:
        g.diagnostics = []
        g.operator._node.create_subscription(
            DiagnosticArray, '/diagnostics', g.diagnostics.append, qos.DIAGNOSTICS
        )
        g.operator.transition('driver', 'activate')
        begin(g)
        yield g


def begin(g):
    """Start a recording and wait until its file holds frames."""
    message = g.operator.trigger('recorder/start_recording')
    path = Path(session_in(message))
    g.path = path
    g.operator.set_label('fist')
    g.file = path / f'{path.name}_0.mcap'
    written = g.file.stat().st_size
    g.wait(lambda: g.file.stat().st_size > written + 200_000, 'frames')


def wait_for_error(g, words):
    """Wait until status and diagnostics report the error; return the status message."""
    g.wait(lambda: words in g.operator.node_status['recorder'].message, 'the error')
    status = g.operator.node_status['recorder']
    assert status.state == 'idle'

    def reported():
        return any(
            status.level == DiagnosticStatus.ERROR and words in status.message
            for array in g.diagnostics
            for status in array.status
            if status.name == '/recorder'
        )

    g.wait(reported, 'diagnostics')
    return status.message


def read(path):
    """Return the number of messages in a session, read with rosbags and mcap."""
    with Reader(path) as reader:
        count = sum(1 for _ in reader.messages())
    with next(path.glob('*.mcap')).open('rb') as stream:
        assert make_reader(stream).get_summary().statistics.message_count == count
    return count


def test_full_disk_is_reported_and_another_folder_can_be_used(recording):
    pid = recording.nodes.pid('recorder')
    limit = recording.file.stat().st_size + 100_000
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    message = wait_for_error(recording, 'stopped: [Errno 27] File too large')
    # The written data is readable; the index is missing if the limit was reached behind a chunk.
    assert Session(recording.path).labels()[0].name == 'fist'
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    if 'was interrupted; recovered' not in message:
        assert 'could not be repaired' in message
        assert 'was interrupted; recovered' in repair_session(recording.path).message
    assert read(recording.path) > 30
    other = recording.folder / 'other'
    recording.operator.set_parameter('recorder', 'session_dir', str(other))
    begin(recording)
    assert recording.path.parent == other
    recording.operator.trigger('recorder/stop_recording')
    assert read(recording.path) > 30
    assert Session(recording.path).bag.complete


def test_deleted_session_is_reported_and_rescued(recording):
    shutil.rmtree(recording.path)
    message = wait_for_error(recording, 'was deleted, moved or replaced')
    rescued = recording.path.with_name(f'{recording.path.name}-rescued')
    assert f'is kept in {rescued}' in message
    assert read(rescued) > 30
    begin(recording)
    recording.operator.trigger('recorder/stop_recording')
    assert read(recording.path) > 30


def test_new_recorder_repairs_an_interrupted_session_and_reports_it(recording):
    os.kill(recording.nodes.pid('recorder'), signal.SIGKILL)
    recording.operator._failure = lambda: None  # killed on purpose
    folder = str(recording.path.parent)
    recording.nodes.start('recorder', {'session_dir': folder, 'autostart': 'configure'})
    name = recording.path.name
    status = recording.operator.node_status
    recording.wait(
        lambda: f"Session '{name}' was interrupted; recovered" in status['recorder'].message,
        'the message',
    )
    assert status['recorder'].state == 'idle'
    assert 'was interrupted; recovered' in recording.log('recorder')
    assert read(recording.path) > 30
    assert Session(recording.path).labels()[0].name == 'fist'
