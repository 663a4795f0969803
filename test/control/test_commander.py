"""The rules that make a hand safe, at a pace of 100 commands a second and without a clock."""

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
    """A commander, and time that passes."""

    def __init__(self, **kwargs):
        self.now_s = 100.0
        self.commander = Commander(MAPPING, PERIOD_S, **kwargs)
        self.sent = []

    def run(self, seconds, label=None, age_s=0.01, source='p', hear=None):
        """Let time pass, with a prediction every second command."""
        for number in range(round(seconds / PERIOD_S)):
            self.now_s += PERIOD_S
            if label is not None and number % 2 == 0:
                intent = hear or Intent(label, source=source)
                self.commander.hear(intent, age_s, self.now_s)
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
        situation = self.commander.situation
        return situation.state, situation.reason.kind if situation.reason else None

    def check(self):
        """No command exceeds a limit."""
        positions = np.array([command.position for command in self.sent])
        speeds = np.diff(positions, axis=0) / PERIOD_S
        assert np.abs(speeds).max() <= 4 + 1e-6
        assert np.abs(np.diff(speeds, axis=0)).max() <= 40 * PERIOD_S + 1e-6
        assert np.all((positions >= [0, -1]) & (positions <= [2, 1]))


def at(position):
    return pytest.approx(position, abs=1e-6)


def test_nothing_before_arming_and_nothing_after_disarming():
    hand = Hand().run(1.0, 'fist')
    assert hand.sent == []
    hand.arm().run(1.0, 'fist')
    assert len(hand.sent) == 100
    hand.commander.arming.disarm()
    hand.run(1.0, 'fist')
    assert len(hand.sent) == 100
    assert hand.state == ('disarmed', None)


def test_it_goes_where_predictions_say():
    hand = Hand().arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])
    assert hand.state == ('commanding', None)
    assert hand.commander.situation.posture == 'fist'
    assert hand.run(1.0, 'open').position == at([0.0, 0.0])
    hand.check()


def test_without_predictions_it_goes_to_rest_slowly_and_comes_back_by_itself():
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
def test_stamps_that_are_not_believed_do_not_keep_it_alive(age_s, kind):
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(0.2, 'open', age_s=age_s)
    assert hand.position == at([2.0, 1.0])  # what was said before holds
    hand.run(0.1, 'open', age_s=age_s)
    assert hand.state == ('resting', kind)
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.0, 'open', age_s=age_s).position == at(REST)
    assert hand.commander.refused == {kind: 65}
    hand.check()


def test_an_age_grows_by_the_steady_clock():
    hand = Hand().arm().run(1.0, 'fist', age_s=0.2)
    assert hand.state == ('commanding', None)
    hand.run(0.05)
    assert hand.state == ('resting', 'silent')


def test_stamps_do_not_count_when_they_are_not_checked():
    hand = Hand(settings=WatchdogSettings(check_stamps=False)).arm()
    assert hand.run(1.0, 'fist', age_s=-1000.0).state == ('commanding', None)
    assert hand.run(0.3).state == ('resting', 'silent')


@pytest.mark.parametrize(
    ('intent', 'kind'),
    [
        (Intent('wave', source='p'), "unknown class 'wave'"),
        (Intent('fist', {'fist': math.nan}, source='p'), 'not finite'),
        (Intent('fist', dofs={'x': 3.0}, source='p'), 'out of range'),
    ],
)
def test_what_cannot_be_followed_sends_it_to_rest_at_once(intent, kind):
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(PERIOD_S, 'x', hear=intent)
    assert hand.state == ('resting', kind)
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.5, 'x', hear=intent).position == at(REST)
    assert hand.run(1.0, 'fist').position == at([2.0, 1.0])
    hand.check()


def test_two_pipelines_are_one_too_many():
    hand = Hand().arm().run(1.0, 'fist')
    hand.run(0.05, 'fist', source='q')
    assert hand.state == ('resting', 'two pipelines')
    hand.run(1.5, 'open', source='q')  # the first has fallen silent
    assert hand.state == ('commanding', None)
    assert hand.run(1.0, 'open', source='q').position == at([0.0, 0.0])
    hand.check()


def test_two_pipelines_are_noticed_where_it_is_not_known_who_speaks():
    watchdog = Watchdog()
    assert watchdog.hear('m', 0.0, 1.0)
    assert watchdog.trouble(1.0) is None
    assert watchdog.hear('m', 0.0, 1.1, others=1)
    assert watchdog.trouble(1.1).kind == 'two pipelines'


def test_a_clock_that_was_set():
    hand = Hand().arm().run(1.0, 'fist')
    hand.commander.watchdog.clock_jumped(-3.0, hand.now_s)
    hand.run(PERIOD_S)
    assert hand.state == ('resting', 'clock')
    assert 'set by -3.000 s' in hand.commander.situation.reason.sentence
    assert hand.sent[-1].velocity[0] < 0
    assert hand.run(1.0, 'fist').state == ('commanding', None)  # one of the new time
    hand.check()


