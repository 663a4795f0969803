"""A protocol: which cues a person gets, how often, for how long, in which order."""

from __future__ import annotations

import random
from dataclasses import dataclass

from myogestic_ros.protocols.ramp import Ramp

__all__ = ['Cue', 'Protocol']


@dataclass(frozen=True)
class Cue:
    """One thing that the person is asked to do.

    Attributes
    ----------
    index, name : int, str
        The class, as labels name it.
    hold_s : float
        How long, s.
    ramp : Ramp, optional
        The target to follow meanwhile; None: hold the contraction.
    """

    index: int
    name: str
    hold_s: float
    ramp: Ramp | None = None


@dataclass(frozen=True)
class Protocol:
    """What a protocol file says.

    Attributes
    ----------
    name : str
        What it is called.
    cues : tuple of Cue
        One of each kind.
    class_names : tuple of str
        A label's index points into it; with the class of rest, which is no cue.
    repetitions : int
        How often each cue is given.
    countdown_s, prepare_s, rest_s : float
        Time before everything, before each cue, and after it, s.
    order : {'fixed', 'random'}
        ``fixed``: as they stand in the file, over and over; ``random``: as balanced.
    seed : int
        Another seed, another order.
    rest_class : str
        Class of the time after each cue; empty: it is of none.
    """

    name: str
    cues: tuple[Cue, ...]
    class_names: tuple[str, ...]
    repetitions: int = 3
    countdown_s: float = 3.0
    prepare_s: float = 0.0
    rest_s: float = 2.0
    order: str = 'fixed'
    seed: int = 0
    rest_class: str = ''

    @property
    def dofs(self) -> tuple[str, ...]:
        """Degrees of freedom that have a target, in the order of their first mention."""
        names = [name for cue in self.cues if cue.ramp for name in cue.ramp.amplitudes]
        return tuple(dict.fromkeys(names))

    def sequence(self) -> list[Cue]:
        """Return all cues in the order in which they are given.

        At random, each block holds every cue once, so that what changes with time (fatigue,
        sweat) meets all of them alike; and none follows itself, where there are two or more.
        """
        if self.order == 'fixed':
            return list(self.cues) * self.repetitions
        generator = random.Random(self.seed)
        given: list[Cue] = []
        for _ in range(self.repetitions):
            block = list(self.cues)
            generator.shuffle(block)
            if given and len(block) > 1 and block[0] == given[-1]:
                other = generator.randrange(1, len(block))
                block[0], block[other] = block[other], block[0]
            given += block
        return given
