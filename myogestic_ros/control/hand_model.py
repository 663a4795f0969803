"""Model of a simulated hand: first-order lag, speed limits and position limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError

__all__ = ['INTERFACES', 'HandModel']

Array = NDArray[np.float64]

INTERFACES = ('position', 'velocity')
"""Command interfaces, as ros2_control names them."""


class HandModel:
    """Joints with limits and first-order dynamics.

    A position is approached like by a motor with a proportional controller: the speed is the
    distance divided by ``time_constant_s``, at most the joint's speed limit. A velocity is
    reached with the same time constant.

    Parameters
    ----------
    limits : mapping
        Limits of each joint by name, in the order of the commands.
    interface : str
        Meaning of a command: ``'position'``, rad, or ``'velocity'``, rad/s.
    time_constant_s : float
        Time constant of the joints, s.
    command_timeout_s : float
        Time without a command after which a commanded velocity ends, s; 0: never.

    Attributes
    ----------
    names : list of str
        Names of the joints.
    positions, velocities : ndarray, shape (n_joints,)
        Current positions, rad, and velocities, rad/s.
    stalled : bool
        True to block all joints.
    clamped : int
        Number of commands that were clamped to the limits.
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
        self._max_speed = np.array([limit.velocity for limit in limits.values()])
        self.positions: Array = np.clip(np.zeros(len(limits)), self._lower, self._upper)
        self.velocities: Array = np.zeros(len(limits))
        self._now_s = 0.0
        self.hold(0.0)

    def hold(self, now_s: float) -> None:
        """Stop at ``now_s`` and discard every command."""
        self._now_s = now_s
        self.velocities = np.zeros(len(self.names))
        self._goal = self.positions.copy()
        self._speed: Array = np.zeros(len(self.names))
        self._commanded_s = now_s
        self._path: tuple[Array, Array] | None = None  # times (n,), positions (n, n_joints)

    # -- commands -----------------------------------------------------------------------------

    def command(self, values: ArrayLike, now_s: float) -> None:
        """Set the command: one position or velocity per joint.

        Parameters
        ----------
        values : array_like, shape (n_joints,)
            Positions, rad, or velocities, rad/s.
        now_s : float
            Current time, s.

        Raises
        ------
        ControlError
            If the number of values is wrong, or a value is not finite; the previous command
            stays in force.
        """
        given = np.asarray(values, float).ravel()
        if len(given) != len(self.names):
            raise ControlError(
                f'Refused a command of {len(given)} values, expected {len(self.names)}: '
                f'{", ".join(self.names)}.'
            )
        self._check_finite(given, self.names, 'a command')
        self._path = None
        self._commanded_s = now_s
        if self._interface == 'velocity':
            self._speed = self._clamp(given, -self._max_speed, self._max_speed)
        else:
            self._goal = self._clamp(given, self._lower, self._upper)

    def follow_trajectory(
        self, names: Sequence[str], times_s: ArrayLike, positions: ArrayLike, start_s: float
    ) -> None:
        """Follow a trajectory from the current position, linear between its points.

        Parameters
        ----------
        names : sequence of str
            Joints of the trajectory, in any order; the other joints keep their goal.
        times_s : array_like, shape (n_points,)
            Time of each point after ``start_s``, s; increasing.
        positions : array_like, shape (n_points, n_names)
            The points, rad. No points: stop.
        start_s : float
            Start time on the clock of `step`, s.

        Raises
        ------
        ControlError
            If a joint is unknown or named twice, the sizes do not match, a value is not finite
            or the times do not increase; the previous command stays in force.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown or len(set(names)) != len(names):
            raise ControlError(
                f'Refused a trajectory for {", ".join(names)}; expected each joint at most once, of '
                f'{", ".join(self.names)}.'
            )
        times = np.asarray(times_s, float).ravel()
        try:
            points = np.asarray(positions, float).reshape(len(times), len(names))
        except ValueError:
            raise ControlError(
                f'Refused a trajectory: every point needs {len(names)} positions each, one '
                f'per named joint.'
            ) from None
        if not np.isfinite(times).all() or (times < 0).any() or (np.diff(times) <= 0).any():
            raise ControlError('Refused a trajectory: the times of its points do not increase.')
        for point in points:
            self._check_finite(point, names, 'a trajectory')
        if not len(times):
            self.hold(self._now_s)
            return
        waypoints = np.tile(self._goal, (len(times) + 1, 1))
        waypoints[0] = self.positions
        for column, name in enumerate(names):
            waypoints[1:, self.names.index(name)] = points[:, column]
        self._path = (
            np.concatenate([[start_s], start_s + np.maximum(times, 1e-9)]),
            self._clamp(waypoints, self._lower, self._upper),
        )

    @staticmethod
    def _check_finite(values: Array, names: Sequence[str], command: str) -> None:
        invalid = [f'{n}: {v}' for n, v in zip(names, values, strict=True) if not np.isfinite(v)]
        if invalid:
            raise ControlError(
                f'Refused {command} with values that are not finite ({", ".join(invalid)}).'
            )

    def _clamp(self, values: Array, lower: Array, upper: Array) -> Array:
        clamped = np.clip(values, lower, upper)
        self.clamped += bool((clamped != values).any())
        return clamped

    # -- motion -------------------------------------------------------------------------------

    def step(self, now_s: float) -> None:
        """Simulate until ``now_s``, a time on a steady clock, s."""
        elapsed_s, self._now_s = now_s - self._now_s, now_s
        if elapsed_s <= 0:
            return
        if self.stalled:
            self.velocities = np.zeros(len(self.names))
            return
        fraction = 1.0 - np.exp(-elapsed_s / max(1e-9, self._time_constant_s))
        max_move = self._max_speed * elapsed_s
        if self._path is None and self._interface == 'velocity':
            timeout_s = self._command_timeout_s
            if timeout_s > 0 and now_s - self._commanded_s > timeout_s:
                self._speed = np.zeros(len(self.names))
            move = (self.velocities + fraction * (self._speed - self.velocities)) * elapsed_s
        else:
            if self._path is not None:
                self._goal = self._on_path(*self._path)
            move = fraction * (self._goal - self.positions)
        before = self.positions
        after = before + np.clip(move, -max_move, max_move)
        self.positions = np.clip(after, self._lower, self._upper)
        self.velocities = (self.positions - before) / elapsed_s

    def _on_path(self, times: Array, points: Array) -> Array:
        return np.array([np.interp(self._now_s, times, column) for column in points.T])
