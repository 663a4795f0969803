"""A hand that obeys as a real one does: late, at a bounded speed, within its joint limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError

__all__ = ['INTERFACES', 'HandModel']

Array = NDArray[np.float64]

INTERFACES = ('position', 'velocity')
"""What the numbers of a command may mean, as ros2_control calls it."""


class HandModel:
    """Joints with limits and first-order dynamics.

    A position is approached as by a motor with a proportional controller: the speed is the
    distance over ``time_constant_s``, but never more than the joint's limit. A velocity is reached
    with the same time constant.

    Parameters
    ----------
    limits : mapping
        Limits of each joint by its name, in the order of the commands.
    interface : str
        What the numbers of a command are: ``'position'``, rad, or ``'velocity'``, rad/s.
    time_constant_s : float
        How slowly it follows, s.
    command_timeout_s : float
        A velocity is kept no longer than this without a new command, s; 0: for ever.

    Attributes
    ----------
    names : list of str
        The joints.
    positions, velocities : ndarray, shape (n_joints,)
        Where they are, rad, and how fast they move, rad/s.
    stalled : bool
        Whether something blocks all joints.
    clamped : int
        Commands so far that asked for more than the limits allow.
    """

    def __init__(
        self,
        limits: Mapping[str, JointLimits],
        interface: str = 'position',
        time_constant_s: float = 0.06,
        command_timeout_s: float = 0.0,
    ) -> None:
        self.names = list(limits)
        self.stalled = False
        self.clamped = 0
        self._interface = interface
        self._time_constant_s = time_constant_s
        self._command_timeout_s = command_timeout_s
        self._lower = np.array([limit.lower for limit in limits.values()])
        self._upper = np.array([limit.upper for limit in limits.values()])
        self._fastest = np.array([limit.velocity for limit in limits.values()])
        self.positions: Array = np.clip(np.zeros(len(limits)), self._lower, self._upper)
        self.velocities: Array = np.zeros(len(limits))
        self._now_s = 0.0
        self.hold(0.0)

    def hold(self, now_s: float) -> None:
        """Stand still from ``now_s`` on, forgetting every command."""
        self._now_s = now_s
        self.velocities = np.zeros(len(self.names))
        self._goal = self.positions.copy()
        self._speed = np.zeros(len(self.names))
        self._commanded_s = now_s
        self._path: tuple[Array, Array] | None = None  # times (n,), positions (n, n_joints)

    # -- commands -----------------------------------------------------------------------------

    def command(self, values: ArrayLike, now_s: float) -> None:
        """Take a command: one number for each joint, positions or velocities.

        Raises
        ------
        ControlError
            When there are not as many numbers as joints, or one is not finite; the command
            before stays in force.
        """
        given = np.asarray(values, float).ravel()
        if len(given) != len(self.names):
            raise ControlError(
                f'Refused a command of {len(given)} numbers, expected {len(self.names)}: '
                f'{", ".join(self.names)}.'
            )
        self._check_finite(given, self.names, 'a command')
        self._path = None
        self._commanded_s = now_s
        if self._interface == 'velocity':
            self._speed = self._within(given, -self._fastest, self._fastest)
        else:
            self._goal = self._within(given, self._lower, self._upper)

    def follow(
        self, names: Sequence[str], times_s: ArrayLike, positions: ArrayLike, start_s: float
    ) -> None:
        """Take a trajectory: from where it is through points, straight from one to the next.

        Parameters
        ----------
        names : sequence of str
            Its joints, in any order; a joint that is not named stays where it is going to.
        times_s : array_like, shape (n_points,)
            When each point is reached after ``start_s``, s; increasing.
        positions : array_like, shape (n_points, n_names)
            The points, rad. None at all: stop here.
        start_s : float
            When it begins, on the clock of `step`.

        Raises
        ------
        ControlError
            When a joint is unknown or named twice, sizes do not fit, a number is not finite or
            the times do not increase; what was in force before stays so.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown or len(set(names)) != len(names):
            raise ControlError(
                f'Refused a trajectory for {", ".join(names)}; expected each at most once of '
                f'{", ".join(self.names)}.'
            )
        times = np.asarray(times_s, float).ravel()
        try:
            points = np.asarray(positions, float).reshape(len(times), len(names))
        except ValueError:
            raise ControlError(
                f'Refused a trajectory whose points do not have {len(names)} positions each, one '
                f'for each joint that it names.'
            ) from None
        if not np.isfinite(times).all() or (times < 0).any() or (np.diff(times) <= 0).any():
            raise ControlError(
                'Refused a trajectory whose times do not increase from point to point.'
            )
        for point in points:
            self._check_finite(point, names, 'a trajectory')
        if not len(times):
            self.hold(self._now_s)
            return
        whole = np.tile(self._goal, (len(times) + 1, 1))
        whole[0] = self.positions
        for column, name in enumerate(names):
            whole[1:, self.names.index(name)] = points[:, column]
        self._path = (
            np.concatenate([[start_s], start_s + np.maximum(times, 1e-9)]),
            self._within(whole, self._lower, self._upper),
        )

    @staticmethod
    def _check_finite(values: Array, names: Sequence[str], what: str) -> None:
        wrong = [f'{n}: {v}' for n, v in zip(names, values, strict=True) if not np.isfinite(v)]
        if wrong:
            raise ControlError(f'Refused {what} that is not finite ({", ".join(wrong)}).')

    def _within(self, values: Array, lower: Array, upper: Array) -> Array:
        kept = np.clip(values, lower, upper)
        self.clamped += bool((kept != values).any())
        return kept

    # -- motion -------------------------------------------------------------------------------

    def step(self, now_s: float) -> None:
        """Move on to ``now_s``, a steady time, s."""
        elapsed_s, self._now_s = now_s - self._now_s, now_s
        if elapsed_s <= 0:
            return
        if self.stalled:
            self.velocities = np.zeros(len(self.names))
            return
        share = 1.0 - np.exp(-elapsed_s / max(1e-9, self._time_constant_s))
        farthest = self._fastest * elapsed_s
        if self._path is None and self._interface == 'velocity':
            timeout_s = self._command_timeout_s
            if timeout_s > 0 and now_s - self._commanded_s > timeout_s:
                self._speed = np.zeros(len(self.names))
            move = (self.velocities + share * (self._speed - self.velocities)) * elapsed_s
        else:
            if self._path is not None:
                self._goal = self._on_path(*self._path)
            move = share * (self._goal - self.positions)
        before = self.positions
        reached = before + np.clip(move, -farthest, farthest)
        self.positions = np.clip(reached, self._lower, self._upper)
        self.velocities = (self.positions - before) / elapsed_s

    def _on_path(self, times: Array, points: Array) -> Array:
        return np.array([np.interp(self._now_s, times, column) for column in points.T])
