"""The recorder node in one process: contents of the bag, latched messages, malformed data, disks."""

from __future__ import annotations

import os
import shutil
import threading
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from support.bags import EMG, LABEL, protocol, session_in, topics
from support.ros import ros_graph

from myogestic_ros.core.signals import Chunk
from myogestic_ros.msg import EmgFrame, Label, NodeStatus, StreamInfo
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_to_ros
from myogestic_ros.nodes.recorder.node import RecorderNode
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.writer import SessionWriter
from myogestic_ros.srv import ListSessions, SetLabel


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
    return session_in(response.message)


def stop(ros, recorder=None):
    """Stop the recording and return the message; with a recorder, wait until the session is closed."""
    response = ros.call(Trigger, 'recorder/stop_recording')
    assert response.success, response.message
    if recorder is not None:
        recorder._closing[-1].stop()
    return response.message


def content(path):
    """Return (type, bytes) of each message in a bag, read with rosbags."""
    with Reader(path) as reader:
        return [(connection.msgtype, bytes(data)) for connection, _, data in reader.messages()]


def received(recorder, count):
    """Return a condition: the recording has received ``count`` messages."""
    return lambda: recorder._recording.messages + len(recorder._recording._queue) >= count


def test_bag_holds_exactly_the_published_bytes(ros, recorder):
    frames = ros.publisher(EmgFrame, 'emg', qos.EMG)
    path = start(ros)
    data = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
    sent = [
        serialize_message(chunk_to_ros(Chunk(20 * n, n * 10**7, 2000.0, data + n), 'arm'))
        for n in range(50)
    ]
    for message in sent:
        frames.publish(message)
    ros.until(received(recorder, 50), 'messages')
    assert '50 messages' in stop(ros, recorder)
    assert content(path) == [(EMG, message) for message in sent]


def test_topics_without_publisher_are_reported_until_they_have_one(ros, tmp_path):
    recorder = ros.add(
        RecorderNode, session_dir=str(tmp_path), autostart='configure',
        emg_topics=['emg', 'leg'], other_topics=['glove:sensor_msgs/msg/JointState'],
    )  # fmt: skip
    status = ros.listen(NodeStatus, 'recorder/status', qos.STATUS)
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    frames = [ros.publisher(EmgFrame, 'emg', qos.EMG)]
    response = ros.call(Trigger, 'recorder/start_recording')
    path = session_in(response.message)
    assert response.message == (
        f'No publisher on /glove, /leg yet. No message received on /emg yet. Recording {path}.'
    )
    recorder._diagnostics.publish()
    words = 'No messages received on /emg, /glove, /leg yet.'
    ros.until(lambda: diagnostics and diagnostics[-1].status[0].message == words, 'a warning')
    assert diagnostics[-1].status[0].level == DiagnosticStatus.WARN
    frames.append(ros.publisher(EmgFrame, 'leg', qos.EMG))
    for publisher in frames:
        publisher.publish(EmgFrame())
    ros.until(
        lambda: status[-1].message == f'No publisher on /glove yet. Recording {path}.', 'leg'
    )
    ros.publisher(JointState, 'glove', qos.JOINT_STATES).publish(JointState())
    ros.until(lambda: status[-1].message == f'Recording {path}.', 'glove')
    assert recorder._collect()[0] == DiagnosticStatus.OK


def test_recording_begins_in_time_with_an_incompatible_publisher(ros, recorder):
    profile = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    ros.hand.create_publisher(EmgFrame, 'emg', profile)
    ros.until(lambda: recorder.count_publishers('emg'), 'the publisher')
    began_s = time.monotonic()
    assert recorder.request_transition('activate')[0]
    assert time.monotonic() - began_s < 1.0  # documented: 0.1 s
    assert recorder._record_subscriptions.silent == ['/emg']


def test_latched_messages_are_in_every_session(ros, recorder):
    ros.publisher(StreamInfo, 'emg/info', qos.INFO).publish(StreamInfo(name='emg'))
    labels = ros.publisher(Label, 'label', qos.LABEL)
    for name in ('rest', 'fist'):
        labels.publish(Label(index=4, name=name))
    ros.until(lambda: len(recorder._latched) == 2, 'latched messages')
    ros.until(lambda: b'fist' in recorder._latched['/label'], 'the newest label')
    for _ in range(2):
        path = start(ros)
        stop(ros, recorder)
        session = Session(path)
        assert session.stream_info('emg').name == 'emg'
        assert [label.name for label in session.labels()] == ['fist']  # the newest only
        assert session.info.class_names == ('', '', '', '', 'fist')


def test_label_set_before_the_recording_is_its_first_repetition(ros, recorder):
    ros.call(SetLabel, 'recorder/set_label', name='fist')
    ros.until(lambda: recorder._latched, 'the label')
    path = start(ros)
    for number, name in enumerate(('rest', 'fist'), start=2):
        ros.call(SetLabel, 'recorder/set_label', name=name)
        ros.until(received(recorder, number), 'the label')
    stop(ros, recorder)
    labels = [(label.name, label.repetition) for label in Session(path).labels()]
    assert labels == [('fist', 0), ('rest', 0), ('fist', 1)]


