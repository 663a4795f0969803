"""The cues node in one process: action, lifecycle, refusals, labels, progress and targets."""

from __future__ import annotations

import pytest
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from support.ros import ros_graph

from myogestic_ros.action import RunProtocol
from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.msg import CueProgress, Label, NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.cues.node import CuesNode
from myogestic_ros.nodes.recorder.node import RecorderNode
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions

CUES = """
classes: [rest, fist, open]
rest_class: rest
repetitions: 1
countdown: 0.1
prepare: 0.1
hold: 0.2
rest: 0.1
"""
LONG = 'classes: [fist]\nhold: 3600\ncountdown: 0\nrepetitions: 1'
RAMPS = """
kind: ramps
ramps:
  - {name: grip, shape: trapezoid, amplitudes: {grip: 0.5}, rise: 0.2, plateau: 0.2}
  - {name: both, shape: sine, amplitudes: {wrist: -1, grip: 0.5}, period: 0.8}
repetitions: 1
countdown: 0.2
rest: 0.2
"""
BOMB = '\n'.join(
    ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    + [f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 9)]
    + ['classes: *a8']
)
"""Half a kilobyte that expands to gigabytes of text."""
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


class Cues:
    """A cues node, its messages, and a client of its action."""

    def __init__(self, ros, tmp_path, **parameters):
        self.ros, self.folder = ros, tmp_path
        parameters = {'recorder': '', 'autostart': 'configure', **parameters}
        self.node = ros.add(CuesNode, **parameters)
        self.labels = ros.listen(Label, 'label', qos.LABEL_INPUT)
        self.progress = ros.listen(CueProgress, 'cues/progress', qos.STATUS)
        self.statuses = ros.listen(NodeStatus, 'cues/status', qos.STATUS)
        self.feedback = []
        self.client = ActionClient(ros.hand, RunProtocol, 'cues/run_protocol')
        ros.until(self.client.server_is_ready, 'action')

    def file(self, text):
        path = self.folder / 'protocol.yaml'
        path.write_text(text)
        return str(path)

    def goal(self, text='', **fields):
        if text:
            fields['protocol'] = self.file(text)
        goal = RunProtocol.Goal(**fields)
        feedback = self.feedback
        future = self.client.send_goal_async(goal, lambda m: feedback.append(m.feedback.progress))
        self.ros.until(future.done, 'answer to the goal')
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        self.ros.until(future.done, 'result')
        return future.result().status, future.result().result

    @property
    def message(self):
        return self.statuses[-1].message if self.statuses else ''


@pytest.fixture
def cues(ros, tmp_path):
    made = Cues(ros, tmp_path)
    yield made
    made.client.destroy()


def test_goal_runs_to_its_end(cues):
    status, result = cues.result(cues.goal(CUES))
    assert status == SUCCEEDED
    assert result.success
    assert (result.completed, result.planned, result.session) == (4, 4, '')
    assert "Protocol 'protocol' finished. Largest cue delay: " in result.message
    cues.ros.until(lambda: cues.progress[-1].phase == 'done', 'the end')
    labels = [(x.index, x.name, x.repetition, x.duration) for x in cues.labels]
    none = (-1, '', -1, 0.0)
    assert labels == [
        *(none, (1, 'fist', 0, 0.2), (0, 'rest', 0, 0.1)),
        *(none, (2, 'open', 0, 0.2), (0, 'rest', 1, 0.1)),
        none,
    ]
    assert cues.node.lifecycle_state == 'inactive'


def test_progress_describes_the_current_and_the_next_step(cues):
    cues.result(cues.goal(CUES))
    cues.ros.until(lambda: cues.progress[-1].phase == 'done', 'the end')
    cues.ros.until(lambda: cues.feedback and cues.feedback[-1].phase == 'done', 'the feedback')
    assert len(cues.feedback) >= 7
    steps = {}
    for message in cues.progress[:-1]:
        steps.setdefault(message.step, []).append(message)
    expected = [
        ('countdown', '', 'fist', 0),
        ('prepare', '', 'fist', 0),
        ('hold', 'fist', 'open', 0),
        ('rest', 'rest', 'open', 1),
        ('prepare', '', 'open', 2),
        ('hold', 'open', '', 2),
        ('rest', 'rest', '', 3),
    ]
    assert sorted(steps) == list(range(7))
    for number, step in enumerate(expected):
        first = steps[number][0]
        assert (first.phase, first.class_name, first.next_class, first.completed) == step
        assert (first.steps, first.planned, first.protocol) == (7, 4, 'protocol')
        assert first.remaining == pytest.approx(first.duration)
        left = [message.remaining for message in steps[number]]
        assert left == sorted(left, reverse=True)
    totals = [message.total_remaining for message in cues.progress[:-1]]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] == pytest.approx(0.1 + 2 * 0.4)
    assert (cues.progress[-1].completed, cues.progress[-1].remaining) == (4, 0.0)


