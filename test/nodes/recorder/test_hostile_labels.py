"""One message with names and numbers out of range never spoils a recording."""

from __future__ import annotations

import pytest
from std_srvs.srv import Trigger
from support.bags import session_in
from support.ros import ros_graph

from myogestic_ros.core.untrusted import MAX_NAME, clean_name
from myogestic_ros.msg import Label
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.recorder.node import RecorderNode
from myogestic_ros.sessions.reading.library import list_sessions
from myogestic_ros.sessions.recording import session_recorder
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.srv import ListSessions, SetLabel

LONG = 'x' * 1_100_000


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


def test_a_label_with_a_huge_name_duration_and_index_spoils_no_session(ros, tmp_path):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), autostart='configure')
    labels = ros.publisher(Label, 'label', qos.LABEL)
    response = ros.call(Trigger, 'recorder/start_recording')
    assert response.success, response.message
    for label in (
        Label(index=0, name=LONG, duration=1e308),
        Label(index=1, name='fist\x1b[2J', duration=float('-inf')),
        Label(index=2**31 - 1, name='far'),
    ):
        labels.publish(label)
    ros.until(lambda: recorder._recording.messages >= 3, 'the labels')
    assert ros.call(Trigger, 'recorder/stop_recording').success
    recorder._closing[-1].stop()
    path = tmp_path / session_in(response.message).rpartition('/')[2]
    assert (path / 'metadata.yaml').stat().st_size < 20_000
    (summary,) = list_sessions(tmp_path)
    assert summary.info.class_names == (clean_name(LONG), r'fist\x1b[2J')
    (listed,) = ros.call(ListSessions, 'recorder/list_sessions').sessions
    assert listed.complete
    assert list(listed.class_names) == list(summary.info.class_names)


@pytest.mark.parametrize('name', [LONG, 'fist\x1b[2J', 'f' * (MAX_NAME + 1)])
def test_set_label_refuses_a_name_that_cannot_be_kept(ros, tmp_path, name):
    ros.add(RecorderNode, session_dir=str(tmp_path), autostart='configure')
    response = ros.call(SetLabel, 'recorder/set_label', name=name)
    assert not response.success
    assert len(response.message) < 300
    assert f'expected at most {MAX_NAME} characters' in response.message
    assert '\x1b' not in response.message


def test_a_message_larger_than_the_limit_is_dropped_and_counted(tmp_path, monkeypatch):
    from support.bags import label, topics

    monkeypatch.setattr(session_recorder, 'MAX_MESSAGE_BYTES', 1000)
    recorder = SessionRecorder(tmp_path / 's', SessionInfo(), topics())
    assert recorder.put('/label', label(0, 'rest', 1), 1)
    assert not recorder.put('/label', label(0, 'r' * 2000, 2), 2)
    report = recorder.stop()
    assert (report.messages, report.dropped) == (1, 1)
    assert recorder.oversized == {'/label': 1}