def test_class_names_can_change_between_sessions(ros, recorder):
    names = RosParameter('class_names', value=['rest', 'fist'])
    assert recorder.set_parameters_atomically([names]).successful
    path = start(ros)
    response = ros.call(SetLabel, 'recorder/set_label', name='wave')
    assert response.message == "Unknown class 'wave', expected one of: rest, fist."
    ros.call(SetLabel, 'recorder/set_label', name='fist')
    ros.until(received(recorder, 1), 'the label')
    stop(ros, recorder)
    session = Session(path)
    assert session.info.class_names == ('rest', 'fist')
    assert [label.index for label in session.labels()] == [1]


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'junk',
        b'\x00\x01\x00\x00' + b'\xff' * 40,
        b'\x00\x01\x00\x00' + b'\x00' * 12 + b'\xff\xff\xff\x7f' + b'a' * 30,
        serialize_message(Label(index=2**31 - 1, name='x')),
        serialize_message(Label(index=-(2**31), name='x')),
    ],
)
def test_malformed_labels_are_recorded_and_ignored(ros, recorder, data):
    labels = ros.publisher(Label, 'label', qos.LABEL)
    path = start(ros)
    labels.publish(data)
    labels.publish(Label(index=0, name='fist'))
    ros.until(received(recorder, 1), 'messages')
    ros.until(lambda: recorder._latched.get('/label', b'').count(b'fist'), 'the label')
    stop(ros, recorder)
    assert recorder.status_message.startswith('Recorded ')
    assert content(path)[-1][0] == LABEL
    assert Session(path).info.class_names == ('fist',)


def test_set_label_is_refused_before_the_node_is_configured(ros, tmp_path):
    ros.add(RecorderNode, session_dir=str(tmp_path))
    response = ros.call(SetLabel, 'recorder/set_label', name='fist')
    assert response.message.endswith("the node is 'unconfigured'; configure it first.")
    response = ros.call(Trigger, 'recorder/start_recording')
    assert response.message == (
        "Cannot start recording: the node is 'unconfigured', expected 'inactive'; configure it "
        'first.'
    )
    assert ros.call(ListSessions, 'recorder/list_sessions').success


@pytest.mark.parametrize(
    'text',
    ['x', 'x:std_msgs', ':std_msgs/msg/String', 'x:nothing/msg/String', 'x:std_msgs/msg/No'],
)
def test_topic_with_unknown_type_is_refused(ros, tmp_path, text):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), other_topics=[text])
    success, reason = recorder.request_transition('configure')
    assert not success
    assert f"other_topics: got '{text}', expected 'topic:package/msg/Type'" in reason
    assert ros.state('recorder') == 'unconfigured'


def test_disk_failure_ends_the_recording_with_the_reason(ros, recorder, monkeypatch):
    def fail(self):
        raise OSError(28, 'No space left on device')

    status = ros.listen(NodeStatus, 'recorder/status', qos.STATUS)
    monkeypatch.setattr(SessionWriter, 'flush', fail)
    path = start(ros)
    ros.until(lambda: recorder.lifecycle_state == 'inactive', 'end')
    ros.until(lambda: 'No space left on device' in status[-1].message, 'reason')
    assert path in status[-1].message
    monkeypatch.undo()
    start(ros)
    stop(ros, recorder)


class SlowDisk:
    """Block the closing of a session until the test lets it continue or fail."""

    def __init__(self, monkeypatch):
        self.closing = threading.Event()
        self.go_on = threading.Event()
        self.fails = False
        self.held = ''
        finish = SessionWriter.finish

        def slow(writer):
            if str(writer.path) == self.held:
                self.closing.set()
                self.go_on.wait(60.0)
                if self.fails:
                    raise OSError(5, 'Input/output error')
            finish(writer)

        monkeypatch.setattr(SessionWriter, 'finish', slow)


def test_slow_disk_does_not_delay_stop_recording(ros, recorder, monkeypatch):
    disk = SlowDisk(monkeypatch)
    disk.held = path = start(ros)
    began_s = time.monotonic()
    stop(ros)
    assert time.monotonic() - began_s < 1.0  # documented: 0.1 s
    assert not Session(path).bag.complete
    threading.Timer(0.1, disk.go_on.set).start()
    recorder.trigger_shutdown()  # as after SIGINT: waits until the session is closed
    assert Session(path).bag.complete


def test_failure_to_close_a_session_does_not_end_the_next(ros, recorder, monkeypatch):
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
    assert recorder.status_message.endswith(f' Recording {second}.')
    stop(ros)
    assert Session(second).bag.complete
    assert not Session(first).bag.complete