def test_only_one_goal_is_accepted(cues):
    first = cues.goal(LONG)
    assert first.accepted
    assert not cues.goal(CUES).accepted
    cues.ros.until(lambda: cues.labels, 'the first cue')
    future = first.cancel_goal_async()
    cues.ros.until(future.done, 'the answer to cancel')
    status, result = cues.result(first)
    assert (status, result.success, result.completed) == (CANCELED, False, 0)
    assert result.message == 'Cancelled: 0 of 1 repetitions were completed.'
    assert [x.name for x in cues.labels] == ['fist', '']
    assert cues.progress[-1].phase == 'cancelled'
    assert cues.result(cues.goal(CUES))[0] == SUCCEEDED  # then the next goal


def test_activate_runs_the_protocol_of_the_parameter(ros, tmp_path):
    cues = Cues(ros, tmp_path)
    file = cues.file(LONG)
    assert not ros.change_state('cues', 'activate')
    assert 'No protocol: give one' in cues.message
    assert 'eight_movements, wrist_and_grip' in cues.message
    assert cues.node.set_parameters([Parameter('protocol', value=file)])[0].successful
    assert ros.change_state('cues', 'activate')
    ros.until(lambda: cues.labels, 'the cue')
    assert cues.statuses[-1].state == 'running'
    assert not cues.goal(CUES).accepted  # already running
    assert ros.change_state('cues', 'deactivate')
    ros.until(lambda: cues.labels[-1].name == '', 'no class')
    ros.until(lambda: cues.progress[-1].phase == 'cancelled', 'the end')
    assert cues.statuses[-1].state == 'idle'
    cues.client.destroy()


def test_deactivating_aborts_the_goal(cues):
    handle = cues.goal(LONG)
    cues.ros.until(lambda: cues.labels, 'the first cue')
    assert cues.ros.change_state('cues', 'deactivate')
    status, result = cues.result(handle)
    assert (status, result.message) == (ABORTED, 'Stopped.')


def test_invalid_parameter_is_refused_at_the_start(ros):
    with pytest.raises(MyoGesticError, match=r'target_hz: got 0.0, expected 1 to 1000'):
        ros.add(CuesNode, target_hz=0.0)


@pytest.mark.parametrize(
    ('text', 'fields', 'reason'),
    [
        ('hold: three', {}, "line 1: hold: got 'three', expected a number."),
        pytest.param(BOMB, {}, 'more than 100000 values or 16777216 characters', id='aliases'),
        pytest.param(
            '[' * 20_000, {}, 'line 1: it is nested deeper than 100 levels', id='nesting'
        ),
        pytest.param(f'hold: {list(range(50_000))}', {}, '…, expected a number', id='long'),
        ('', {'protocol': 'nothing'}, "There is no protocol 'nothing'"),
        ('', {'protocol': '/nowhere/x.yaml'}, "There is no protocol '/nowhere/x.yaml'"),
        ('', {}, 'No protocol'),
    ],
)
def test_invalid_protocol_is_refused_with_the_reason(cues, text, fields, reason):
    status, result = cues.result(cues.goal(text, **fields))
    assert status == ABORTED
    assert reason in result.message
    assert len(result.message) < 2000
    assert cues.node.lifecycle_state == 'inactive'


def test_protocol_of_the_package_is_found_by_its_name(cues):
    handle = cues.goal(protocol='eight_movements')
    cues.ros.until(lambda: cues.progress, 'progress')
    assert (cues.progress[0].protocol, cues.progress[0].planned) == ('eight movements', 48)
    cues.ros.until(handle.cancel_goal_async().done, 'the answer')
    assert cues.result(handle)[0] == CANCELED


def test_unconfigured_node_rejects_goals(ros, tmp_path):
    ros.add(CuesNode)
    client = ActionClient(ros.hand, RunProtocol, 'cues/run_protocol')
    ros.until(client.server_is_ready, 'action')
    future = client.send_goal_async(RunProtocol.Goal(protocol='eight_movements'))
    ros.until(future.done, 'answer to the goal')
    assert not future.result().accepted
    client.destroy()


def test_targets_follow_the_ramps(cues):
    targets = cues.ros.listen(JointState, 'target', qos.JOINT_STATES)
    handle = cues.goal(RAMPS)
    assert cues.result(handle)[0] == SUCCEEDED
    labels = {x.name: x for x in cues.labels if x.name}
    assert list(labels) == ['grip', 'both']
    assert labels['grip'].duration == pytest.approx(0.6)
    assert {tuple(target.name) for target in targets} == {('grip', 'wrist')}
    values = {name: [] for name in ('before', 'grip', 'both')}
    phase = 'before'
    for target in targets:
        for name, label in labels.items():
            if _seconds(target) >= _seconds(label):
                phase = name
        values[phase].append(tuple(target.position))
    assert set(values['before']) == {(0.0, 0.0)}
    assert max(grip for grip, _ in values['grip']) == pytest.approx(0.5)
    assert {wrist for _, wrist in values['grip']} == {0.0}
    assert min(wrist for _, wrist in values['both']) == pytest.approx(-1.0, abs=0.1)
    assert all(grip == pytest.approx(-wrist / 2) for grip, wrist in values['both'])
    assert values['both'][-1] == (0.0, 0.0)  # the rest
    shown = [message for message in cues.progress if message.class_name == 'grip']
    assert list(shown[0].dof_names) == ['grip', 'wrist']
    assert max(message.target[0] for message in shown) == pytest.approx(0.5)


