"""Cues node, recorder and driver as processes: content of the session after any end of a protocol."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from rclpy.action import ActionClient
from rosbags.rosbag2 import Reader
from support.graph import PATIENCE_S, Graph, set_domain, synthetic

from myogestic_ros.action import RunProtocol
from myogestic_ros.demo.node_client import open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.msg import CueProgress, NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.windows import iter_aligned_windows, iter_windows

pytestmark = pytest.mark.processes

WITHIN_S = 0.020
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6

CUES = """
name: short
classes: [rest, fist, open]
rest_class: rest
repetitions: 2
countdown: 0.6
prepare: 0.3
hold: 0.5
rest: 0.4
"""
EXPECTED = [
    *((0.9, 'fist', 0, 0.5), (1.4, 'rest', 0, 0.4), (2.1, 'open', 0, 0.5), (2.6, 'rest', 1, 0.4)),
    *((3.3, 'fist', 1, 0.5), (3.8, 'rest', 2, 0.4), (4.5, 'open', 1, 0.5), (5.0, 'rest', 3, 0.4)),
]
"""Labels of this protocol: start, s; class; repetition; duration, s."""
SLOW = """
classes: [rest, fist]
rest_class: rest
repetitions: 9
hold: 0.8
rest: 0.3
countdown: 0
"""
RAMPS = """
kind: ramps
ramps:
  - {name: grip, shape: raised_cosine, amplitudes: {grip: 0.8}, period: 1.5}
