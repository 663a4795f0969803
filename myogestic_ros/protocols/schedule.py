"""A protocol laid out in time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from myogestic_ros.core.signals import NO_CLASS, Label
from myogestic_ros.protocols.protocol import Protocol
from myogestic_ros.protocols.ramp import Ramp

__all__ = ['Phase', 'Schedule', 'Step']

Phase = Literal['countdown', 'prepare', 'hold', 'rest']


@dataclass(frozen=True)
class Step:
    """A stretch of time in which one thing is asked.

    Attributes
    ----------
    phase : {'countdown', 'prepare', 'hold', 'rest'}
        What it is.
    start_s, duration_s : float
        Seconds from the beginning of the plan, and how long it lasts.
    index, name, repetition : int, str, int
        The class in force, and which of its repetitions it is, from 0; ``NO_CLASS``, '' and -1
        for none.
    next_name : str
        Class of the next cue after this step began; '' when there is none left.
    ramp : Ramp, optional
        The target to follow.
    """

    phase: Phase
    start_s: float
    duration_s: float
    index: int = NO_CLASS
    name: str = ''
    repetition: int = -1
    next_name: str = ''
    ramp: Ramp | None = None

    @property
    def end_s(self) -> float:
        """Seconds from the beginning of the plan."""
        return self.start_s + self.duration_s

    @property
    def is_repetition(self) -> bool:
        """Whether it is a repetition of a class."""
        return self.index != NO_CLASS

    def label(self, stamp_ns: int) -> Label:
        """Return the label of a step that began at ``stamp_ns``."""
        duration_s = self.duration_s if self.is_repetition else 0.0
        return Label(stamp_ns, self.index, self.name, self.repetition, duration_s)


@dataclass(frozen=True)
class Schedule:
    """The steps of a protocol, with the time of each from the beginning.

    Times are counted from the one beginning, so that a step that is late delays no other.

    Attributes
    ----------
    steps : tuple of Step
        One after the other, without a gap.
    dofs : tuple of str
        Degrees of freedom that have a target.
    """

    steps: tuple[Step, ...]
    dofs: tuple[str, ...] = ()

    @classmethod
    def of(cls, protocol: Protocol) -> Schedule:
        """Lay a protocol out in time."""
        steps: list[Step] = []
        counts: Counter[int] = Counter()

        def add(phase: Phase, duration_s: float, index: int = NO_CLASS) -> None:
            if duration_s <= 0:
                return
            start_s = steps[-1].end_s if steps else 0.0
            step = Step(phase, start_s, duration_s)
            if index != NO_CLASS:
                name = protocol.class_names[index]
                step = replace(step, index=index, name=name, repetition=counts[index])
                counts[index] += 1
            steps.append(step)

        rest = NO_CLASS
        if protocol.rest_class:
            rest = protocol.class_names.index(protocol.rest_class)
        add('countdown', protocol.countdown_s)
        for cue in protocol.sequence():
            add('prepare', protocol.prepare_s)
            add('hold', cue.hold_s, cue.index)
            steps[-1] = replace(steps[-1], ramp=cue.ramp)
            add('rest', protocol.rest_s, rest)
        return cls(tuple(_with_next(steps)), protocol.dofs)

    @property
    def duration_s(self) -> float:
        """From the beginning to the end, s."""
        return self.steps[-1].end_s if self.steps else 0.0

    @property
    def planned(self) -> int:
        """How many repetitions there are, of all classes."""
        return self.completed_before(len(self.steps))

    def completed_before(self, number: int) -> int:
        """Return how many repetitions are over when step ``number`` begins."""
        return sum(step.is_repetition for step in self.steps[:number])

    def number_at(self, at_s: float) -> int:
        """Return which step it is at ``at_s`` seconds from the beginning; the last one later."""
        return max(0, bisect_right([step.start_s for step in self.steps], at_s) - 1)

    def target(self, at_s: float) -> list[float]:
        """Return the target of each degree of freedom, -1 to 1; 0 where none is followed."""
        step = self.steps[self.number_at(at_s)]
        if step.ramp is None:
            return [0.0] * len(self.dofs)
        return step.ramp.target(at_s - step.start_s, self.dofs)


def _with_next(steps: list[Step]) -> list[Step]:
    """Say in each step which cue comes next."""
    told: list[Step] = []
    following = ''
    for step in reversed(steps):
        told.append(replace(step, next_name=following))
        if step.phase == 'hold':
            following = step.name
    return told[::-1]
