"""Motion that never exceeds the limits of position, speed and acceleration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.control.joint import Joint

__all__ = ['Limiter']

Vector = NDArray[np.float64]


class Limiter:
    """Move joints toward goals in steps, each joint with a trapezoid of speed.

    Each step keeps ``speed² / (2 acceleration)`` within what is left to the goal, which holds
    for steps of any length: a goal that stays is never overshot, and no goal within the limits,
    however it jumps, takes a joint beyond them.

    Parameters
    ----------
    joints : sequence of Joint
        The joints, with their limits.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        Where the joints are, rad.
    velocity : ndarray, shape (n_joints,)
        How fast they moved in the last step, rad/s.
    """

    def __init__(self, joints: Sequence[Joint]) -> None:
        self.lower = np.array([joint.lower for joint in joints])
        self.upper = np.array([joint.upper for joint in joints])
        self.speed = np.array([joint.velocity for joint in joints])
        self.acceleration = np.array([joint.acceleration for joint in joints])
        self.position: Vector = self.lower.copy()
        self.velocity: Vector = np.zeros(len(joints))

    def start(self, position: ArrayLike) -> None:
        """Begin at a position, rad, clamped to the limits; nothing moves."""
        self.position = np.clip(np.asarray(position, float), self.lower, self.upper)
        self.velocity = np.zeros_like(self.position)

    def hold(self) -> None:
        """Stand still, at once."""
        self.velocity = np.zeros_like(self.position)

    def step(self, goal: ArrayLike, share: ArrayLike, dt_s: float) -> None:
        """Move toward a goal for a while.

        Parameters
        ----------
        goal : array_like, shape (n_joints,)
            Where to go, rad; clamped to the limits.
        share : array_like, shape (n_joints,) or float
            Share of each joint's speed that may be used, 0 to 1; at 0 it brakes and stays.
        dt_s : float
            Length of the step, s.
        """
        change = self.acceleration * dt_s  # of the speed, at most
        away = np.clip(np.asarray(goal, float), self.lower, self.upper) - self.position
        # The speed v from which it can still brake: v·dt + v² / (2 a) = distance. Written so
        # that nothing cancels for small distances.
        distance = 2.0 * np.abs(away) / change
        reach = distance * self.acceleration / (1.0 + np.sqrt(1.0 + distance / dt_s))
        wanted = np.sign(away) * np.minimum(reach, self.speed * np.clip(share, 0.0, 1.0))
        before = self.velocity
        velocity = np.clip(wanted, before - change, before + change)
        # Rounding only: the rule above already stays within.
        position = np.clip(self.position + velocity * dt_s, self.lower, self.upper)
        self.velocity, self.position = velocity, position

    def is_at(self, goal: ArrayLike, tolerance: float = 1e-6) -> bool:
        """Tell whether the joints stand still at a goal, rad."""
        place = np.clip(np.asarray(goal, float), self.lower, self.upper)
        near = np.abs(place - self.position) <= tolerance
        return bool(np.all(near & (np.abs(self.velocity) <= tolerance / 1e-3)))
