"""What predictions mean for a hand: its joints, postures, degrees of freedom, and the manner."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from myogestic_ros.control.joint import Joint
from myogestic_ros.core.errors import ControlError

__all__ = ['Dof', 'Mapping', 'REST']

REST = 'rest'
"""The posture that every mapping has."""


@dataclass(frozen=True, slots=True)
class Dof:
    """What a degree of freedom of the prediction does.

    Attributes
    ----------
    velocity : bool
        Whether its value is a share of the joints' speed; otherwise one of their range.
    weights : mapping of str to float
        Joint to its weight, -1 to 1.
    one_way : bool
        Whether negative values count as 0.
    dead_zone : float
        Values smaller than this count as 0; the rest is spread over the whole range.
    """

    velocity: bool
    weights: Map[str, float]
    one_way: bool = False
    dead_zone: float = 0.0

    def value(self, raw: float) -> float:
        """Return what a value of the prediction counts for, -1 to 1."""
        low = 0.0 if self.one_way else -1.0
        value = min(max(raw, low), 1.0)
        beyond = max(0.0, abs(value) - self.dead_zone) / (1.0 - self.dead_zone)
        return beyond if value > 0 else -beyond


@dataclass(frozen=True)
class Mapping:
    """A mapping that has been checked.

    Attributes
    ----------
    joints : tuple of Joint
        In the order of the file, or of the command.
    postures : mapping of str to mapping of str to float
        Posture to joint to position, rad; `REST` names every joint, the others those they move.
    classes : mapping of str to str
        Class to the posture that it takes, where they are not called the same.
    mode : str
        ``'posture'``, ``'velocity'`` or ``'proportional'``.
    dofs : mapping of str to Dof
        Degrees of freedom by name.
    rest_speed : float
        Share of the joints' speed at which the hand goes to rest by itself.
    debounce_s, hold_s : float
        How long a class has to be decided before it counts, and a posture is kept, s.
    min_probability : float
        A class that is less probable counts as undecided.
    undecided : str
        What an undecided prediction does: ``'hold'`` or ``'rest'``.
    speed : str
        Of mode velocity: ``'constant'``, ``'confidence'`` or ``'extra:<key>'``.
    still : tuple of str
        Of mode velocity: classes during which nothing moves.
    dof_limit : float
        Largest magnitude of a degree of freedom that is believed.
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

    def posture_of(self, label: str) -> str | None:
        """Return the posture of a class; None when it has none."""
        posture = self.classes.get(label, label)
        return posture if posture in self.postures else None

    def ordered(self, names: Sequence[str]) -> Mapping:
        """Return the mapping of these joints only, in this order.

        Raises
        ------
        ControlError
            When it does not know one of them, or one is named twice.
        """
        known = {joint.name: joint for joint in self.joints}
        unknown = [name for name in names if name not in known]
        twice = sorted({name for name in names if list(names).count(name) > 1})
        faults = []
        if unknown:
            faults.append(
                f'the mapping has no joint {", ".join(unknown)}; it has {", ".join(known)}'
            )
        if twice:
            faults.append(f'named twice: {", ".join(twice)}')
        if not names:
            faults.append('got no joint, expected at least one')
        if faults:
            raise ControlError(f'The joints to command are not right: {"; ".join(faults)}.')
        return replace(self, joints=tuple(known[name] for name in names))
