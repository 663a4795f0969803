"""A protocol laid out in time: steps, labels, targets."""

from __future__ import annotations

import math

import pytest

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.protocols.protocol import Cue, Protocol
from myogestic_ros.protocols.ramp import Ramp
from myogestic_ros.protocols.schedule import Schedule

PROTOCOL = Protocol(
    'p',
    (Cue(1, 'fist', 3.0), Cue(2, 'open', 3.0)),
    ('rest', 'fist', 'open'),
    repetitions=2,
    countdown_s=4.0,
    prepare_s=1.0,
    rest_s=2.0,
    rest_class='rest',
)


def test_steps_follow_one_another_from_the_beginning():
    plan = Schedule.of(PROTOCOL)
    assert plan.duration_s == 4 + 4 * (1 + 3 + 2)
    assert plan.planned == 8
    at_s = 0.0
    for step in plan.steps:
        assert step.start_s == at_s
        at_s = step.end_s
    told = [(step.phase, step.name, step.repetition, step.next_name) for step in plan.steps]
    assert told == [
        ('countdown', '', -1, 'fist'),
        ('prepare', '', -1, 'fist'),
        ('hold', 'fist', 0, 'open'),
        ('rest', 'rest', 0, 'open'),
        ('prepare', '', -1, 'open'),
        ('hold', 'open', 0, 'fist'),
        ('rest', 'rest', 1, 'fist'),
        ('prepare', '', -1, 'fist'),
        ('hold', 'fist', 1, 'open'),
        ('rest', 'rest', 2, 'open'),
        ('prepare', '', -1, 'open'),
        ('hold', 'open', 1, ''),
        ('rest', 'rest', 3, ''),
    ]


def test_labels_say_how_long_a_repetition_is_planned():
    plan = Schedule.of(PROTOCOL)
    label = plan.steps[2].label(7)
    assert (label.stamp_ns, label.index, label.name) == (7, 1, 'fist')
    assert (label.repetition, label.duration_s) == (0, 3.0)
    none = plan.steps[0].label(7)
    assert (none.index, none.name, none.duration_s) == (NO_CLASS, '', 0.0)


def test_steps_without_time_are_left_out():
    protocol = Protocol('p', (Cue(0, 'fist', 1.0),), ('fist',), 2, 0.0, 0.0, 0.0)
    assert [step.phase for step in Schedule.of(protocol).steps] == ['hold', 'hold']


def test_which_step_it_is():
    plan = Schedule.of(PROTOCOL)
    assert [plan.number_at(s) for s in (0, 3.99, 4, 5, 8, 100)] == [0, 0, 1, 2, 3, 12]
    assert [plan.completed_before(n) for n in (0, 2, 3, 4, 13)] == [0, 0, 1, 2, 8]


def test_a_trapezoid():
    ramp = Ramp('trapezoid', {'grip': 0.5}, rise_s=2.0, plateau_s=3.0, fall_s=1.0, cycles=2)
    assert ramp.duration_s == 12.0
    at = {0: 0, 1: 0.5, 2: 1, 4.9: 1, 5: 1, 5.5: 0.5, 6: 0, 7: 0.5, 11.75: 0.25, 12: 0, -1: 0}
    assert {s: ramp.level(s) for s in at} == pytest.approx(at)
    assert ramp.target(2.0, ('wrist', 'grip')) == [0.0, 0.5]


def test_waves_begin_and_end_at_rest():
    sine = Ramp('sine', {'wrist': -0.5}, period_s=4.0, cycles=3)
    assert [sine.level(s) for s in (0, 1, 2, 3, 4)] == pytest.approx([0, 1, 0, -1, 0])
    assert sine.target(5.0, ('wrist',)) == pytest.approx([-0.5])
    wave = Ramp('raised_cosine', {'grip': 1.0}, period_s=4.0, cycles=3)
    assert [wave.level(s) for s in (0, 1, 2, 3, 4)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    for ramp in (sine, wave):
        assert ramp.duration_s == 12.0
        assert abs(ramp.level(12.0 - 1e-9)) < 1e-6
        assert ramp.level(12.0) == 0.0


def test_the_target_is_zero_between_ramps():
    one = Ramp('sine', {'wrist': 1.0}, period_s=4.0)
    both = Ramp('raised_cosine', {'grip': 0.5, 'wrist': -0.5}, period_s=4.0)
    protocol = Protocol(
        'p', (Cue(0, 'a', 4.0, one), Cue(1, 'b', 4.0, both)), ('a', 'b'), 1, 2.0, 0.0, 1.0
    )
    plan = Schedule.of(protocol)
    assert plan.dofs == ('wrist', 'grip')
    assert plan.target(1.0) == [0.0, 0.0]
    assert plan.target(3.0) == pytest.approx([1.0, 0.0])
    assert plan.target(6.5) == [0.0, 0.0]
    assert plan.target(9.0) == pytest.approx([-0.5, 0.5])
    assert plan.target(plan.duration_s + 1) == [0.0, 0.0]
    steps_s = [n / 100 for n in range(int(plan.duration_s * 100))]
    jumps = [math.dist(plan.target(s), plan.target(s + 0.01)) for s in steps_s]
    assert max(jumps) < 0.02  # a target can be followed