def test_protocol_of_cues_publishes_no_targets(cues):
    targets = cues.ros.listen(JointState, 'target', qos.JOINT_STATES)
    cues.result(cues.goal(CUES))
    assert targets == []


def test_missing_recorder_aborts_the_goal(ros, tmp_path):
    cues = Cues(ros, tmp_path, recorder='other')
    status, result = cues.result(cues.goal(CUES))
    assert status == ABORTED
    assert "There is no recorder 'other'" in result.message
    assert cues.labels == []
    cues.client.destroy()


def test_busy_recorder_aborts_the_goal_and_keeps_recording(ros, tmp_path):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), autostart='activate')
    cues = Cues(ros, tmp_path, recorder='recorder')
    ros.until(lambda: cues.node._recorder._status is not None, "the recorder's status")
    status, result = cues.result(cues.goal(CUES))
    assert status == ABORTED
    assert "The recorder 'recorder' is 'recording', expected 'idle': stop it" in result.message
    assert recorder.lifecycle_state == 'active'
    cues.client.destroy()


def test_refusal_of_the_recorder_aborts_the_goal(ros, tmp_path):
    (tmp_path / 'file').write_text('')
    ros.add(RecorderNode, session_dir=str(tmp_path / 'file'), autostart='configure')
    cues = Cues(ros, tmp_path, recorder='recorder')
    status, result = cues.result(cues.goal(CUES))
    assert status == ABORTED
    assert 'The recording could not be started: ' in result.message
    assert 'Cannot create session' in result.message
    cues.client.destroy()


def test_parameters_of_the_recorder_are_set(ros, tmp_path):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), autostart='configure')
    cues = Cues(ros, tmp_path, recorder='recorder', subject='S0')
    status, result = cues.result(cues.goal(CUES, subject='S1', session_name='mine'))
    assert status == SUCCEEDED
    session = Session(result.session)
    assert session.name == 'mine'
    assert session.bag.complete
    facts = session.info
    assert (facts.subject, facts.protocol) == ('S1', 'protocol')
    assert facts.class_names == ('rest', 'fist', 'open')
    assert recorder.get_parameter('session_name').value == ''  # valid for one session only
    assert f'Recorded {result.session}' in result.message
    _, result = cues.result(cues.goal(CUES))
    assert Session(result.session).info.subject == 'S0'
    assert Session(result.session).name != 'mine-2'
    cues.client.destroy()


def test_shutdown_stops_the_recording(ros, tmp_path):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), autostart='configure')
    cues = Cues(ros, tmp_path, recorder='recorder')
    handle = cues.goal(LONG)
    ros.until(lambda: cues.labels, 'the cue')
    assert ros.change_state('cues', 'shutdown')
    status, result = cues.result(handle)
    assert (status, result.message) == (ABORTED, 'Stopped.')
    ros.until(lambda: recorder.lifecycle_state == 'inactive', 'the end of the recording')
    (path,) = (p for p in tmp_path.iterdir() if p.is_dir())
    assert [x.complete for x in repetitions(Session(path))] == [False]
    cues.client.destroy()


def test_node_runs_after_cleanup_and_configure(cues):
    assert cues.ros.change_state('cues', 'cleanup')
    assert not cues.goal(CUES).accepted
    assert cues.ros.change_state('cues', 'configure')
    assert cues.result(cues.goal(CUES))[0] == SUCCEEDED


def test_deactivation_before_the_recorder_responds_leaves_no_recording(ros, tmp_path):
    recorder = ros.add(RecorderNode, session_dir=str(tmp_path), autostart='configure')
    cues = Cues(ros, tmp_path, recorder='recorder', protocol='eight_movements')
    ros.until(lambda: not cues.node._recorder._not_ready_reason(), 'the recorder')
    for state in ('discovering', 'configuring', 'starting'):
        assert cues.node.request_transition('activate')[0]
        ros.until(lambda at=state: cues.node._recorder._state != at, 'the next step')
        assert cues.node.request_transition('deactivate')[0]
        ros.until(lambda: cues.node._closing_run is None, 'the end')
        ros.until(lambda: recorder.lifecycle_state == 'inactive', 'the end of the recording')
    cues.client.destroy()


def _seconds(message):
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
