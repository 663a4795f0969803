"""Schedules: steps, labels, targets."""

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


def test_schedule_has_consecutive_steps():
    schedule = Schedule.from_protocol(PROTOCOL)
    assert schedule.duration_s == 4 + 4 * (1 + 3 + 2)
    assert schedule.n_repetitions == 8
    at_s = 0.0
    for step in schedule.steps:
        assert step.start_s == at_s
        at_s = step.end_s
    steps = [(step.phase, step.name, step.repetition, step.next_name) for step in schedule.steps]
    assert steps == [
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


def test_step_label_contains_the_planned_duration():
    schedule = Schedule.from_protocol(PROTOCOL)
    label = schedule.steps[2].label(7)
    assert (label.stamp_ns, label.index, label.name) == (7, 1, 'fist')
    assert (label.repetition, label.duration_s) == (0, 3.0)
    none = schedule.steps[0].label(7)
    assert (none.index, none.name, none.duration_s) == (NO_CLASS, '', 0.0)


def test_schedule_omits_steps_without_duration():
    protocol = Protocol('p', (Cue(0, 'fist', 1.0),), ('fist',), 2, 0.0, 0.0, 0.0)
    assert [step.phase for step in Schedule.from_protocol(protocol).steps] == ['hold', 'hold']


def test_step_index_at_and_completed_before():
    schedule = Schedule.from_protocol(PROTOCOL)
    assert [schedule.step_index_at(s) for s in (0, 3.99, 4, 5, 8, 100)] == [0, 0, 1, 2, 3, 12]
    assert [schedule.completed_before(n) for n in (0, 2, 3, 4, 13)] == [0, 0, 1, 2, 8]


def test_trapezoid_levels():
    ramp = Ramp('trapezoid', {'grip': 0.5}, rise_s=2.0, plateau_s=3.0, fall_s=1.0, cycles=2)
    assert ramp.duration_s == 12.0
    at = {0: 0, 1: 0.5, 2: 1, 4.9: 1, 5: 1, 5.5: 0.5, 6: 0, 7: 0.5, 11.75: 0.25, 12: 0, -1: 0}
    assert {s: ramp.level(s) for s in at} == pytest.approx(at)
    assert ramp.target(2.0, ('wrist', 'grip')) == [0.0, 0.5]


def test_waves_start_and_end_at_zero():
    sine = Ramp('sine', {'wrist': -0.5}, period_s=4.0, cycles=3)
    assert [sine.level(s) for s in (0, 1, 2, 3, 4)] == pytest.approx([0, 1, 0, -1, 0])
    assert sine.target(5.0, ('wrist',)) == pytest.approx([-0.5])
    wave = Ramp('raised_cosine', {'grip': 1.0}, period_s=4.0, cycles=3)
    assert [wave.level(s) for s in (0, 1, 2, 3, 4)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    for ramp in (sine, wave):
        assert ramp.duration_s == 12.0
        assert abs(ramp.level(12.0 - 1e-9)) < 1e-6
        assert ramp.level(12.0) == 0.0


def test_target_is_zero_between_ramps():
    one = Ramp('sine', {'wrist': 1.0}, period_s=4.0)
    both = Ramp('raised_cosine', {'grip': 0.5, 'wrist': -0.5}, period_s=4.0)
    protocol = Protocol(
        'p', (Cue(0, 'a', 4.0, one), Cue(1, 'b', 4.0, both)), ('a', 'b'), 1, 2.0, 0.0, 1.0
    )
    schedule = Schedule.from_protocol(protocol)
    assert schedule.dofs == ('wrist', 'grip')
    assert schedule.target(1.0) == [0.0, 0.0]
    assert schedule.target(3.0) == pytest.approx([1.0, 0.0])
    assert schedule.target(6.5) == [0.0, 0.0]
    assert schedule.target(9.0) == pytest.approx([-0.5, 0.5])
    assert schedule.target(schedule.duration_s + 1) == [0.0, 0.0]
    steps_s = [n / 100 for n in range(int(schedule.duration_s * 100))]
    jumps = [math.dist(schedule.target(s), schedule.target(s + 0.01)) for s in steps_s]
    assert max(jumps) < 0.02  # no step that a subject cannot follow
