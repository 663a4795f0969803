"""The recorder: what is latched, rubbish, a disk that fails late, and what goes into the bag."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from bags import EMG, LABEL
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from myogestic_ros.msg import EmgFrame, Label, NodeStatus, StreamInfo
from myogestic_ros.srv import ListSessions, SetLabel
from rclpy.parameter import Parameter as RosParameter
from rclpy.serialization import serialize_message
from ros import ros_graph
from rosbags.rosbag2 import Reader
from std_srvs.srv import Trigger

from myogestic_ros.core.signals import Chunk
from myogestic_ros.nodes import qos
from myogestic_ros.nodes.conversions import chunk_to_ros
from myogestic_ros.nodes.recorder import RecorderNode
from myogestic_ros.sessions.reader import Session
from myogestic_ros.sessions.writer import SessionWriter


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


@pytest.fixture
def recorder(ros, tmp_path):
    """A configured recorder."""
    return ros.add(RecorderNode, session_dir=str(tmp_path / 'sessions'), autostart='configure')


def start(ros):
    """Start a recording and return the path of its session."""
    response = ros.call(Trigger, 'recorder/start_recording')
    assert response.success, response.message
    return response.message.removeprefix('Recording ').removesuffix('.')


def stop(ros):
    """Stop it and return what is said."""
    response = ros.call(Trigger, 'recorder/stop_recording')
    assert response.success, response.message
    return response.message


def content(path):
    """Return (type, bytes) of each message in a bag, by an independent reader."""
    with Reader(path) as reader:
        return [(connection.msgtype, bytes(data)) for connection, _, data in reader.messages()]


def taken(recorder, count):
    """Return whether the recording has taken so many messages."""
    return lambda: recorder._recording.messages + len(recorder._recording._waiting) >= count


def test_the_bag_holds_exactly_the_bytes_that_were_published(ros, recorder):
    frames = ros.publisher(EmgFrame, 'emg', qos.EMG)
    path = start(ros)
    data = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
    sent = [
        serialize_message(chunk_to_ros(Chunk(20 * n, n * 10**7, 2000.0, data + n), 'arm'))
        for n in range(50)
    ]
    for message in sent:
        frames.publish(message)
    ros.until(taken(recorder, 50), 'messages')
    assert '50 messages' in stop(ros)
    assert content(path) == [(EMG, message) for message in sent]


def test_what_is_latched_is_in_every_session(ros, recorder):
    ros.publisher(StreamInfo, 'emg/info', qos.INFO).publish(StreamInfo(name='emg'))
    labels = ros.publisher(Label, 'label', qos.LABEL)
    for name in ('rest', 'fist'):
        labels.publish(Label(index=4, name=name))
    ros.until(lambda: len(recorder._latched) == 2, 'what is latched')
    ros.until(lambda: b'fist' in recorder._latched['/label'], 'the newest label')
    for _ in range(2):
        path = start(ros)
        stop(ros)
        session = Session(path)
        assert session.stream_facts('emg').name == 'emg'
        assert [label.name for label in session.labels()] == ['fist']  # the newest only
        assert session.facts.class_names == ('', '', '', '', 'fist')


def test_a_class_that_was_cued_before_the_recording_is_its_first_repetition(ros, recorder):
    ros.call(SetLabel, 'recorder/set_label', name='fist')
    ros.until(lambda: recorder._latched, 'the label')
    path = start(ros)
    for number, name in enumerate(('rest', 'fist'), start=2):
        ros.call(SetLabel, 'recorder/set_label', name=name)
        ros.until(taken(recorder, number), 'the label')
    stop(ros)
    labels = [(label.name, label.repetition) for label in Session(path).labels()]
    assert labels == [('fist', 0), ('rest', 0), ('fist', 1)]


def test_classes_may_be_named_between_sessions(ros, recorder):
    names = RosParameter('class_names', value=['rest', 'fist'])
    assert recorder.set_parameters_atomically([names]).successful
    path = start(ros)
    response = ros.call(SetLabel, 'recorder/set_label', name='wave')
    assert response.message == "There is no class 'wave'; there are: rest, fist."
    ros.call(SetLabel, 'recorder/set_label', name='fist')
    ros.until(taken(recorder, 1), 'the label')
    stop(ros)
    session = Session(path)
    assert session.facts.class_names == ('rest', 'fist')
    assert [label.index for label in session.labels()] == [1]


@pytest.mark.parametrize(
    'rubbish',
    [
        b'',
        b'junk',
        b'\x00\x01\x00\x00' + b'\xff' * 40,
        b'\x00\x01\x00\x00' + b'\x00' * 12 + b'\xff\xff\xff\x7f' + b'a' * 30,
        serialize_message(Label(index=2**31 - 1, name='x')),
        serialize_message(Label(index=-(2**31), name='x')),
    ],
)
def test_rubbish_for_a_label_is_survived(ros, recorder, rubbish):
    labels = ros.publisher(Label, 'label', qos.LABEL)
    path = start(ros)
    labels.publish(rubbish)
    labels.publish(Label(index=0, name='fist'))
    ros.until(taken(recorder, 1), 'messages')
    ros.until(lambda: recorder._latched.get('/label', b'').count(b'fist'), 'the label')
    stop(ros)
    assert recorder.status_message.startswith('Recorded ')
    assert content(path)[-1][0] == LABEL
    assert Session(path).facts.class_names == ('fist',)


def test_a_label_is_refused_before_the_node_is_configured(ros, tmp_path):
    ros.add(RecorderNode, session_dir=str(tmp_path))
    response = ros.call(SetLabel, 'recorder/set_label', name='fist')
    assert response.message.endswith("the node is 'unconfigured', configure it first.")
    response = ros.call(Trigger, 'recorder/start_recording')
    assert response.message.endswith("expected 'inactive'; configure it first.")
    assert ros.call(ListSessions, 'recorder/list_sessions').success


@pytest.mark.parametrize(
    'text',
    ['x', 'x:std_msgs', ':std_msgs/msg/String', 'x:nothing/msg/String', 'x:std_msgs/msg/No'],
)
def test_a_topic_of_no_known_type_is_refused(ros, tmp_path, text):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), other_topics=[text])
    success, reason = recorder.door('configure')
    assert not success
    assert f"other_topics: got '{text}', expected 'topic:package/msg/Type'" in reason
    assert ros.state('recorder') == 'unconfigured'


def test_a_disk_that_fails_ends_the_recording_with_the_reason(ros, recorder, monkeypatch):
    def fail(self):
        raise OSError(28, 'No space left on device')

    status = ros.listen(NodeStatus, 'recorder/status', qos.STATUS)
    monkeypatch.setattr(SessionWriter, 'flush', fail)
    path = start(ros)
    ros.until(lambda: recorder.phase == 'inactive', 'end')
    ros.until(lambda: 'No space left on device' in status[-1].message, 'reason')
    assert path in status[-1].message
    monkeypatch.undo()
    start(ros)
    stop(ros)


class SlowDisk:
    """Holds a session's closing back until the test lets it go on, or fail."""

    def __init__(self, monkeypatch):
        self.closing = threading.Event()
        self.go_on = threading.Event()
        self.fails = False
        self.held = ''
        close = SessionWriter.close

        def slow(writer):
            if str(writer.path) == self.held:
                self.closing.set()
                self.go_on.wait(60.0)
                if self.fails:
                    raise OSError(5, 'Input/output error')
            close(writer)

        monkeypatch.setattr(SessionWriter, 'close', slow)


