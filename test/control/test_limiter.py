"""The limiter never exceeds a limit."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.control.joint import Joint
from myogestic_ros.control.limiter import Limiter

JOINTS = (Joint('a', 0.0, 1.5, 4.0, 40.0), Joint('b', -1.0, 1.0, 1.0, 500.0))
LIMIT = np.array([[joint.velocity, joint.acceleration] for joint in JOINTS]).T
EXACT = 1e-9


def walk(limiter, goals, fractions, steps_s):
    """Return positions, rad, and speeds, rad/s, each of shape (n_steps, n_joints)."""
    rows = []
    for goal, fraction, dt_s in zip(goals, fractions, steps_s, strict=True):
        before = limiter.position
        limiter.step(goal, fraction, dt_s)
        rows.append((limiter.position, (limiter.position - before) / dt_s))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def check(positions, speeds, steps_s, tolerance=1e-6):
    assert np.all(positions >= [joint.lower for joint in JOINTS])
    assert np.all(positions <= [joint.upper for joint in JOINTS])
    assert np.all(np.abs(speeds) <= LIMIT[0] + tolerance)
    changes = np.diff(speeds, axis=0, prepend=0.0)
    assert np.all(np.abs(changes) <= LIMIT[1] * np.asarray(steps_s)[:, None] + tolerance)


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('jitter', [0.0, 0.9])
def test_limits_hold_for_random_goals_and_steps_of_any_length(seed, jitter):
    rng = np.random.default_rng(seed)
    n = 4000
    limiter = Limiter(JOINTS)
    limiter.start([0.7, 0.3])
    goals = np.repeat(rng.uniform(-3.0, 3.0, (n // 20, 2)), 20, axis=0)
    fractions = np.repeat(rng.choice([0.0, 0.3, 1.0, 7.0], (n // 10, 2)), 10, axis=0)
    steps_s = 0.01 * (1 + jitter * rng.uniform(-1, 1, n))
    check(*walk(limiter, goals, fractions, steps_s), steps_s)


@pytest.mark.parametrize('dt_s', [0.001, 0.01, 0.1])
def test_goal_is_reached_in_a_trapezoid_without_overshoot(dt_s):
    limiter = Limiter(JOINTS)
    limiter.start([0.2, -1.0])
    steps_s = np.full(int(3.0 / dt_s), dt_s)
    positions, speeds = walk(limiter, [[1.4, 0.9]] * len(steps_s), [1.0] * len(steps_s), steps_s)
    check(positions, speeds, steps_s)
    assert np.all(np.diff(positions, axis=0) >= 0)  # monotonic
    assert np.abs(positions[-1] - [1.4, 0.9]).max() < EXACT
    assert limiter.is_at([1.4, 0.9])
    # 1.2 rad at 4 rad/s plus 0.1 s to accelerate and brake: 0.4 s.
    arrived_s = dt_s * np.argmax(positions[:, 0] > 1.4 - 1e-3)
    assert 0.38 <= arrived_s <= 0.4 + 4 * dt_s + 0.02


def test_joint_brakes_for_a_goal_behind_it_and_for_a_speed_fraction_of_0():
    limiter = Limiter(JOINTS)
    limiter.start([0.0, 0.0])
    for _ in range(15):
        limiter.step([1.5, 1.0], 1.0, 0.01)
    assert limiter.velocity[0] == pytest.approx(4.0)
    limiter.step([0.0, 0.0], 1.0, 0.01)
    assert limiter.velocity[0] == pytest.approx(3.6)
    for _ in range(9):
        limiter.step([1.5, 1.0], 0.0, 0.01)
    assert np.all(np.abs(limiter.velocity) < EXACT)


def test_start_is_clamped_and_hold_is_immediate():
    limiter = Limiter(JOINTS)
    limiter.start([-0.01, 5.0])
    assert list(limiter.position) == [0.0, 1.0]
    limiter.step([1.0, 0.0], 1.0, 0.01)
    held = limiter.position
    limiter.hold()
    assert not limiter.velocity.any()
    limiter.step(held, 1.0, 0.01)
    assert list(limiter.position) == list(held)
