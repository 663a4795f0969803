"""The recorder node as a process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader
from std_srvs.srv import Trigger
from support.bags import EMG, session_in
from support.graph import graph, synthetic

from myogestic_ros.demo.node_client import DemoError
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import qos
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_windows
from myogestic_ros.srv import ListSessions

pytestmark = pytest.mark.processes


@pytest.fixture
def running(tmp_path):
    """A streaming driver and a configured recorder."""
    with graph(
        tmp_path, driver=synthetic(), recorder={'class_names': ['rest', 'fist'], 'subject': 'S1'}
    ) as g:
        g.operator.transition('driver', 'activate')
        yield g


def stamp_ns(frame):
    """Return the acquisition time of a frame, ns."""
    return frame.header.stamp.sec * 10**9 + frame.header.stamp.nanosec


def only_session(g):
    """Return the path of the only session."""
    (path,) = (g.folder / 'sessions').iterdir()
    return path


def test_session_holds_the_published_messages(running):
    received: list[bytes] = []
    running.operator._node.create_subscription(EmgFrame, 'emg', received.append, qos.EMG, raw=True)
    # Once frames are received here, the recorder has discovered the driver, too.
    running.wait(lambda: received, 'frames')
    message = running.operator.trigger('recorder/start_recording')
    for name in ('rest', 'fist', 'rest', 'fist'):
        running.operator.set_label(name)
        running.operator.spin(0.5)
    running.operator.set_label('')
    message = running.operator.trigger('recorder/stop_recording')
    running.operator.spin(0.1)  # messages in transit
    path = only_session(running)
    assert str(path) in message
    with Reader(path) as reader:
        frames = [bytes(d) for c, _, d in reader.messages() if c.msgtype == EMG]
        topics = {c.topic for c in reader.connections}
        assert topics == {'/emg', '/emg/info', '/label', '/target', '/cues/progress'}
    start = received.index(frames[0])
    assert received[start : start + len(frames)] == frames  # identical bytes, none missing
    session = Session(path)
    assert session.bag.complete
    assert session.info.subject == 'S1'
    assert session.info.class_names == ('rest', 'fist')
    assert session.stream_info('emg').n_channels == 8  # latched before the recording began
    assert [(x.name, x.repetition) for x in session.labels()] == [
        *(('rest', 0), ('fist', 0), ('rest', 1), ('fist', 1), ('', -1))
    ]
    assert {w.class_name for w in iter_windows([path], 'emg', 200, 50)} == {'rest', 'fist'}


def test_new_recorder_records_everything_from_the_moment_it_says_so(running):
    received: list[EmgFrame] = []
    running.operator._node.create_subscription(EmgFrame, 'emg', received.append, qos.EMG)
    running.wait(lambda: received, 'frames')
    statuses = running.operator.node_status
    for number in range(3):
        os.kill(running.nodes.pid('recorder'), signal.SIGINT)
        running.wait(lambda: running.nodes.exit_message() is not None, 'its end')
        del statuses['recorder']
        folder = running.folder / f'of {number}'
        values = {'session_dir': str(folder), 'discovery_timeout': 30.0}  # for a busy machine
        running.nodes.start('recorder', {**values, 'autostart': 'configure'})
        running.wait(
            lambda: 'recorder' in statuses and statuses['recorder'].state == 'idle', 'a new one'
        )
        del received[:]
        message = running.operator.trigger('recorder/start_recording')
        path = Path(session_in(message))
        if not message.startswith('Recording '):  # it was quicker than the driver's discovery
            assert message.startswith('No message received on /emg yet.')
            running.wait(
                lambda p=path: statuses['recorder'].message == f'Recording {p}.', 'the first frame'
            )
        answered_ns = time.time_ns()
        running.wait(
            lambda ns=answered_ns: received and stamp_ns(received[-1]) > ns + 10**8, 'frames'
        )
        running.operator.trigger('recorder/stop_recording')
        running.wait(lambda p=path: Session(p).bag.complete, 'all of it on the disk')
        chunks = list(Session(path).chunks('emg'))
        after = [frame.first_sample for frame in received if stamp_ns(frame) > answered_ns]
        assert chunks[0].first_sample <= after[0], chunks[0].first_sample - after[0]


def test_services_and_lifecycle_call_the_same_transitions(running):
    running.operator.transition('recorder', 'activate')
    assert 'Recording' in running.operator.node_status['recorder'].message
    response = running.operator.call(Trigger, 'recorder/start_recording', Trigger.Request())
    assert not response.success
    assert response.message == 'Cannot start recording: already recording.'
    running.operator.transition('recorder', 'deactivate')
    response = running.operator.call(Trigger, 'recorder/stop_recording', Trigger.Request())
    assert not response.success
    assert response.message == 'Cannot stop recording: not recording.'
    assert Session(only_session(running)).bag.complete


def test_unknown_class_is_refused(running):
    with pytest.raises(DemoError, match="Unknown class 'wave', expected one of: rest, fist"):
        running.operator.set_label('wave')


def test_sessions_are_listed_quickly_and_never_overwritten(running):
    frames: list[EmgFrame] = []
    running.operator._node.create_subscription(EmgFrame, 'emg', frames.append, qos.EMG)
    running.wait(lambda: frames, 'frames')
    running.operator.set_parameter('recorder', 'session_name', 'mine')
    for _ in range(3):
        message = running.operator.trigger('recorder/start_recording')
        path = Path(session_in(message))
        file = path / f'{path.name}_0.mcap'
        empty = file.stat().st_size
        running.wait(lambda f=file, e=empty: f.stat().st_size > e + 10_000, 'frames in its file')
        running.operator.trigger('recorder/stop_recording')
    began = time.monotonic()
    response = running.operator.call(
        ListSessions, 'recorder/list_sessions', ListSessions.Request()
    )
    assert time.monotonic() - began < 1.0  # documented: 0.1 s
    assert [session.name for session in response.sessions] == ['mine', 'mine-2', 'mine-3']
    assert all(session.complete for session in response.sessions)
    assert all(session.message_count > 5 for session in response.sessions)
    with pytest.raises(DemoError, match='expected a name without'):
        running.operator.set_parameter('recorder', 'session_name', '../outside')
    message = running.operator.trigger('recorder/start_recording')
    assert Path(session_in(message)).name == 'mine-4'
    running.operator.trigger('recorder/stop_recording')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupt_closes_the_session(running, number):
    running.operator.trigger('recorder/start_recording')
    file = next(only_session(running).glob('*.mcap'))
    running.wait(lambda: file.stat().st_size > 30_000, 'a few frames')
    os.kill(running.nodes.pid('recorder'), number)
    running.wait(lambda: running.nodes.exit_message() is not None, 'the end')
    assert 'exit code 0' in running.nodes.exit_message()
    session = Session(only_session(running))
    assert session.bag.complete
    assert session.bag.message_count > 20


def test_session_is_readable_after_sigkill(running):
    running.operator.trigger('recorder/start_recording')
    running.operator.set_label('fist')
    file = next(only_session(running).glob('*.mcap'))
    running.wait(lambda: file.stat().st_size > 150_000, 'two seconds of frames')
    os.kill(running.nodes.pid('recorder'), signal.SIGKILL)
    session = Session(only_session(running))
    assert not session.bag.complete
    assert sum(chunk.n_samples for chunk in session.chunks('emg')) > 2000
    assert session.labels()[0].name == 'fist'


def test_invalid_session_dir_is_reported_and_can_be_changed(running):
    running.operator.trigger('recorder/start_recording')
    (running.folder / 'sessions' / 'x').mkdir()
    running.operator.trigger('recorder/stop_recording')
    (running.folder / 'file').write_text('')
    running.operator.set_parameter('recorder', 'session_dir', str(running.folder / 'file'))
    with pytest.raises(DemoError, match='Cannot create session'):
        running.operator.trigger('recorder/start_recording')
    running.operator.set_parameter('recorder', 'session_dir', str(running.folder / 'other'))
    running.operator.trigger('recorder/start_recording')
    running.operator.spin(0.3)
    running.operator.trigger('recorder/stop_recording')
