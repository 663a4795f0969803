"""Joint goals from predictions, in each mode."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml

from myogestic_ros.control.gestures import Gestures
from myogestic_ros.control.goals import Goal, Goals
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.mapping_file import parse_mapping
from myogestic_ros.control.reason import Reason

HAND = """
joints: {a: {lower: 0, upper: 2}, b: {lower: -1, upper: 1}, c: {lower: 0, upper: 1}}
limits: {velocity: 3, acceleration: 20}
rest_speed: 0.25
postures: {rest: {a: 0.5, b: 0, c: 0.2}, fist: {a: 2}, open: {a: 0, c: 0}}
classes: {close: fist}
dofs:
  grasp: {one_way: true, dead_zone: 0.2, joints: {a: 1.0, c: -0.5}}
  lift: {joints: {a: 0.5}}
  turn: {control: velocity, joints: {b: 1.0}}
"""
FIST, OPEN, RESTING = [2, 0, 0.2], [0, 0, 0], [0.5, 0, 0.2]


def goals(**changes):
    return Goals(parse_mapping({**yaml.safe_load(HAND), **changes}))


def of(hand, label='', now_s=0.0, **fields):
    goal = hand.goal_for(Intent(label, **fields), now_s)
    assert isinstance(goal, Goal), goal
    return goal


def refused(hand, **fields):
    reason = hand.goal_for(Intent(**fields), 0.0)
    assert isinstance(reason, Reason)
    return reason


def test_class_selects_its_posture_and_unnamed_joints_rest():
    hand = goals()
    assert list(of(hand, 'fist').position) == FIST
    assert list(of(hand, 'open').position) == OPEN
    goal = of(hand, 'close')
    assert (list(goal.position), goal.posture) == (FIST, 'fist')
    assert list(goal.speed_fraction) == [1, 1, 1]
    assert (list(hand.rest.position), list(hand.rest.speed_fraction)) == (RESTING, [0.25] * 3)


def test_goal_has_the_order_of_the_selected_joints():
    mapping = parse_mapping(yaml.safe_load(HAND)).select_joints(['c', 'a'])
    assert list(Goals(mapping).goal_for(Intent('open'), 0.0).position) == [0.0, 0.0]
    assert list(Goals(mapping).goal_for(Intent('fist'), 0.0).position) == [0.2, 2.0]


@pytest.mark.parametrize('mode', ['posture', 'velocity'])
def test_class_without_posture_is_refused_at_once(mode):
    reason = refused(goals(mode=mode, debounce=1.0), label='wave')
    assert reason.kind == "unknown class 'wave'"
    assert reason.message == (
        "The class 'wave' has no posture; the mapping has postures for rest, fist, open."
    )


def test_undecided_prediction_holds_or_rests():
    for undecided, expected in (('hold', FIST), ('rest', RESTING)):
        hand = goals(undecided=undecided, min_probability=0.6)
        assert list(of(hand).position) == RESTING  # no class accepted yet
        assert list(of(hand, 'fist', probabilities={'fist': 0.6}).position) == FIST
        assert list(of(hand).position) == expected
        of(hand, 'fist', probabilities={'fist': 0.6})
        assert list(of(hand, 'open', probabilities={'open': 0.5}).position) == expected


def test_debounce_and_hold():
    gestures = Gestures(debounce_s=0.05, hold_s=0.5)
    accepted = [gestures.update('fist', t) for t in (0.0, 0.02, 0.04, 0.05)]
    assert accepted == ['', '', '', 'fist']
    assert gestures.update('open', 0.06) == 'fist'
    assert gestures.update('fist', 0.30) == 'fist'  # an outlier
    assert gestures.update('open', 0.40) == 'fist'
    # Debounced, but the hold time of fist is not over.
    assert gestures.update('open', 0.50) == 'fist'
    assert gestures.update('open', 0.551) == 'open'
    assert gestures.update('', 2.0) == 'open'
    assert gestures.update('fist', 2.1) == 'open'  # restarts the debounce
    gestures.reset()
    assert gestures.current == ''


def test_mode_velocity_moves_the_joints_of_the_posture_while_the_class_is_held():
    hand = goals(mode='velocity')
    goal = of(hand, 'fist', probabilities={'fist': 0.7})
    assert goal.position[0] == 2.0
    assert list(goal.speed_fraction) == [0.7, 0, 0]
    for label in ('rest', ''):
        assert not of(hand, label, probabilities={'rest': 0.9}).speed_fraction.any()
    assert list(of(goals(mode='velocity', speed='constant'), 'open').speed_fraction) == [1, 0, 1]
    quick = goals(mode='velocity', speed='extra:mav')
    assert list(of(quick, 'open', extra={'mav': 1.5}).speed_fraction) == [1, 0, 1]
    assert list(of(quick, 'rest').speed_fraction) == [0, 0, 0]


def test_missing_or_invalid_speed_is_refused():
    assert refused(goals(mode='velocity'), label='fist').kind == 'no speed'
    hand = goals(mode='velocity', speed='extra:mav')
    assert refused(hand, label='fist', extra={'other': 1.0}).kind == 'no speed'
    assert refused(hand, label='fist', extra={'mav': math.nan}).kind == 'not finite'
    assert refused(hand, label='fist', extra={'mav': -0.1}).kind == 'out of range'


def test_degrees_of_freedom_are_weighted_and_added_per_joint():
    hand = goals(mode='proportional')

    def goal(grasp=0.0, lift=0.0, turn=0.0):
        return of(hand, dofs={'grasp': grasp, 'lift': lift, 'turn': turn, 'more': 0.0})

    def at(**values):
        found = goal(**values)
        assert found.speed_fraction[0] == found.speed_fraction[2] == 1
        return found.position[[0, 2]].tolist()

    assert at() == at(grasp=0.2) == at(grasp=-1.0) == [0.5, 0.2]  # dead zone, one way
    assert at(grasp=1.0) == at(grasp=1.7) == pytest.approx([2.0, 0.1])
    assert at(grasp=0.6) == pytest.approx([0.5 + 0.5 * 1.5, 0.2 - 0.25 * 0.2])
    assert at(lift=-1.0) == pytest.approx([0.25, 0.2])
    assert at(grasp=1.0, lift=1.0) == pytest.approx([2.0, 0.1])  # clamped to the limit
    assert at(grasp=0.6, lift=-1.0) == pytest.approx([0.5, 0.15])
    for turn, end in ((0.5, 1.0), (-0.5, -1.0)):
        found = goal(turn=turn)
        assert (found.position[1], found.speed_fraction[1]) == (end, 0.5)
    assert goal().speed_fraction[1] == 0


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(bad):
    hand = goals()
    assert refused(hand, label='fist', probabilities={'rest': bad}).kind == 'not finite'
    assert refused(hand, label='fist', dofs={'unused': bad}).kind == 'not finite'


def test_values_out_of_range_are_refused():
    hand = goals(mode='proportional')
    dofs = {'grasp': 0.0, 'lift': 0.0, 'turn': 2.1}
    reason = refused(hand, dofs=dofs)
    assert reason == Reason('out of range', "The value of 'turn' is 2.1, expected -2 to 2.")
    for wrong in (1.01, -0.01):
        assert refused(goals(), label='fist', probabilities={'fist': wrong}).kind == 'out of range'
    assert list(of(goals(), 'fist', probabilities={'fist': 1.0 + 1e-9}).position) == FIST
    assert refused(hand, dofs={'grasp': 0.0}).message == (
        'The prediction has no value for lift, turn; it has grasp.'
    )
    assert refused(hand).message.endswith('it has no degree of freedom.')


def test_goals_are_within_the_limits_for_random_values():
    hand = goals(mode='proportional')
    rng = np.random.default_rng(0)
    for values in rng.uniform(-2, 2, (200, 3)):
        goal = of(hand, dofs=dict(zip(('grasp', 'lift', 'turn'), values, strict=True)))
        assert np.all((goal.position >= [0, -1, 0]) & (goal.position <= [2, 1, 1]))
        assert np.all((goal.speed_fraction >= 0) & (goal.speed_fraction <= 1))
