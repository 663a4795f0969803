"""What a prediction says, as far as a hand is concerned, and whether it can be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from myogestic_ros.control.reason import Reason

__all__ = ['Intent']

ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Intent:
    """One prediction.

    Attributes
    ----------
    label : str
        Decided class; ``''`` for none.
    probabilities : mapping of str to float
        Probability of each class, 0 to 1; empty when the decoder gives none.
    dofs : mapping of str to float
        Value of each degree of freedom, -1 to 1 by convention.
    extra : mapping of str to float
        The other numbers that the decoder returned, by key.
    source : str
        Who said it: the same for all predictions of one pipeline.
    others : int
        How many others may be speaking, where it is not known who said what.
    flaw : Reason or None
        What is wrong with the message already.
    """

    label: str = ''
    probabilities: Mapping[str, float] = field(default_factory=dict)
    dofs: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    source: str = ''
    others: int = 0
    flaw: Reason | None = None

    def fault(self, dof_limit: float) -> Reason | None:
        """Return what forbids to believe it: a number that is none, or one out of range.

        Parameters
        ----------
        dof_limit : float
            Largest magnitude of a degree of freedom that is believed.
        """
        if self.flaw is not None:
            return self.flaw
        for kind, numbers, low, high in (
            ('The probability of', self.probabilities, -ROUNDING, 1 + ROUNDING),
            ('The value of', self.dofs, -dof_limit, dof_limit),
        ):
            for name, number in numbers.items():
                if not math.isfinite(number):
                    return Reason('not finite', f"{kind} '{name}' is {number}, expected a number.")
                if not low <= number <= high:
                    bounds = f'{round(low, 3):g} to {round(high, 3):g}'
                    return Reason(
                        'out of range', f"{kind} '{name}' is {number:g}, expected {bounds}."
                    )
        return None
