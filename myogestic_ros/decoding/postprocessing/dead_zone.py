"""Keeping still what should be still: small values of a degree of freedom are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['DeadZone']

Floats = NDArray[np.float64]


class DeadZone:
    """Small values become 0; the others are stretched, so that 1 stays 1 and nothing jumps far.

    A value ``v`` above the zone becomes ``sign(v) * (|v| - low) / (1 - low)``. It comes alive
    above ``low + hysteresis`` and stays so down to ``low``: noise about one limit does not make
    it come and go.

    Parameters
    ----------
    low : float
        End of the zone, 0 to less than 1.
    hysteresis : float
        How much more it takes to leave the zone.
    """

    def __init__(self, low: float, hysteresis: float) -> None:
        self.low = low
        self.hysteresis = hysteresis
        self._alive: NDArray[np.bool_] | None = None

    def reset(self) -> None:
        """Hold all still."""
        self._alive = None

    def __call__(self, values: NDArray[np.floating[Any]]) -> Floats:
        """Return the values of this tick, shape (n_dofs,)."""
        x = np.asarray(values, np.float64)
        size = np.abs(x)
        if self._alive is None or self._alive.shape != x.shape:
            self._alive = np.zeros(x.shape, np.bool_)
        self._alive = (size > self.low + self.hysteresis) | (self._alive & (size > self.low))
        moved: Floats = np.sign(x) * np.maximum(0.0, size - self.low) / (1.0 - self.low)
        return np.where(self._alive, moved, 0.0)
