"""Protocol: the cues of a recording, their number, duration and order."""

from __future__ import annotations

import random
from dataclasses import dataclass

from myogestic_ros.protocols.ramp import Ramp

__all__ = ['Cue', 'Protocol']


@dataclass(frozen=True)
class Cue:
    """Instruction to the subject: hold a contraction or follow a target.

    Attributes
    ----------
    index, name : int, str
        Class index and class name of the labels.
    hold_s : float
        Duration, s.
    ramp : Ramp or None
        Target to follow; None to hold the contraction.
    """

    index: int
    name: str
    hold_s: float
    ramp: Ramp | None = None


@dataclass(frozen=True)
class Protocol:
    """Content of a protocol file.

    Attributes
    ----------
    name : str
        Name of the protocol.
    cues : tuple of Cue
        Cues, each once.
    class_names : tuple of str
        Class names by class index, including the rest class, which has no cue.
    repetitions : int
        Number of repetitions of each cue.
    countdown_s, prepare_s, rest_s : float
        Time before the first step, before each cue, and after each cue, s.
    order : {'fixed', 'random'}
        ``fixed`` repeats the order of the file; ``random`` shuffles each block of all cues.
    seed : int
        Seed of the random order.
    rest_class : str
        Class of the time after each cue; empty for no class.
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
        """Names of the DoFs with a target, in the order of their first occurrence."""
        names = [name for cue in self.cues if cue.ramp for name in cue.ramp.amplitudes]
        return tuple(dict.fromkeys(names))

    def sequence(self) -> list[Cue]:
        """Return all cues of the protocol in order.

        In random order, each block contains every cue once, so that changes over time (fatigue,
        sweat) affect all classes equally. With two or more cues, no cue follows itself.
        """
        if self.order == 'fixed':
            return list(self.cues) * self.repetitions
        generator = random.Random(self.seed)
        sequence: list[Cue] = []
        for _ in range(self.repetitions):
            block = list(self.cues)
            generator.shuffle(block)
            if sequence and len(block) > 1 and block[0] == sequence[-1]:
                other = generator.randrange(1, len(block))
                block[0], block[other] = block[other], block[0]
            sequence += block
        return sequence
