"""Measured joint positions of the hand."""

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

START_TOLERANCE_RAD = 0.05
"""Largest distance outside its limits at which a joint may be when the bridge is armed; the
first command moves it within its limits."""

JUMP_SPEED_RAD_S = 20.0
"""Speed above which a change of a measured position is not a movement; fingers reach 10 rad/s."""

JUMP_TOLERANCE_RAD = 0.1
"""Change of a measured position that is accepted at once, for encoders with coarse steps."""

PUBLISHER_TIMEOUT_S = 1.0
"""A publisher that sent nothing for this time no longer counts as a second source."""

STEADY_S = 0.3
"""Time without a jump after which measured positions are used again."""


class Feedback:
    """Measured joint positions: their age, and whether they can be true.

    A position that jumps farther than a joint can move is not used, nor are the positions that
    follow it within 0.3 s: two sources of joint states that disagree are never followed.

    Parameters
    ----------
    joints : sequence of Joint
        The commanded joints.
    timeout_s : float
        Age from which a position is no longer used, s; infinite for a hand without feedback.
    """

    def __init__(self, joints: Sequence[Joint], timeout_s: float) -> None:
        self._joints = tuple(joints)
        self._index = {joint.name: number for number, joint in enumerate(self._joints)}
        self._timeout_s = timeout_s
        self._position: Vector = np.full(len(self._joints), math.nan)
        self._updated_s = np.full(len(self._joints), -math.inf)
        self._last_seen_s: dict[str, float] = {}  # by publisher
        self._jumped_s = -math.inf
        self._jump = ''

    @property
    def expected(self) -> bool:
        """True if the hand reports its positions."""
        return math.isfinite(self._timeout_s)

    def on_joint_state(
        self, positions: Map[str, float], now_s: float, publisher: str = ''
    ) -> None:
        """Store positions, rad, by joint; ignore unknown joints and values that are not finite.

        Parameters
        ----------
        positions : mapping of str to float
            Positions, rad, by joint.
        now_s : float
            Time of arrival, s.
        publisher : str
            Identifier of the publisher, if it is known.
        """
        if self._index.keys() & positions.keys():
            self._last_seen_s[publisher] = now_s
        for name, value in positions.items():
            number = self._index.get(name)
            if number is not None and math.isfinite(value):
                self._check_jump(number, value, now_s)
                self._position[number] = value
                self._updated_s[number] = now_s

    def _check_jump(self, number: int, value: float, now_s: float) -> None:
        elapsed_s = now_s - self._updated_s[number]
        if elapsed_s >= self._timeout_s:
            return  # the hand was silent, and may have been moved meanwhile
        change = abs(value - self._position[number])
        if change > JUMP_TOLERANCE_RAD + JUMP_SPEED_RAD_S * elapsed_s:
            self._jumped_s = now_s
            self._jump = (
                f'the measured position of {self._joints[number].name} changed by {change:.2f} rad '
                f'in {elapsed_s * 1e3:.0f} ms'
            )

    def recent(self, now_s: float) -> Vector | None:
        """Return the positions, shape (n_joints,), rad; None unless they can be used.

        All have to be known and recent, and none may have jumped within the last 0.3 s.
        """
        fresh = now_s - self._updated_s < self._timeout_s
        usable = self.expected and fresh.all() and self._contradiction(now_s) is None
        return self._position.copy() if usable else None

    def _contradiction(self, now_s: float) -> Reason | None:
        """Return why reported positions cannot be used; None if they can."""
        self._last_seen_s = {
            name: seen_s
            for name, seen_s in self._last_seen_s.items()
            if now_s - seen_s < PUBLISHER_TIMEOUT_S
        }
        if len(self._last_seen_s) > 1:
            return Reason(
                'two hands',
                f'{len(self._last_seen_s)} publishers report positions of the joints; stop all '
                'but one.',
            )
        if now_s - self._jumped_s < STEADY_S:
            return Reason(
                'implausible position',
                f'The position of the hand cannot be true: {self._jump}. Check that only one node '
                'publishes joint states.',
            )
        return None

    def reason(self, now_s: float) -> Reason | None:
        """Return why the position of the hand is unknown; None if it is known or not expected."""
        if not self.expected or self.recent(now_s) is not None:
            return None
        return self._contradiction(now_s) or Reason(
            'hand silent', f'The hand does not report its position: {self._missing(now_s)}.'
        )

    def _missing(self, now_s: float) -> str:
        late = now_s - self._updated_s >= self._timeout_s
        names = [joint.name for joint, is_late in zip(self._joints, late, strict=True) if is_late]
        return f'no position of {", ".join(names)} for {self._timeout_s:g} s'

    def start(self, commanded: Vector, now_s: float) -> Vector:
        """Return the position at which commands begin, shape (n_joints,), rad.

        Parameters
        ----------
        commanded : ndarray, shape (n_joints,)
            Last commanded position, rad; used for a hand without feedback.
        now_s : float
            Current time, s.

        Raises
        ------
        StateError
            If the hand does not report its position, if the position cannot be true, or if it is
            outside its limits.
        """
        measured = self.recent(now_s)
        contradiction = self._contradiction(now_s) if self.expected else None
        if contradiction is not None:
            raise StateError(f'Cannot arm: {contradiction.message}')
        if measured is None and self.expected:
            raise StateError(
                f'Cannot arm: {self._missing(now_s)}. Check that the hand is running and that the '
                'parameter state_topic is correct. For a hand without position feedback, set '
                "state_topic to ''."
            )
        position = commanded if measured is None else measured
        outside = [
            f'{joint.name} is at {value:.3f} rad, outside {joint.lower:g} to {joint.upper:g} rad'
            for joint, value in zip(self._joints, position, strict=True)
            if not joint.lower - START_TOLERANCE_RAD <= value <= joint.upper + START_TOLERANCE_RAD
        ]
        if outside:
            raise StateError(
                f'Cannot arm: {"; ".join(outside)}. Move the joint within its limits, or correct '
                f'the limits in the mapping.'
            )
        return position