def test_full_queue_is_reported_before_messages_are_dropped(ros, recorder, monkeypatch):
    go_on = threading.Event()
    write = SessionWriter.write

    def slow(writer, *args):
        go_on.wait(60.0)
        write(writer, *args)

    monkeypatch.setattr(SessionWriter, 'write', slow)
    queue = RosParameter('queue_mib', value=1)
    assert recorder.set_parameters_atomically([queue]).successful
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    status = ros.listen(NodeStatus, 'recorder/status', qos.STATUS)
    frames = ros.publisher(EmgFrame, 'emg', qos.EMG)
    path = start(ros)
    chunks = [Chunk(500 * n, 0, 2000.0, np.ones((500, 100), np.float32)) for n in range(8)]

    def warned(words):
        recorder._diagnostics.publish()
        ros.executor.spin_once(timeout_sec=0.01)
        last = diagnostics[-1].status[0]
        return last.level == DiagnosticStatus.WARN and words in last.message

    for chunk in chunks[:2]:
        frames.publish(chunk_to_ros(chunk))
    ros.until(lambda: 'The disk is too slow: ' in status[-1].message, 'the warning')
    assert not recorder._recording.dropped
    ros.until(lambda: warned('The disk is too slow: '), 'a warning')
    for chunk in chunks[2:]:
        frames.publish(chunk_to_ros(chunk))
    ros.until(lambda: sum(recorder._recording.dropped.values()) == 3, 'drops')
    ros.until(lambda: warned('3 messages have been dropped'), 'a warning')
    info = {pair.key: pair.value for pair in diagnostics[-1].status[0].values}
    assert info['dropped'] == '3'
    go_on.set()
    ros.until(lambda: status[-1].message == f'Recording {path}.', 'the end of the warning')
    assert '5 messages, 3 dropped, 1500 samples lost' in stop(ros, recorder)
    extra = Session(path).info.extra
    assert extra == {'lost_samples': '{"/emg": 1500}', 'dropped_messages': '{"/emg": 3}'}


def test_two_recorders_in_one_folder_write_separate_sessions(ros, recorder, tmp_path):
    other = ros.add(
        RecorderNode, session_dir=str(tmp_path / 'sessions'), autostart='configure',
        session_name='mine', emg_topics=['emg2'],
    )  # fmt: skip
    assert recorder.set_parameters_atomically([RosParameter('session_name', value='mine')])
    for node, name in ((recorder, 'mine'), (other, 'mine-2')):
        success, message = node.request_transition('activate')
        assert success
        assert session_in(message) == str(tmp_path / 'sessions' / name)
    for node in (recorder, other):
        assert node.request_transition('deactivate')[0]
    for name in ('mine', 'mine-2'):
        assert Session(tmp_path / 'sessions' / name).bag.complete


def test_interrupted_session_is_repaired_and_reported(ros, recorder, tmp_path):
    status = ros.listen(NodeStatus, 'recorder/status', qos.STATUS)
    writer = SessionWriter(tmp_path / 'sessions' / 'cut', SessionInfo(), topics())
    for item in protocol([(0, 'rest', 1.0)]):
        writer.write(*item)
    writer.flush()
    response = ros.call(ListSessions, 'recorder/list_sessions')
    assert [session.complete for session in response.sessions] == [False]
    writer.abandon()
    ros.call(ListSessions, 'recorder/list_sessions')
    ros.until(
        lambda: "Session 'cut' was interrupted; recovered 101" in status[-1].message, 'the message'
    )
    (session,) = ros.call(ListSessions, 'recorder/list_sessions').sessions
    assert (session.message_count, session.complete) == (101, False)
    assert session.duration == pytest.approx(0.99)


def test_list_says_how_many_sessions_cannot_be_read(ros, recorder, tmp_path):
    folder = tmp_path / 'sessions'
    SessionWriter(folder / 'good', SessionInfo(class_names=('rest',)), topics()).close()
    for number in range(7):
        (folder / f'bad{number}').mkdir()
        (folder / f'bad{number}' / 'metadata.yaml').write_text('[' * 1000)
    response = ros.call(ListSessions, 'recorder/list_sessions')
    assert [session.name for session in response.sessions] == ['good']
    assert response.message == (
        f'1 session(s) in {folder}. 7 cannot be read: bad0, bad1, bad2, bad3, bad4 and 2 more.'
    )


def test_many_sessions_are_listed_in_time(ros, recorder, tmp_path):
    folder = tmp_path / 'sessions'
    SessionWriter(folder / 's', SessionInfo(class_names=('rest',)), topics()).close()
    for number in range(150):
        shutil.copytree(folder / 's', folder / f's{number}')
    for invalid in (b'', b'[' * 100_000, b'x' * 2**21):
        (folder / f'invalid {len(invalid)}').mkdir()
        (folder / f'invalid {len(invalid)}' / 'metadata.yaml').write_bytes(invalid)
    (folder / 'pipe').mkdir()
    os.mkfifo(folder / 'pipe' / 'metadata.yaml')

    def listed():
        response = ListSessions.Response()
        began_s = time.monotonic()
        recorder._on_list(None, response)
        assert time.monotonic() - began_s < 1.0  # documented: 0.1 s
        return response

    first = listed()
    assert first.success
    if len(first.sessions) < 151:
        assert 'more are being read; call again in a few seconds' in first.message
    ros.until(lambda: len(listed().sessions) == 151, 'all of them')
