"""Compare the measured movement of the hand with the commanded one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.control.joint import Joint
from myogestic_ros.control.reason import Reason

__all__ = ['Tracking', 'TrackingSettings']

Vector = NDArray[np.float64]

SATURATED = 0.9
"""Share of the largest lead from which a joint counts as held back."""

RETRY_TIMEOUTS = 4
"""A joint that did not follow, and has been at its command for so many times the timeout, is tried
again: it may have less far to go than what counts as movement."""

MOVING = 0.2
"""Share of its speed limit below which a joint that is held back counts as not following."""


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """Limits on the difference between commanded and measured position.

    Attributes
    ----------
    time_constant_s : float
        Time constant of the hand's position control, s. A hand that is this far behind moves at
        its speed limit, so the command leads the measured position by at most
        ``time_constant_s`` times the speed limit.
    timeout_s : float
        Time after which a joint that is held back counts as not following, s.
    """

    time_constant_s: float = 0.06
    timeout_s: float = 0.5


class Tracking:
    """Find joints that do not follow the command.

    Parameters
    ----------
    joints : sequence of Joint
        The commanded joints.
    settings : TrackingSettings, optional
        The limits.

    Attributes
    ----------
    lead : ndarray, shape (n_joints,)
        Largest difference between commanded and measured position, rad.
    """

    def __init__(self, joints: Sequence[Joint], settings: TrackingSettings | None = None) -> None:
        settings = settings or TrackingSettings()
        self._names = [joint.name for joint in joints]
        self._timeout_s = settings.timeout_s
        speed = np.array([joint.velocity for joint in joints])
        self.lead: Vector = speed * settings.time_constant_s
        self._progress: Vector = MOVING * speed * settings.timeout_s
        self._anchor: Vector = np.zeros(len(joints))  # measured position at `_since_s`
        self._since_s = np.full(len(joints), np.inf)  # start of the time without progress
        self._behind_s = np.full(len(joints), -np.inf)  # last time away from the command
        self._blocked: NDArray[np.bool_] = np.zeros(len(joints), bool)

    def reset(self) -> None:
        """Forget all movements: commands begin at the measured position."""
        self._since_s[:] = np.inf
        self._blocked[:] = False

    def update(self, commanded: Vector, measured: Vector, now_s: float) -> None:
        """Compare a commanded with a measured position, both of shape (n_joints,), rad."""
        held_back = np.abs(commanded - measured) >= SATURATED * self.lead
        moved = np.abs(measured - self._anchor) >= self._progress
        restart = moved | (held_back & np.isinf(self._since_s))
        self._anchor = np.where(restart, measured, self._anchor)
        self._since_s = np.where(restart, now_s, self._since_s)
        self._behind_s[held_back] = now_s
        # A blocked joint counts as blocked until it has moved, or has been at its command.
        self._since_s[~held_back & ~self._blocked] = np.inf
        arrived = now_s - self._behind_s >= RETRY_TIMEOUTS * self._timeout_s
        self._blocked &= ~moved & ~arrived
        self._blocked |= held_back & (now_s - self._since_s >= self._timeout_s)

    @property
    def reason(self) -> Reason | None:
        """The reason why the hand does not follow; None if it follows."""
        if not self._blocked.any():
            return None
        names = [name for name, blocked in zip(self._names, self._blocked, strict=True) if blocked]
        return Reason(
            'hand does not follow',
            f'The hand does not follow: {", ".join(names)} did not move as commanded for '
            f'{self._timeout_s:g} s. Check for an obstacle and that the hand accepts commands; '
            f'when it has moved, or {RETRY_TIMEOUTS * self._timeout_s:g} s after it is at rest, it is '
            'commanded again.',
        )
