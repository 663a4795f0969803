"""Motion within the limits of position, speed and acceleration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.control.joint import Joint

__all__ = ['Limiter']

Vector = NDArray[np.float64]


class Limiter:
    """Move joints toward goals in steps, each joint with a trapezoidal speed profile.

    Each step keeps ``speed² / (2 acceleration)`` at most equal to the remaining distance. This
    holds for steps of any length: a constant goal is never overshot, and a goal within the
    limits never takes a joint beyond them, even if the goal jumps.

    Parameters
    ----------
    joints : sequence of Joint
        The joints, with their limits.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        Current position, rad.
    velocity : ndarray, shape (n_joints,)
        Velocity in the last step, rad/s.
    lower, upper : ndarray, shape (n_joints,)
        Position limits, rad.
    speed : ndarray, shape (n_joints,)
        Speed limits, rad/s.
    acceleration : ndarray, shape (n_joints,)
        Acceleration limits, rad/s².
    """

    def __init__(self, joints: Sequence[Joint]) -> None:
        self.lower = np.array([joint.lower for joint in joints])
        self.upper = np.array([joint.upper for joint in joints])
        self.speed = np.array([joint.velocity for joint in joints])
        self.acceleration = np.array([joint.acceleration for joint in joints])
        self.position: Vector = self.lower.copy()
        self.velocity: Vector = np.zeros(len(joints))

    def start(self, position: ArrayLike) -> None:
        """Set the position, rad, clamped to the limits, and the velocity to 0."""
        self.position = np.clip(np.asarray(position, float), self.lower, self.upper)
        self.velocity = np.zeros_like(self.position)

    def hold(self) -> None:
        """Set the velocity to 0 at once, without an acceleration limit."""
        self.velocity = np.zeros_like(self.position)

    def keep_near(self, position: ArrayLike, distance: ArrayLike) -> None:
        """Move the position to within a distance of another one, both rad, within the limits."""
        center = np.asarray(position, float)
        near = np.clip(self.position, center - distance, center + distance)
        self.position = np.clip(near, self.lower, self.upper)

    def step(self, goal: ArrayLike, speed_fraction: ArrayLike, dt_s: float) -> None:
        """Move toward a goal for one step.

        Parameters
        ----------
        goal : array_like, shape (n_joints,)
            Goal position, rad; clamped to the limits.
        speed_fraction : array_like, shape (n_joints,) or float
            Fraction of each joint's speed limit to use, 0 to 1; at 0 the joint brakes and stops.
        dt_s : float
            Duration of the step, s.
        """
        max_change = self.acceleration * dt_s
        offset = np.clip(np.asarray(goal, float), self.lower, self.upper) - self.position
        # The largest speed v from which the joint can still brake solves
        # v·dt + v² / (2 a) = distance. This form avoids cancellation for small distances.
        distance = 2.0 * np.abs(offset) / max_change
        reachable = distance * self.acceleration / (1.0 + np.sqrt(1.0 + distance / dt_s))
        speed = np.minimum(reachable, self.speed * np.clip(speed_fraction, 0.0, 1.0))
        desired = np.sign(offset) * speed
        velocity = np.clip(desired, self.velocity - max_change, self.velocity + max_change)
        # Against rounding only: the braking rule already keeps the limits.
        position = np.clip(self.position + velocity * dt_s, self.lower, self.upper)
        self.velocity, self.position = velocity, position

    def is_at(self, goal: ArrayLike, tolerance: float = 1e-6) -> bool:
        """Return True if all joints stand still at a goal, rad."""
        clamped = np.clip(np.asarray(goal, float), self.lower, self.upper)
        near = np.abs(clamped - self.position) <= tolerance
        return bool(np.all(near & (np.abs(self.velocity) <= tolerance / 1e-3)))
