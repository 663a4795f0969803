"""Target trajectories for recordings for proportional control."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ['SHAPES', 'Ramp']

SHAPES = ('trapezoid', 'sine', 'raised_cosine')


@dataclass(frozen=True)
class Ramp:
    """Target trajectory of one or more DoFs.

    Attributes
    ----------
    shape : {'trapezoid', 'sine', 'raised_cosine'}
        ``trapezoid`` rises from 0 to the amplitude, stays there, and falls to 0; ``sine``
        oscillates between the amplitude and its negative; ``raised_cosine`` rises smoothly from 0
        to the amplitude and falls to 0. All shapes start and end at 0.
    amplitudes : mapping of str to float
        Amplitude by DoF, -1 to 1; other DoFs stay at 0.
    rise_s, plateau_s, fall_s : float
        Durations of the parts of a trapezoid, s.
    period_s : float
        Duration of one cycle of the other shapes, s.
    cycles : int
        Number of cycles.
    """

    shape: str
    amplitudes: Mapping[str, float]
    rise_s: float = 0.0
    plateau_s: float = 0.0
    fall_s: float = 0.0
    period_s: float = 0.0
    cycles: int = 1

    @property
    def cycle_s(self) -> float:
        """Duration of one cycle, s."""
        if self.shape == 'trapezoid':
            return self.rise_s + self.plateau_s + self.fall_s
        return self.period_s

    @property
    def duration_s(self) -> float:
        """Duration of all cycles, s."""
        return self.cycle_s * self.cycles

    def level(self, at_s: float) -> float:
        """Return the target relative to the amplitude, -1 to 1, ``at_s`` s after the start."""
        if not 0 <= at_s < self.duration_s:
            return 0.0
        return _LEVELS[self.shape](self, at_s % self.cycle_s)

    def target(self, at_s: float, dofs: tuple[str, ...]) -> list[float]:
        """Return the target of each DoF in ``dofs``, -1 to 1, ``at_s`` seconds after the start."""
        level = self.level(at_s)
        return [level * self.amplitudes.get(name, 0.0) for name in dofs]


def _trapezoid(ramp: Ramp, at_s: float) -> float:
    if at_s < ramp.rise_s:
        return at_s / ramp.rise_s
    fall_at_s = at_s - ramp.rise_s - ramp.plateau_s
    return 1.0 if fall_at_s <= 0 else 1.0 - fall_at_s / ramp.fall_s


_LEVELS: dict[str, Callable[[Ramp, float], float]] = {
    'trapezoid': _trapezoid,
    'sine': lambda ramp, at_s: math.sin(2 * math.pi * at_s / ramp.period_s),
    'raised_cosine': lambda ramp, at_s: (1 - math.cos(2 * math.pi * at_s / ramp.period_s)) / 2,
}