repetitions: 1
countdown: 0.5
rest: 0.3
"""


class Person:
    """A client of the action, with the received messages."""

    def __init__(self, g):
        self.graph = g
        self.progress, self.feedback, self.statuses = [], [], []
        node = g.operator._node
        node.create_subscription(CueProgress, 'cues/progress', self.progress.append, qos.STATUS)
        node.create_subscription(NodeStatus, 'cues/status', self.statuses.append, qos.STATUS)
        self.client = ActionClient(node, RunProtocol, 'cues/run_protocol')
        g.wait(self.client.server_is_ready, 'the action')

    def wait_for_all(self):
        """Wait until the driver streams and the other nodes are idle."""
        state = self.graph.operator.node_status
        wanted = {'driver': 'streaming', 'recorder': 'idle'}
        for name, verb in wanted.items():
            self.graph.wait(lambda n=name, v=verb: n in state and state[n].state == v, name)
        self.graph.wait(lambda: self.statuses and self.statuses[-1].state == 'idle', 'cues')

    def file(self, text):
        path = Path(self.graph.folder, 'protocol.yaml')
        path.write_text(text)
        return str(path)

    def run(self, text, **fields):
        """Send a goal."""
        self.progress.clear()
        goal = RunProtocol.Goal(protocol=self.file(text), **fields)
        received = self.feedback
        future = self.client.send_goal_async(goal, lambda m: received.append(m.feedback.progress))
        self.graph.wait(future.done, 'the answer to the goal')
        assert future.result().accepted
        return future.result()

    def run_into_the_third_repetition(self):
        """Send a goal and return during the third repetition."""
        handle = self.run(SLOW)
        self.graph.wait(
            lambda: any(p.completed == 2 and p.remaining < 0.6 for p in self.progress),
            'the middle of a repetition',
        )
        return handle

    def result(self, handle):
        future = handle.get_result_async()
        self.graph.wait(future.done, 'the result')
        return future.result().status, future.result().result

    def only_session(self):
        """Return the newest session by name: a repair changes the modification time."""
        return max((self.graph.folder / 'sessions').iterdir())


@pytest.fixture
def person(tmp_path):
    """A client with a streaming driver, a configured recorder and a configured cues node."""
    set_domain()
    nodes = NodeProcesses(tmp_path / 'nodes')
    with nodes, open_node_client(lambda: None) as operator:
        nodes.start('driver', {**synthetic(), 'autostart': 'activate'})
        folder = {'session_dir': str(tmp_path / 'sessions')}
        nodes.start('recorder', {**folder, 'autostart': 'configure'})
        nodes.start('cues', {'autostart': 'configure'})
        who = Person(Graph(nodes, operator, tmp_path))
        try:
            who.wait_for_all()
            yield who
        finally:
            who.client.destroy()


def check_two_and_a_half(path, *, whole=True):
    """Check a session that ended during the third repetition."""
    end_s = time.monotonic() + PATIENCE_S
    session = Session(path)
    # The session may be closed after the response of stop_recording.
    while session.bag.complete is not whole:
        assert time.monotonic() < end_s
        time.sleep(0.05)
        session = Session(path)
    assert session.info.class_names == ('rest', 'fist')
    found = repetitions(session)
    assert [(r.name, r.number, r.complete) for r in found] == [
        *(('fist', 0, True), ('rest', 0, True), ('fist', 1, False)),
    ]
    assert 0.1 < found[-1].duration_s <= 0.8
    assert {(w.class_name, w.repetition) for w in iter_windows([path], 'emg', 200, 50)} >= {
        *(('fist', 0), ('rest', 0)),
    }
    kept = {w.repetition for w in iter_windows([path], 'emg', 200, 50, {1}, complete_only=True)}
    assert kept == {0}
    return found


def test_labels_have_the_times_of_the_protocol(person):
    handle = person.run(CUES, subject='S1', session_name='mine')
    person.graph.wait(lambda: person.feedback, 'feedback')
    status, result = person.result(handle)
    assert (status, result.success, result.completed, result.planned) == (SUCCEEDED, True, 8, 8)
    assert result.session == str(person.graph.folder / 'sessions' / 'mine')
    session = Session(result.session)
    assert session.bag.complete
    assert (session.info.subject, session.info.protocol) == ('S1', 'short')
    labels = session.labels()
    began_ns = labels[0].stamp_ns
    assert labels[0].name == ''
    given = [x for x in labels if x.name]
    assert [(x.name, x.repetition, x.duration_s) for x in given] == [x[1:] for x in EXPECTED]
    late_s = [
        (x.stamp_ns - began_ns) * 1e-9 - at_s
        for x, (at_s, *_) in zip(given, EXPECTED, strict=True)
    ]
    assert max(map(abs, late_s)) < WITHIN_S, late_s
    found = repetitions(session)
    assert [r.start_ns for r in found] == [x.stamp_ns for x in given]
    assert all(r.complete for r in found)
    assert [r.duration_s for r in found] == pytest.approx([x[3] for x in EXPECTED], abs=WITHIN_S)
    with Reader(result.session) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts['/cues/progress'] > 40
    assert counts['/target'] == 0


def test_target_is_recorded_with_the_signal(person):
    status, result = person.result(person.run(RAMPS))
    assert status == SUCCEEDED
    aligned = [
        float(values['target'][0])
        for _, values, _ in iter_aligned_windows([result.session], 'emg', ['target'], 100, 50)
    ]
    assert min(aligned) == pytest.approx(0.0, abs=0.02)
    assert max(aligned) == pytest.approx(0.8, abs=0.02)


def test_stopped_protocol_leaves_the_session_up_to_the_stop(person):
    g = person.graph
    # by the action
    handle = person.run_into_the_third_repetition()
    g.wait(handle.cancel_goal_async().done, 'the answer to cancel')
    status, result = person.result(handle)
    assert (status, result.success, result.completed) == (CANCELED, False, 2)
    assert 'Cancelled: 2 of 18 repetitions were completed. Recorded ' in result.message
    check_two_and_a_half(result.session)
    # by the lifecycle
    handle = person.run_into_the_third_repetition()
    g.operator.transition('cues', 'deactivate')
    status, result = person.result(handle)
    assert (status, result.completed) == (ABORTED, 2)
    check_two_and_a_half(result.session)
    # by stopping the recording
    handle = person.run_into_the_third_repetition()
    g.operator.trigger('recorder/stop_recording')
    status, result = person.result(handle)
    assert status == ABORTED
    assert 'The recording ended: Recorded ' in result.message
    check_two_and_a_half(result.session)
    # by Ctrl-C
    handle = person.run_into_the_third_repetition()
    path = person.only_session()
    os.kill(g.nodes.pid('cues'), signal.SIGINT)
    g.wait(lambda: g.nodes.exit_message() is not None, 'the end of the node')
    assert 'exit code 0' in g.nodes.exit_message()
    check_two_and_a_half(path)
    assert not g.operator.is_active('recorder')


def test_session_is_correct_after_a_killed_recorder_or_cues_node(person):
    g = person.graph
    handle = person.run_into_the_third_repetition()
    os.kill(g.nodes.pid('recorder'), signal.SIGKILL)
    path = person.only_session()
    status, result = person.result(handle)
    assert status == ABORTED
    assert 'The recording ended: the recorder ' in result.message
    assert person.progress[-1].phase == 'cancelled'
    # The last second may be lost; no incomplete repetition may count as complete.
    session = Session(path)
    assert not session.bag.complete
    found = repetitions(session)
    assert found
    whole = [(r.name, r.number) for r in found if r.complete]
    assert whole == [('fist', 0), ('rest', 0)][: len(whole)]

    folder = {'session_dir': str(g.folder / 'sessions')}
    g.nodes.start('recorder', {**folder, 'autostart': 'configure'})
    g.wait(lambda: g.operator.node_status['recorder'].state == 'idle', 'the new recorder')
    person.run_into_the_third_repetition()
    path = person.only_session()
    os.kill(g.nodes.pid('cues'), signal.SIGKILL)
    g.operator.spin(1.0)  # the recorder does not notice, and goes on
    g.operator.trigger('recorder/stop_recording')
    found = check_two_and_a_half(path)
    last_s = max(w.times_s[-1] for w in iter_windows([path], 'emg', 200, 50))
    assert last_s <= found[-1].end_ns * 1e-9 + 0.001  # samples after it have no label
