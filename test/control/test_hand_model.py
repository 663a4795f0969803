"""A simulated hand moves as fast as its joints can, and takes no rubbish."""

from __future__ import annotations

import math

import numpy as np
import pytest

from myogestic_ros.control.hand_model import HandModel
from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError

LIMITS = {'bend': JointLimits(0.0, 1.5, 4.0), 'turn': JointLimits(-1.0, 1.0, 2.0)}


def run(model, seconds, start_s=0.0, step_s=0.01):
    """Move on; return the times and the positions at them."""
    times = start_s + np.arange(1, round(seconds / step_s) + 1) * step_s
    positions = []
    for now_s in times:
        model.step(now_s)
        positions.append(model.positions)
    return times, np.array(positions)


@pytest.mark.parametrize('step_s', [0.001, 0.01, 0.04])
def test_it_reaches_a_position_late_and_never_too_fast(step_s):
    model = HandModel(LIMITS, time_constant_s=0.05)
    model.command([1.5, -1.0], 0.0)
    times, positions = run(model, 1.2, step_s=step_s)
    speeds = np.abs(np.diff(positions, axis=0)) / step_s
    assert (speeds <= np.array([4.0, 2.0]) + 1e-9).all()
    assert positions[-1] == pytest.approx([1.5, -1.0], abs=1e-3)
    # As long as the way takes at full speed, and the last stretch with the time constant.
    arrived = times[np.argmax(positions[:, 0] > 1.4)]
    assert 1.3 / 4.0 < arrived < 1.3 / 4.0 + 3 * 0.05 + step_s


def test_without_a_limit_the_time_constant_is_the_time_constant():
    model = HandModel({'free': JointLimits(-9.0, 9.0, math.inf)}, time_constant_s=0.1)
    model.command([1.0], 0.0)
    _, positions = run(model, 0.1)
    assert positions[-1, 0] == pytest.approx(1 - math.exp(-1), abs=1e-6)


def test_positions_beyond_the_limits_are_clamped_and_counted():
    model = HandModel(LIMITS)
    model.command([9.0, -9.0], 0.0)
    model.command([1.0, 0.0], 0.0)
    model.command([9.0, -9.0], 0.0)
    _, positions = run(model, 2.0)
    assert positions[-1] == pytest.approx([1.5, -1.0], abs=1e-3)
    assert model.clamped == 2


def test_a_velocity_runs_up_ends_at_the_limit_and_by_itself():
    model = HandModel(LIMITS, 'velocity', time_constant_s=0.02, command_timeout_s=0.3)
    model.command([0.5, -9.0], 0.0)
    _, positions = run(model, 0.3)
    assert model.velocities == pytest.approx([0.5, -2.0], abs=1e-3)
    assert model.clamped == 1
    run(model, 0.5, start_s=0.3)
    assert model.velocities == pytest.approx([0.0, 0.0], abs=1e-3)
    assert model.positions[0] == pytest.approx(0.5 * 0.3, abs=0.02)
    for_ever = HandModel(LIMITS, 'velocity', command_timeout_s=0.0)
    for_ever.command([0.5, 0.0], 0.0)
    _, positions = run(for_ever, 4.0)
    assert positions[-1].tolist() == [1.5, 0.0]


def test_a_trajectory_in_any_order_of_joints_and_what_is_not_named_goes_on():
    model = HandModel(LIMITS, time_constant_s=0.001)
    model.command([1.0, 0.0], 0.0)
    run(model, 1.0)
    model.command([0.5, 0.0], 1.0)  # not reached yet
    model.follow(['turn'], [0.5, 1.0], [[0.5], [-0.5]], 1.0)
    times, positions = run(model, 1.5, start_s=1.0)
    assert positions[-1] == pytest.approx([0.5, -0.5], abs=0.01)
    half = np.argmin(np.abs(times - 1.25))
    assert positions[half, 1] == pytest.approx(0.25, abs=0.03)
    assert positions[:, 1].max() == pytest.approx(0.5, abs=0.03)
    model.follow(['turn', 'bend'], [0.4], [[0.1, 0.2]], 2.5)
    run(model, 0.2, start_s=2.5)
    model.follow(['bend'], [], [], 2.7)  # stop
    before = model.positions
    run(model, 0.5, start_s=2.7)
    assert model.positions.tolist() == before.tolist()


def test_stalled_it_stands_and_then_goes_on():
    model = HandModel(LIMITS)
    model.command([1.5, 0.0], 0.0)
    run(model, 0.1)
    model.stalled = True
    before = model.positions
    run(model, 0.5, start_s=0.1)
    assert model.positions.tolist() == before.tolist()
    assert model.velocities.tolist() == [0.0, 0.0]
    model.stalled = False
    run(model, 1.0, start_s=0.6)
    assert model.positions[0] == pytest.approx(1.5, abs=1e-3)


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ([1.0], 'Refused a command of 1 numbers, expected 2: bend, turn.'),
        ([1.0] * 9, 'of 9 numbers, expected 2'),
        ([], 'of 0 numbers, expected 2'),
        ([math.nan, 0.0], 'not finite (bend: nan)'),
        ([0.0, -math.inf], 'not finite (turn: -inf)'),
    ],
)
def test_a_command_that_is_none_is_refused_and_the_one_before_holds(values, reason):
    model = HandModel(LIMITS)
    model.command([1.0, 0.5], 0.0)
    with pytest.raises(ControlError) as caught:
        model.command(values, 0.0)
    assert reason in str(caught.value)
    _, positions = run(model, 1.0)
    assert positions[-1] == pytest.approx([1.0, 0.5], abs=1e-3)


@pytest.mark.parametrize(
    ('names', 'times', 'points', 'reason'),
    [
        (['nose'], [1.0], [[0.0]], 'nose; expected each at most once of bend, turn'),
        (['bend', 'bend'], [1.0], [[0.0, 0.0]], 'at most once'),
        (['bend'], [1.0, 1.0], [[0.0], [0.0]], 'times do not increase'),
        (['bend'], [-1.0], [[0.0]], 'times do not increase'),
        (['bend'], [math.nan], [[0.0]], 'times do not increase'),
        (['bend'], [1.0], [[0.0, 1.0]], '1 positions each'),
        (['bend', 'turn'], [1.0], [[0.0, math.nan]], 'not finite (turn: nan)'),
    ],
)
def test_a_trajectory_that_is_none_is_refused(names, times, points, reason):
    model = HandModel(LIMITS)
    with pytest.raises(ControlError) as caught:
        model.follow(names, times, points, 0.0)
    assert reason in str(caught.value)
    _, positions = run(model, 0.2)
    assert positions[-1].tolist() == [0.0, 0.0]


def test_a_hand_whose_limits_leave_out_zero_begins_within_them():
    model = HandModel({'bend': JointLimits(0.2, 1.0, 1.0)})
    assert model.positions.tolist() == [0.2]
