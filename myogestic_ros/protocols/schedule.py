"""Schedule: the steps of a protocol with their times."""

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
    """Time interval of a schedule with one instruction.

    Attributes
    ----------
    phase : {'countdown', 'prepare', 'hold', 'rest'}
        Phase of the protocol.
    start_s, duration_s : float
        Start relative to the start of the schedule, and duration, s.
    index, name, repetition : int, str, int
        Class index, class name and number of the repetition from 0; ``NO_CLASS``, '' and -1
        without a class.
    next_name : str
        Class of the next cue; '' after the last cue.
    ramp : Ramp or None
        Target to follow.
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
        """End relative to the start of the schedule, s."""
        return self.start_s + self.duration_s

    @property
    def is_repetition(self) -> bool:
        """True if the step is a repetition of a class."""
        return self.index != NO_CLASS

    def label(self, stamp_ns: int) -> Label:
        """Return the label of the step, with the given stamp, ns."""
        duration_s = self.duration_s if self.is_repetition else 0.0
        return Label(stamp_ns, self.index, self.name, self.repetition, duration_s)


@dataclass(frozen=True)
class Schedule:
    """Steps of a protocol with their times.

    All times are relative to the start of the schedule, so that a late step does not delay the
    following steps.

    Attributes
    ----------
    steps : tuple of Step
        Consecutive steps without gaps.
    dofs : tuple of str
        Names of the DoFs with a target.
    """

    steps: tuple[Step, ...]
    dofs: tuple[str, ...] = ()

    @classmethod
    def from_protocol(cls, protocol: Protocol) -> Schedule:
        """Return the schedule of a protocol; steps without duration are omitted."""
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
        return cls(tuple(_with_next_names(steps)), protocol.dofs)

    @property
    def duration_s(self) -> float:
        """Total duration, s."""
        return self.steps[-1].end_s if self.steps else 0.0

    @property
    def n_repetitions(self) -> int:
        """Number of repetitions of all classes."""
        return self.completed_before(len(self.steps))

    def completed_before(self, index: int) -> int:
        """Return the number of repetitions that end before step ``index``."""
        return sum(step.is_repetition for step in self.steps[:index])

    def step_index_at(self, at_s: float) -> int:
        """Return the index of the step ``at_s`` s after the start; after the end, the last one."""
        return max(0, bisect_right([step.start_s for step in self.steps], at_s) - 1)

    def target(self, at_s: float) -> list[float]:
        """Return the target of each DoF, -1 to 1, ``at_s`` s after the start; 0 without target."""
        step = self.steps[self.step_index_at(at_s)]
        if step.ramp is None:
            return [0.0] * len(self.dofs)
        return step.ramp.target(at_s - step.start_s, self.dofs)


def _with_next_names(steps: list[Step]) -> list[Step]:
    """Return the steps with their ``next_name``."""
    result: list[Step] = []
    following = ''
    for step in reversed(steps):
        result.append(replace(step, next_name=following))
        if step.phase == 'hold':
            following = step.name
    return result[::-1]
