"""Where the hand says that its joints are."""

from __future__ import annotations

import math
from collections.abc import Mapping as Map
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.control.joint import Joint
from myogestic_ros.control.reason import Reason
from myogestic_ros.core.errors import StateError

__all__ = ['Feedback']

Vector = NDArray[np.float64]

OUTSIDE_RAD = 0.05
"""So far may a joint be outside its limits when the hand is armed: it is put within at once."""


class Feedback:
    """Measured positions of joints, and whether they are recent.

    Parameters
    ----------
    joints : sequence of Joint
        The joints that are commanded.
    timeout_s : float
        Age up to which a position counts, s; infinite for a hand that reports none.
    """

    def __init__(self, joints: Sequence[Joint], timeout_s: float) -> None:
        self._joints = tuple(joints)
        self._index = {joint.name: number for number, joint in enumerate(self._joints)}
        self._timeout_s = timeout_s
        self._position: Vector = np.full(len(self._joints), math.nan)
        self._heard_s = np.full(len(self._joints), -math.inf)

    @property
    def expected(self) -> bool:
        """Whether the hand reports its positions."""
        return math.isfinite(self._timeout_s)

    def hear(self, positions: Map[str, float], now_s: float) -> None:
        """Take positions, rad, by joint; other joints and what is no number are passed over."""
        for name, value in positions.items():
            number = self._index.get(name)
            if number is not None and math.isfinite(value):
                self._position[number] = value
                self._heard_s[number] = now_s

    def recent(self, now_s: float) -> Vector | None:
        """Return the positions, shape (n_joints,), rad; None unless all are known and recent."""
        fresh = now_s - self._heard_s < self._timeout_s
        return self._position.copy() if self.expected and fresh.all() else None

    def trouble(self, now_s: float) -> Reason | None:
        """Return why it is not known where the hand is, for a hand that should say it."""
        if not self.expected or self.recent(now_s) is not None:
            return None
        return Reason('hand silent', f'The hand does not say where it is: {self._silent(now_s)}.')

    def _silent(self, now_s: float) -> str:
        late = now_s - self._heard_s >= self._timeout_s
        silent = [joint.name for joint, is_late in zip(self._joints, late, strict=True) if is_late]
        return f'no position of {", ".join(silent)} for {self._timeout_s:g} s'

    def start(self, believed: Vector, now_s: float) -> Vector:
        """Return where the joints are to begin, shape (n_joints,), rad.

        Parameters
        ----------
        believed : ndarray, shape (n_joints,)
            Where a hand that reports nothing is taken to be, rad.
        now_s : float
            The time, s.

        Raises
        ------
        StateError
            When the hand does not say where it is, or is outside its limits.
        """
        measured = self.recent(now_s)
        if measured is None and self.expected:
            raise StateError(
                f'Cannot arm: {self._silent(now_s)}. Is the hand there, and state_topic right? '
                "For a hand that reports no positions, set state_topic to ''."
            )
        position = believed if measured is None else measured
        outside = [
            f'{joint.name} is at {value:.3f} rad, outside {joint.lower:g} to {joint.upper:g}'
            for joint, value in zip(self._joints, position, strict=True)
            if not joint.lower - OUTSIDE_RAD <= value <= joint.upper + OUTSIDE_RAD
        ]
        if outside:
            raise StateError(
                f'Cannot arm: {"; ".join(outside)}. Move it within, or correct the limits.'
            )
        return position
