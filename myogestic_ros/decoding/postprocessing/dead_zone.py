"""Dead zone with hysteresis for degrees of freedom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['DeadZone']

Floats = NDArray[np.float64]


class DeadZone:
    """Set small values to 0 and rescale the others, so that 1 remains 1.

    A value ``v`` outside the dead zone becomes ``sign(v) * (|v| - low) / (1 - low)``. A value leaves
    the dead zone above ``low + hysteresis`` and returns to it below ``low``, so that noise around
    one limit does not switch it.

    Parameters
    ----------
    low : float
        Limit of the dead zone, at least 0 and less than 1.
    hysteresis : float
        Additional value that is necessary to leave the dead zone.
    """

    def __init__(self, low: float, hysteresis: float) -> None:
        self.low = low
        self.hysteresis = hysteresis
        self._active: NDArray[np.bool_] | None = None

    def reset(self) -> None:
        """Set all values to be inside the dead zone."""
        self._active = None

    def __call__(self, values: NDArray[np.floating[Any]]) -> Floats:
        """Return the values of one tick after the dead zone, shape (n_dofs,)."""
        x = np.asarray(values, np.float64)
        size = np.abs(x)
        if self._active is None or self._active.shape != x.shape:
            self._active = np.zeros(x.shape, np.bool_)
        self._active = (size > self.low + self.hysteresis) | (self._active & (size > self.low))
        moved: Floats = np.sign(x) * np.maximum(0.0, size - self.low) / (1.0 - self.low)
        return np.where(self._active, moved, 0.0)
