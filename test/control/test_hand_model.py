"""Motion of the simulated hand, and validation of its commands."""

from __future__ import annotations

import math

import numpy as np
import pytest

from myogestic_ros.control.hand_model import HandModel
from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError

LIMITS = {'bend': JointLimits(0.0, 1.5, 4.0), 'turn': JointLimits(-1.0, 1.0, 2.0)}


def run(model, seconds, start_s=0.0, step_s=0.01):
    """Simulate; return times, shape (n,), and positions, shape (n, n_joints)."""
    times = start_s + np.arange(1, round(seconds / step_s) + 1) * step_s
    positions = []
    for now_s in times:
        model.step(now_s)
        positions.append(model.positions)
    return times, np.array(positions)


@pytest.mark.parametrize('step_s', [0.001, 0.01, 0.04])
def test_position_is_reached_with_lag_within_the_speed_limit(step_s):
    model = HandModel(LIMITS, time_constant_s=0.05)
    model.command([1.5, -1.0], 0.0)
    times, positions = run(model, 1.2, step_s=step_s)
    speeds = np.abs(np.diff(positions, axis=0)) / step_s
    assert (speeds <= np.array([4.0, 2.0]) + 1e-9).all()
    assert positions[-1] == pytest.approx([1.5, -1.0], abs=1e-3)
    # Full speed for most of the distance, then the time constant.
    arrived = times[np.argmax(positions[:, 0] > 1.4)]
    assert 1.3 / 4.0 < arrived < 1.3 / 4.0 + 3 * 0.05 + step_s


def test_without_speed_limit_the_response_is_first_order():
    model = HandModel({'free': JointLimits(-9.0, 9.0, math.inf)}, time_constant_s=0.1)
    model.command([1.0], 0.0)
    _, positions = run(model, 0.1)
    assert positions[-1, 0] == pytest.approx(1 - math.exp(-1), abs=1e-6)


def test_positions_outside_the_limits_are_clamped_and_counted():
    model = HandModel(LIMITS)
    model.command([9.0, -9.0], 0.0)
    model.command([1.0, 0.0], 0.0)
    model.command([9.0, -9.0], 0.0)
    _, positions = run(model, 2.0)
    assert positions[-1] == pytest.approx([1.5, -1.0], abs=1e-3)
    assert model.clamped == 2


def test_velocity_is_clamped_and_ends_after_the_command_timeout():
    model = HandModel(LIMITS, 'velocity', time_constant_s=0.02, command_timeout_s=0.3)
    model.command([0.5, -9.0], 0.0)
    _, positions = run(model, 0.3)
    assert model.velocities == pytest.approx([0.5, -2.0], abs=1e-3)
    assert model.clamped == 1
    run(model, 0.5, start_s=0.3)
    assert model.velocities == pytest.approx([0.0, 0.0], abs=1e-3)
    assert model.positions[0] == pytest.approx(0.5 * 0.3, abs=0.02)
    endless = HandModel(LIMITS, 'velocity', command_timeout_s=0.0)
    endless.command([0.5, 0.0], 0.0)
    _, positions = run(endless, 4.0)
    assert positions[-1].tolist() == [1.5, 0.0]


def test_trajectory_takes_joints_in_any_order_and_keeps_other_goals():
    model = HandModel(LIMITS, time_constant_s=0.001)
    model.command([1.0, 0.0], 0.0)
    run(model, 1.0)
    model.command([0.5, 0.0], 1.0)  # not reached yet
    model.follow_trajectory(['turn'], [0.5, 1.0], [[0.5], [-0.5]], 1.0)
    times, positions = run(model, 1.5, start_s=1.0)
    assert positions[-1] == pytest.approx([0.5, -0.5], abs=0.01)
    half = np.argmin(np.abs(times - 1.25))
    assert positions[half, 1] == pytest.approx(0.25, abs=0.03)
    assert positions[:, 1].max() == pytest.approx(0.5, abs=0.03)
    model.follow_trajectory(['turn', 'bend'], [0.4], [[0.1, 0.2]], 2.5)
    run(model, 0.2, start_s=2.5)
    model.follow_trajectory(['bend'], [], [], 2.7)  # stop
    before = model.positions
    run(model, 0.5, start_s=2.7)
    assert model.positions.tolist() == before.tolist()


def test_stalled_hand_stops_and_resumes_after_release():
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
        ([1.0], 'Refused a command of 1 values, expected 2: bend, turn.'),
        ([1.0] * 9, 'of 9 values, expected 2'),
        ([], 'of 0 values, expected 2'),
        ([math.nan, 0.0], 'not finite (bend: nan)'),
        ([0.0, -math.inf], 'not finite (turn: -inf)'),
    ],
)
def test_invalid_command_is_refused_and_the_previous_one_stays(values, reason):
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
        (['nose'], [1.0], [[0.0]], 'nose; expected each joint at most once, of bend, turn'),
        (['bend', 'bend'], [1.0], [[0.0, 0.0]], 'at most once'),
        (['bend'], [1.0, 1.0], [[0.0], [0.0]], 'times of its points do not increase'),
        (['bend'], [-1.0], [[0.0]], 'times of its points do not increase'),
        (['bend'], [math.nan], [[0.0]], 'times of its points do not increase'),
        (['bend'], [1.0], [[0.0, 1.0]], '1 positions each'),
        (['bend', 'turn'], [1.0], [[0.0, math.nan]], 'not finite (turn: nan)'),
    ],
)
def test_invalid_trajectory_is_refused(names, times, points, reason):
    model = HandModel(LIMITS)
    with pytest.raises(ControlError) as caught:
        model.follow_trajectory(names, times, points, 0.0)
    assert reason in str(caught.value)
    _, positions = run(model, 0.2)
    assert positions[-1].tolist() == [0.0, 0.0]


def test_initial_position_is_within_limits_that_exclude_zero():
    model = HandModel({'bend': JointLimits(0.2, 1.0, 1.0)})
    assert model.positions.tolist() == [0.2]
