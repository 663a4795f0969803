"""Joint goals from predictions."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.control.gestures import Gestures
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.mapping import REST, Dof, Mapping
from myogestic_ros.control.reason import Reason

__all__ = ['Goal', 'Goals']

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """A goal of all joints.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        Goal position, rad.
    speed_fraction : ndarray, shape (n_joints,)
        Fraction of each joint's speed limit to use, 0 to 1; at 0 the joint stays where it is.
    posture : str
        Name of the posture; empty if it has none.
    """

    position: Vector
    speed_fraction: Vector
    posture: str = ''


class Goals:
    """Turn predictions into goals as a mapping defines.

    Parameters
    ----------
    mapping : Mapping
        Mapping of the commanded joints, in their order.

    Attributes
    ----------
    rest : Goal
        The rest posture, at the mapping's ``rest_speed``.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._gestures = Gestures(mapping.debounce_s, mapping.hold_s)
        self._names = mapping.joint_names
        self._lower = np.array([joint.lower for joint in mapping.joints])
        self._upper = np.array([joint.upper for joint in mapping.joints])
        self._rest = np.array([mapping.postures[REST][name] for name in self._names])
        self.rest = Goal(self._rest, np.full(len(self._names), mapping.rest_speed), REST)
        self._weights = {name: self._weights_of(dof) for name, dof in mapping.dofs.items()}
        by_velocity = [dof.weights for dof in mapping.dofs.values() if dof.velocity]
        self._by_velocity = np.array([any(n in w for w in by_velocity) for n in self._names])

    def reset(self) -> None:
        """Discard all earlier decisions."""
        self._gestures.reset()

    def goal_for(self, intent: Intent, now_s: float) -> Goal | Reason:
        """Return the goal of a prediction, or the reason why it cannot be followed.

        Parameters
        ----------
        intent : Intent
            The prediction.
        now_s : float
            Time of arrival on a monotonic clock, s.
        """
        error = intent.validation_error(self._mapping.dof_limit)
        if error is not None:
            return error
        if self._mapping.mode == 'proportional':
            return self._proportional_goal(intent.dofs)
        return self._class_goal(intent, now_s)

    # -- classes ------------------------------------------------------------------------------

    def _class_goal(self, intent: Intent, now_s: float) -> Goal | Reason:
        label, mapping = intent.label, self._mapping
        velocity = mapping.mode == 'velocity'
        still = velocity and label in mapping.still
        if label and not still and mapping.posture_for(label) is None:
            return Reason(
                f"unknown class '{label}'",
                f"The class '{label}' has no posture; the mapping has postures for "
                f'{", ".join(mapping.postures)}.',
            )
        probable = intent.probabilities.get(label, 1.0) >= mapping.min_probability
        if not label or not probable:
            label = '' if mapping.undecided == 'hold' else REST
        current = self._gestures.update(label, now_s)
        if not velocity:
            return self._posture_goal(mapping.posture_for(current) or REST)
        return self._velocity_goal(current, label, intent)

    def _posture_goal(self, name: str) -> Goal:
        posture = self._mapping.postures[name]
        position = [
            posture.get(joint, rest) for joint, rest in zip(self._names, self._rest, strict=True)
        ]
        return Goal(np.array(position), np.ones(len(position)), name)

    def _velocity_goal(self, current: str, label: str, intent: Intent) -> Goal | Reason:
        """Return the goal in mode velocity: only the joints that the posture names move."""
        speed = self._speed_fraction(label, intent)
        if isinstance(speed, Reason):
            return speed
        name = self._mapping.posture_for(current)
        if current != label or name is None or current in self._mapping.still:
            return Goal(self._rest, np.zeros(len(self._names)))
        posture = self._mapping.postures[name]
        fraction = np.array([speed if joint in posture else 0.0 for joint in self._names])
        return Goal(self._posture_goal(name).position, fraction, name)

    def _speed_fraction(self, label: str, intent: Intent) -> float | Reason:
        """Return the fraction of the speed limit that a prediction asks for, 0 to 1."""
        speed = self._mapping.speed
        if speed == 'constant' or not label or label in self._mapping.still:
            return 1.0
        if speed == 'confidence':
            key, numbers = label, intent.probabilities
        else:
            key, numbers = speed.removeprefix('extra:'), intent.extra
        number = numbers.get(key)
        if number is None:
            return Reason(
                'no speed',
                f'The mapping takes the speed from {speed}, but the prediction has no value for '
                f"'{key}'.",
            )
        if not np.isfinite(number):
            return Reason('not finite', f"The speed '{key}' is {number}, expected 0 to 1.")
        if number < 0.0:
            return Reason('out of range', f"The speed '{key}' is {number:g}, expected 0 to 1.")
        return min(number, 1.0)

    # -- degrees of freedom -------------------------------------------------------------------

    def _weights_of(self, dof: Dof) -> Vector:
        return np.array([dof.weights.get(name, 0.0) for name in self._names])

    def _proportional_goal(self, values: Map[str, float]) -> Goal | Reason:
        missing = [name for name in self._mapping.dofs if name not in values]
        if missing:
            return Reason(
                'missing dof',
                f'The prediction has no value for {", ".join(missing)}; it has '
                f'{", ".join(values) or "no degree of freedom"}.',
            )
        total: Vector = np.zeros(len(self._names))
        for name, dof in self._mapping.dofs.items():
            total += self._weights[name] * dof.value(values[name])
        total = np.clip(total, -1.0, 1.0)
        span = np.where(total > 0, self._upper - self._rest, self._rest - self._lower)
        position = self._rest + total * span
        end = np.where(total > 0, self._upper, self._lower)
        return Goal(
            np.where(self._by_velocity, end, position),
            np.where(self._by_velocity, np.abs(total), 1.0),
        )
