"""What a prediction asks of the joints."""

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
    """Where the joints are to go.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        In rad.
    share : ndarray, shape (n_joints,)
        Share of each joint's speed that may be used, 0 to 1; at 0 it stays where it is.
    posture : str
        What it is called; empty when it has no name.
    """

    position: Vector
    share: Vector
    posture: str = ''


class Goals:
    """Turn predictions into goals, as a mapping says.

    Parameters
    ----------
    mapping : Mapping
        For the joints that are commanded, in their order.
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
        """Forget what was decided before."""
        self._gestures.reset()

    def of(self, intent: Intent, now_s: float) -> Goal | Reason:
        """Return the goal of a prediction, or what forbids to follow it.

        Parameters
        ----------
        intent : Intent
            The prediction.
        now_s : float
            When it came, s of any clock that never jumps.
        """
        fault = intent.fault(self._mapping.dof_limit)
        if fault is not None:
            return fault
        if self._mapping.mode == 'proportional':
            return self._proportional(intent.dofs)
        return self._by_class(intent, now_s)

    # -- classes ------------------------------------------------------------------------------

    def _by_class(self, intent: Intent, now_s: float) -> Goal | Reason:
        label, mapping = intent.label, self._mapping
        velocity = mapping.mode == 'velocity'
        stays = velocity and label in mapping.still
        if label and not stays and mapping.posture_of(label) is None:
            return Reason(
                f"unknown class '{label}'",
                f"The class '{label}' has no posture; the mapping has those of "
                f'{", ".join(mapping.postures)}.',
            )
        sure = intent.probabilities.get(label, 1.0) >= mapping.min_probability
        if not label or not sure:
            label = '' if mapping.undecided == 'hold' else REST
        current = self._gestures.hear(label, now_s)
        if not velocity:
            return self._posture(mapping.posture_of(current) or REST)
        return self._toward(current, label, intent)

    def _posture(self, name: str) -> Goal:
        own = self._mapping.postures[name]
        position = [own.get(joint, r) for joint, r in zip(self._names, self._rest, strict=True)]
        return Goal(np.array(position), np.ones(len(position)), name)

    def _toward(self, current: str, label: str, intent: Intent) -> Goal | Reason:
        """Return the goal of mode velocity: only the joints that the posture names move."""
        speed = self._speed(label, intent)
        if isinstance(speed, Reason):
            return speed
        posture = self._mapping.posture_of(current)
        if current != label or posture is None or current in self._mapping.still:
            return Goal(self._rest, np.zeros(len(self._names)))
        own = self._mapping.postures[posture]
        share = np.array([speed if name in own else 0.0 for name in self._names])
        return Goal(self._posture(posture).position, share, posture)

    def _speed(self, label: str, intent: Intent) -> float | Reason:
        """Return the share of the speed that a prediction asks for, 0 to 1."""
        how = self._mapping.speed
        if how == 'constant' or not label or label in self._mapping.still:
            return 1.0
        if how == 'confidence':
            key, numbers = label, intent.probabilities
        else:
            key, numbers = how.removeprefix('extra:'), intent.extra
        number = numbers.get(key)
        if number is None:
            return Reason(
                'no speed',
                f"The mapping takes the speed from {how}, and the prediction has none for '{key}'.",
            )
        if not np.isfinite(number):
            return Reason('not finite', f"The speed '{key}' is {number}, expected a number.")
        if number < 0.0:
            return Reason('out of range', f"The speed '{key}' is {number:g}, expected 0 to 1.")
        return min(number, 1.0)

    # -- degrees of freedom -------------------------------------------------------------------

    def _weights_of(self, dof: Dof) -> Vector:
        return np.array([dof.weights.get(name, 0.0) for name in self._names])

    def _proportional(self, values: Map[str, float]) -> Goal | Reason:
        missing = [name for name in self._mapping.dofs if name not in values]
        if missing:
            return Reason(
                'missing dof',
                f'The prediction has no {", ".join(missing)}; it has '
                f'{", ".join(values) or "no degree of freedom"}.',
            )
        total = np.zeros(len(self._names))
        for name, dof in self._mapping.dofs.items():
            total += self._weights[name] * dof.value(values[name])
        total = np.clip(total, -1.0, 1.0)
        room = np.where(total > 0, self._upper - self._rest, self._rest - self._lower)
        position = self._rest + total * room
        end = np.where(total > 0, self._upper, self._lower)
        return Goal(
            np.where(self._by_velocity, end, position),
            np.where(self._by_velocity, np.abs(total), 1.0),
        )