def test_a_slow_disk_keeps_nobody_waiting(ros, recorder, monkeypatch):
    disk = SlowDisk(monkeypatch)
    disk.held = path = start(ros)
    began_s = time.monotonic()
    stop(ros)
    assert time.monotonic() - began_s < 1.0  # 0.1 s is promised
    assert not Session(path).bag.whole
    threading.Timer(0.1, disk.go_on.set).start()
    recorder.trigger_shutdown()  # as SIGINT does: the process does not end before it is closed
    assert Session(path).bag.whole


def test_a_session_that_cannot_be_closed_does_not_end_the_next(ros, recorder, monkeypatch):
    disk = SlowDisk(monkeypatch)
    disk.held = first = start(ros)
    stop(ros)
    disk.closing.wait(60.0)
    second = start(ros)
    disk.fails = True
    disk.go_on.set()
    for recording in recorder._closing:
        recording.stop()
    for _ in range(5):
        ros.executor.spin_once(timeout_sec=0.01)
    assert ros.state('recorder') == 'active'
    assert recorder.status_message == f'Recording {second}.'
    stop(ros)
    assert Session(second).bag.whole
    assert not Session(first).bag.whole


def test_a_queue_that_is_full_is_on_diagnostics(ros, recorder, monkeypatch):
    go_on = threading.Event()
    write = SessionWriter.write

    def slow(writer, *args):
        go_on.wait(60.0)
        write(writer, *args)

    monkeypatch.setattr(SessionWriter, 'write', slow)
    queue = RosParameter('queue_mib', value=1)
    assert recorder.set_parameters_atomically([queue]).successful
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    frames = ros.publisher(EmgFrame, 'emg', qos.EMG)
    start(ros)
    chunk = Chunk(0, 0, 2000.0, np.ones((1000, 100), np.float32))
    for _ in range(5):
        frames.publish(chunk_to_ros(chunk))
    ros.until(lambda: sum(recorder._recording.dropped.values()) == 3, 'drops')
    recorder._diagnostics.publish()
    ros.until(
        lambda: diagnostics and diagnostics[-1].status[0].level == DiagnosticStatus.WARN,
        'a warning',
    )
    facts = {pair.key: pair.value for pair in diagnostics[-1].status[0].values}
    assert facts['dropped'] == '3'
    go_on.set()
    assert '3 dropped' in stop(ros)
