"""The mapping from predictions to joints: postures, classes, degrees of freedom, settings."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from myogestic_ros.control.joint import Joint
from myogestic_ros.core.errors import ControlError

__all__ = ['REST', 'Dof', 'Mapping']

REST = 'rest'
"""Name of the posture that every mapping must define."""


@dataclass(frozen=True, slots=True)
class Dof:
    """Effect of a degree of freedom of the prediction on the joints.

    Attributes
    ----------
    velocity : bool
        True if the value is a fraction of the joints' speed; False if of their range.
    weights : mapping of str to float
        Weight of each joint, -1 to 1.
    one_way : bool
        True if negative values count as 0.
    dead_zone : float
        Values with a smaller magnitude count as 0; the rest is scaled to the whole range.
    """

    velocity: bool
    weights: Map[str, float]
    one_way: bool = False
    dead_zone: float = 0.0

    def value(self, raw: float) -> float:
        """Return a value of the prediction after clamping and dead zone, -1 to 1."""
        low = 0.0 if self.one_way else -1.0
        value = min(max(raw, low), 1.0)
        magnitude = max(0.0, abs(value) - self.dead_zone) / (1.0 - self.dead_zone)
        return magnitude if value > 0 else -magnitude


@dataclass(frozen=True)
class Mapping:
    """A validated mapping.

    Attributes
    ----------
    joints : tuple of Joint
        Joints in the order of the file or of the command.
    postures : mapping of str to mapping of str to float
        Position of each joint by posture, rad; `REST` names every joint, the others those that
        they move.
    classes : mapping of str to str
        Posture of each class whose name differs from its posture's.
    mode : str
        ``'posture'``, ``'velocity'`` or ``'proportional'``.
    dofs : mapping of str to Dof
        Degrees of freedom by name.
    rest_speed : float
        Fraction of the joints' speed limits at which the hand goes to rest by itself.
    debounce_s : float
        Time for which a class must be decided before it is accepted, s.
    hold_s : float
        Minimum time for which a posture is kept, s.
    min_probability : float
        A class with a smaller probability counts as undecided.
    undecided : str
        Effect of an undecided prediction: ``'hold'`` or ``'rest'``.
    speed : str
        Speed in mode velocity: ``'constant'``, ``'confidence'`` or ``'extra:<key>'``.
    still : tuple of str
        Classes during which no joint moves, in mode velocity.
    dof_limit : float
        Largest valid magnitude of a degree of freedom.
    """

    joints: tuple[Joint, ...]
    postures: Map[str, Map[str, float]]
    classes: Map[str, str] = field(default_factory=dict)
    mode: str = 'posture'
    dofs: Map[str, Dof] = field(default_factory=dict)
    rest_speed: float = 0.5
    debounce_s: float = 0.0
    hold_s: float = 0.0
    min_probability: float = 0.0
    undecided: str = 'hold'
    speed: str = 'confidence'
    still: tuple[str, ...] = (REST,)
    dof_limit: float = 2.0

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints, in order."""
        return tuple(joint.name for joint in self.joints)

    def posture_for(self, label: str) -> str | None:
        """Return the name of the posture of a class; None if it has none."""
        posture = self.classes.get(label, label)
        return posture if posture in self.postures else None

    def select_joints(self, names: Sequence[str]) -> Mapping:
        """Return a mapping with only the named joints, in the given order.

        Raises
        ------
        ControlError
            If a joint is unknown or named twice, or no joint is named.
        """
        known = {joint.name: joint for joint in self.joints}
        unknown = [name for name in names if name not in known]
        duplicates = sorted({name for name in names if list(names).count(name) > 1})
        errors = []
        if unknown:
            errors.append(
                f'the mapping has no joint {", ".join(unknown)}; it has {", ".join(known)}'
            )
        if duplicates:
            errors.append(f'named twice: {", ".join(duplicates)}')
        if not names:
            errors.append('got no joint, expected at least one')
        if errors:
            raise ControlError(f"The parameter 'joints' is invalid: {'; '.join(errors)}.")
        return replace(self, joints=tuple(known[name] for name in names))
