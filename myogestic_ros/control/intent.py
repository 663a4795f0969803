"""The content of a prediction that controls a hand, and its validation."""

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
        Probability of each class, 0 to 1; empty if the decoder gives none.
    dofs : mapping of str to float
        Value of each degree of freedom, -1 to 1 by convention.
    extra : mapping of str to float
        Other numbers that the decoder returned, by key.
    publisher : str
        Identifier of the publisher, the same for all predictions of one pipeline.
    other_publishers : int
        Number of other publishers on the topic, if the sender of a message is not known.
    format_error : Reason or None
        Error found when the message was converted.
    """

    label: str = ''
    probabilities: Mapping[str, float] = field(default_factory=dict)
    dofs: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    publisher: str = ''
    other_publishers: int = 0
    format_error: Reason | None = None

    def validation_error(self, dof_limit: float) -> Reason | None:
        """Return why the prediction is invalid: malformed, not finite or out of range.

        Parameters
        ----------
        dof_limit : float
            Largest valid magnitude of a degree of freedom.

        Returns
        -------
        Reason or None
            None if the prediction is valid.
        """
        if self.format_error is not None:
            return self.format_error
        for kind, numbers, low, high in (
            ('The probability of', self.probabilities, -ROUNDING, 1 + ROUNDING),
            ('The value of', self.dofs, -dof_limit, dof_limit),
        ):
            for name, number in numbers.items():
                if not math.isfinite(number):
                    return Reason(
                        'not finite', f"{kind} '{name}' is {number}, expected a finite number."
                    )
                if not low <= number <= high:
                    bounds = f'{round(low, 3):g} to {round(high, 3):g}'
                    return Reason(
                        'out of range', f"{kind} '{name}' is {number:g}, expected {bounds}."
                    )
        return None