def test_an_emergency_stop_is_still_at_once_and_latched():
    hand = Hand().arm().run(0.2, 'fist')
    assert hand.sent[-1].velocity[0] > 0
    held = hand.position
    hand.commander.arming.stop()
    hand.run(0.5, 'fist')
    assert hand.state == ('stopped', None)
    assert hand.position == held
    assert not hand.sent[-1].velocity.any()
    with pytest.raises(StateError, match="is 'stopped', expected 'disarmed'; reset it first"):
        hand.arm()
    count = len(hand.sent)
    hand.commander.arming.reset()
    hand.run(0.5, 'fist')
    assert len(hand.sent) == count  # and disarmed
    hand.arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])


def test_a_stop_while_disarmed_sends_nothing():
    hand = Hand()
    hand.commander.arming.stop()
    assert hand.run(0.5, 'fist').sent == []


def test_retired_it_goes_to_rest_and_then_sends_nothing():
    hand = Hand().arm().run(0.2, 'fist')
    hand.commander.retire()
    hand.run(0.1, 'fist')
    assert hand.state == ('resting', 'deactivated')
    hand.run(3.0, 'fist')
    assert hand.position == at(REST)
    assert not hand.sent[-1].velocity.any()
    assert hand.state == ('disarmed', None)
    assert len(hand.sent) < 200
    hand.check()


def test_armed_again_on_the_way_to_rest_it_goes_on_from_there():
    hand = Hand().arm().run(1.0, 'fist')
    hand.commander.retire()
    hand.run(0.1, 'fist')
    hand.arm().run(1.0, 'fist')
    assert hand.position == at([2.0, 1.0])
    hand.check()


def test_retired_while_stopped_it_stays_and_sends_nothing():
    hand = Hand().arm().run(0.2, 'fist')
    hand.commander.arming.stop()
    hand.run(0.1)
    count = len(hand.sent)
    hand.commander.retire()
    hand.run(1.0)
    assert len(hand.sent) == count
    assert hand.commander.arming.stopped


# -- where the hand is ------------------------------------------------------------------------


def test_it_begins_where_the_hand_is():
    hand = Hand(feedback_timeout_s=0.5)
    with pytest.raises(StateError, match=r'no position of a, b for 0\.5 s.*state_topic'):
        hand.arm()
    hand.commander.feel({'a': 1.5, 'b': math.nan, 'z': 1.0}, hand.now_s)
    with pytest.raises(StateError, match='no position of b for'):
        hand.arm()
    hand.commander.feel({'b': 2.0}, hand.now_s)
    with pytest.raises(StateError, match=r'b is at 2\.000 rad, outside -1 to 1'):
        hand.arm()
    hand.commander.feel({'b': 1.01}, hand.now_s)
    hand.arm().run(0.2)
    assert np.abs(hand.sent[0].position - [1.5, 1.0]).max() < 0.01
    hand.check()


def test_a_hand_that_falls_silent_is_taken_to_rest():
    hand = Hand(feedback_timeout_s=0.5)
    hand.commander.feel({'a': 0.5, 'b': 0.0}, hand.now_s)
    hand.arm().run(0.4, 'fist')
    assert hand.state == ('commanding', None)
    hand.run(0.2, 'fist')
    assert hand.state == ('resting', 'hand silent')
    hand.commander.feel({'a': 0.5, 'b': 0.0}, hand.now_s)
    assert hand.run(0.1, 'fist').state == ('commanding', None)


def test_a_hand_that_reports_nothing_is_where_it_was_told_to_be_last():
    hand = Hand()
    hand.commander.believe({'a': 1.9})
    hand.arm().run(PERIOD_S)
    assert np.abs(hand.sent[0].position - [1.9, 0.0]).max() < 0.01
    hand = Hand()
    hand.commander.believe({'a': 2.5})
    with pytest.raises(StateError, match='outside'):
        hand.arm()


def test_velocities_lead_back_to_where_the_hand_should_be_within_the_limits():
    hand = Hand(feedback_timeout_s=0.5)
    measured = np.array([0.5, 0.0])
    hand.commander.feel(dict(zip('ab', measured, strict=True)), hand.now_s)
    hand.arm()
    speeds = []
    for step in range(300):
        hand.run(PERIOD_S, 'fist')
        speeds.append(hand.sent[-1].velocity)
        lost = 10 <= step < 20  # commands that the hand does not hear
        measured = measured + (0 if lost else hand.sent[-1].velocity * PERIOD_S)
        hand.commander.feel(dict(zip('ab', measured, strict=True)), hand.now_s)
    assert measured == pytest.approx([2.0, 1.0], abs=0.01)
    assert np.abs(speeds).max() <= 4 + 1e-9
    assert np.abs(np.diff(speeds, axis=0)).max() <= 40 * PERIOD_S + 1e-9


def test_a_stop_outlasts_the_configuration():
    arming = Arming()
    Commander(MAPPING, PERIOD_S, arming=arming).arming.stop()
    hand = Hand(arming=arming)
    with pytest.raises(StateError, match='stopped'):
        hand.arm()


def test_refusals_of_arming():
    arming = Arming()
    with pytest.raises(StateError, match="Cannot reset: the bridge is 'disarmed'"):
        arming.reset()
    arming.arm()
    with pytest.raises(StateError, match="Cannot arm: the bridge is 'armed', expected 'disarmed'"):
        arming.arm()
