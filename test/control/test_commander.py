"""The safety rules of the commander, at 100 commands per second of simulated time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.commander import Commander
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.mapping_file import parse_mapping
from myogestic_ros.control.watchdog import Watchdog, WatchdogSettings
from myogestic_ros.core.errors import StateError

PERIOD_S = 0.01
MAPPING = parse_mapping(
    yaml.safe_load("""
joints: {a: {lower: 0, upper: 2}, b: {lower: -1, upper: 1}}
limits: {velocity: 4, acceleration: 40}
postures: {rest: {a: 0.5, b: 0}, fist: {a: 2, b: 1}, open: {a: 0}}
""")
)
REST = [0.5, 0.0]


class Hand:
    """A commander with simulated time."""

    def __init__(self, **kwargs):
        self.now_s = 100.0
        self.commander = Commander(MAPPING, PERIOD_S, **kwargs)
        self.sent = []

    def run(self, seconds, label=None, age_s=0.01, publisher='p', intent=None):
        """Advance the time, with a prediction before every second command."""
        for number in range(round(seconds / PERIOD_S)):
            self.now_s += PERIOD_S
            if label is not None and number % 2 == 0:
                sent = intent or Intent(label, publisher=publisher)
                self.commander.on_prediction(sent, age_s, self.now_s)
            command = self.commander.step(self.now_s)
            if command is not None:
                self.sent.append(command)
        return self

    def arm(self):
        self.commander.arm(self.now_s)
        return self

    @property
    def position(self):
        return self.sent[-1].position.tolist()

    @property
    def state(self):
        state = self.commander.state
        return state.name, state.reason.kind if state.reason else None

    def check(self):
        """Check that no command exceeds a limit."""
        positions = np.array([command.position for command in self.sent])
        speeds = np.diff(positions, axis=0) / PERIOD_S
        assert np.abs(speeds).max() <= 4 + 1e-6
        assert np.abs(np.diff(speeds, axis=0)).max() <= 40 * PERIOD_S + 1e-6
        assert np.all((positions >= [0, -1]) & (positions <= [2, 1]))


def at(position):
    return pytest.approx(position, abs=1e-6)


def test_no_commands_before_arming_and_after_disarming():
    hand = Hand().run(1.0, 'fist')
    assert hand.sent == []
    hand.arm().run(1.0, 'fist')
    assert len(hand.sent) == 100
    hand.commander.arming.disarm()
    hand.run(1.0, 'fist')
    assert len(hand.sent) == 100
    assert hand.state == ('disarmed', None)


def test_predictions_select_the_posture():
    hand = Hand().arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])
    assert hand.state == ('commanding', None)
    assert hand.commander.state.posture == 'fist'
    assert hand.run(1.0, 'open').position == at([0.0, 0.0])
    hand.check()


def test_without_predictions_the_hand_goes_to_rest_and_resumes_by_itself():
    hand = Hand().arm().run(0.5)
    assert hand.state == ('resting', 'silent')
    hand.run(1.0, 'fist')
    before = len(hand.sent)
    hand.run(0.22)  # the last one is 0.24 s old
    assert hand.position == at([2.0, 1.0])
    hand.run(0.02)  # timeout and one command
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(2.0).position == at(REST)
    assert max(np.abs(command.velocity).max() for command in hand.sent[before:]) <= 2.0 + 1e-9
    assert hand.state == ('resting', 'silent')
    assert hand.run(1.0, 'fist').position == at([2.0, 1.0])
    hand.check()


@pytest.mark.parametrize(
    ('age_s', 'kind'), [(10.0, 'old'), (0.26, 'old'), (-0.11, 'future'), (-1e9, 'future')]
)
def test_predictions_with_refused_stamps_do_not_reset_the_watchdog(age_s, kind):
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(0.2, 'open', age_s=age_s)
    assert hand.position == at([2.0, 1.0])  # the previous prediction stays in force
    hand.run(0.1, 'open', age_s=age_s)
    assert hand.state == ('resting', kind)
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.0, 'open', age_s=age_s).position == at(REST)
    assert hand.commander.refused == {kind: 65}
    hand.check()


def test_accepted_prediction_ages_by_the_steady_clock():
    hand = Hand().arm().run(1.0, 'fist', age_s=0.2)
    assert hand.state == ('commanding', None)
    hand.run(0.05)
    assert hand.state == ('resting', 'silent')


def test_stamps_are_ignored_with_check_stamps_false():
    hand = Hand(settings=WatchdogSettings(check_stamps=False)).arm()
    assert hand.run(1.0, 'fist', age_s=-1000.0).state == ('commanding', None)
    assert hand.run(0.3).state == ('resting', 'silent')


@pytest.mark.parametrize(
    ('intent', 'kind'),
    [
        (Intent('wave', publisher='p'), "unknown class 'wave'"),
        (Intent('fist', {'fist': math.nan}, publisher='p'), 'not finite'),
        (Intent('fist', dofs={'x': 3.0}, publisher='p'), 'out of range'),
    ],
)
def test_invalid_prediction_sends_the_hand_to_rest_at_once(intent, kind):
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(PERIOD_S, 'x', intent=intent)
    assert hand.state == ('resting', kind)
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.5, 'x', intent=intent).position == at(REST)
    assert hand.run(1.0, 'fist').position == at([2.0, 1.0])
    hand.check()


def test_second_pipeline_sends_the_hand_to_rest():
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(0.05, 'fist', publisher='q')
    assert hand.state == ('resting', 'two pipelines')
    hand.run(1.5, 'open', publisher='q')  # the first has fallen silent
    assert hand.state == ('commanding', None)
    assert hand.run(1.0, 'open', publisher='q').position == at([0.0, 0.0])
    hand.check()


def test_second_publisher_is_detected_without_sender_information():
    watchdog = Watchdog()
    assert watchdog.on_prediction('m', 0.0, 1.0)
    assert watchdog.reason(1.0) is None
    assert watchdog.on_prediction('m', 0.0, 1.1, other_publishers=1)
    assert watchdog.reason(1.1).kind == 'two pipelines'


def test_clock_jump_sends_the_hand_to_rest():
    hand = Hand().arm().run(1.0, 'fist')
    hand.commander.watchdog.on_clock_jump(-3.0, hand.now_s)
    hand.run(PERIOD_S)
    assert hand.state == ('resting', 'clock')
    assert 'set by -3.000 s' in hand.commander.state.reason.message
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.0, 'fist').state == ('commanding', None)  # stamped after the jump
    hand.check()


def test_emergency_stop_holds_at_once_and_is_latched():
    hand = Hand().arm().run(0.2, 'fist')
    assert hand.sent[-1].velocity[0] > 0
    held = hand.position
    hand.commander.arming.stop()
    hand.run(0.5, 'fist')
    assert hand.state == ('stopped', None)
    assert hand.position == held
    assert not hand.sent[-1].velocity.any()
    with pytest.raises(StateError, match='the emergency stop is active; call ~/reset first'):
        hand.arm()
    count = len(hand.sent)
    hand.commander.arming.reset()
    hand.run(0.5, 'fist')
    assert len(hand.sent) == count  # and disarmed
    hand.arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])


def test_emergency_stop_while_disarmed_sends_no_commands():
    hand = Hand()
    hand.commander.arming.stop()
    assert hand.run(0.5, 'fist').sent == []


def test_go_to_rest_moves_to_rest_and_then_disarms():
    hand = Hand().arm().run(0.2, 'fist')
    hand.commander.go_to_rest()
    hand.run(0.1, 'fist')
    assert hand.state == ('resting', 'deactivated')
    hand.run(3.0, 'fist')
    assert hand.position == at(REST)
    assert not hand.sent[-1].velocity.any()
    assert hand.state == ('disarmed', None)
    assert len(hand.sent) < 200
    hand.check()


def test_arming_on_the_way_to_rest_continues_from_the_current_position():
    hand = Hand().arm().run(1.0, 'fist')
    hand.commander.go_to_rest()
    hand.run(0.1, 'fist')
    hand.arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])
    hand.check()


def test_go_to_rest_while_stopped_disarms_without_motion():
    hand = Hand().arm().run(0.2, 'fist')
    hand.commander.arming.stop()
    hand.run(0.1)
    count = len(hand.sent)
    hand.commander.go_to_rest()
    hand.run(1.0)
    assert len(hand.sent) == count
    assert hand.commander.arming.stopped


# -- position of the hand ---------------------------------------------------------------------


def test_commands_begin_at_the_measured_position():
    hand = Hand(feedback_timeout_s=0.5)
    with pytest.raises(StateError, match=r'no position of a, b for 0\.5 s.*state_topic'):
        hand.arm()
    hand.commander.on_joint_state({'a': 1.5, 'b': math.nan, 'z': 1.0}, hand.now_s)
    with pytest.raises(StateError, match='no position of b for'):
        hand.arm()
    hand.commander.on_joint_state({'b': 2.0}, hand.now_s)
    with pytest.raises(StateError, match=r'b is at 2\.000 rad, outside -1 to 1 rad'):
        hand.arm()
    hand.commander.on_joint_state({'b': 1.01}, hand.now_s)
    with pytest.raises(StateError, match=r'position of b changed by 0\.99 rad in 0 ms'):
        hand.arm()
    hand.now_s += 0.4  # still for longer than 0.3 s
    hand.arm().run(0.06)
    assert np.abs(hand.sent[0].position - [1.5, 1.0]).max() < 0.01
    hand.check()


def test_silent_hand_goes_to_rest():
    hand = Hand(feedback_timeout_s=0.5)
    hand.commander.on_joint_state({'a': 0.5, 'b': 0.0}, hand.now_s)
    hand.arm().run(0.4, 'fist')
    assert hand.state == ('commanding', None)
    hand.run(0.2, 'fist')
    assert hand.state == ('resting', 'hand silent')
    hand.commander.on_joint_state({'a': 0.5, 'b': 0.0}, hand.now_s)
    assert hand.run(0.1, 'fist').state == ('commanding', None)


def test_hand_without_feedback_begins_at_the_initial_position():
    hand = Hand()
    hand.commander.set_initial_position({'a': 1.9})
    hand.arm().run(PERIOD_S)
    assert np.abs(hand.sent[0].position - [1.9, 0.0]).max() < 0.01
    hand = Hand()
    hand.commander.set_initial_position({'a': 2.5})
    with pytest.raises(StateError, match='outside'):
        hand.arm()


def test_velocities_correct_the_position_error_within_the_limits():
    hand = Hand(feedback_timeout_s=0.5)
    measured = np.array([0.5, 0.0])
    hand.commander.on_joint_state(dict(zip('ab', measured, strict=True)), hand.now_s)
    hand.arm()
    speeds = []
    for step in range(300):
        hand.run(PERIOD_S, 'fist')
        speeds.append(hand.sent[-1].velocity)
        lost = 10 <= step < 20  # commands that do not reach the hand
        measured = measured + (0 if lost else hand.sent[-1].velocity * PERIOD_S)
        hand.commander.on_joint_state(dict(zip('ab', measured, strict=True)), hand.now_s)
    assert measured == pytest.approx([2.0, 1.0], abs=0.01)
    assert np.abs(speeds).max() <= 4 + 1e-9
    assert np.abs(np.diff(speeds, axis=0)).max() <= 40 * PERIOD_S + 1e-9


def test_emergency_stop_outlasts_the_commander():
    arming = Arming()
    Commander(MAPPING, PERIOD_S, arming=arming).arming.stop()
    hand = Hand(arming=arming)
    with pytest.raises(StateError, match='the emergency stop is active'):
        hand.arm()


def test_arming_refuses_invalid_requests():
    arming = Arming()
    with pytest.raises(
        StateError, match='Cannot reset: no emergency stop is active; the bridge is disarmed'
    ):
        arming.reset()
    arming.arm()
    with pytest.raises(StateError, match='Cannot arm: the bridge is already armed'):
        arming.arm()
