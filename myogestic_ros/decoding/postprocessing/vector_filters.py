"""Smoothing filters for predicted vectors (one per tick); each adds a delay.

Names, arguments and behaviour are those of MyoGestic. Filters for the raw signal are in
`myogestic_ros.core.streams.filter_spec`.

References
----------
.. [1] G. Casiez, N. Roussel, D. Vogel, "1€ filter: a simple speed-based low-pass filter for noisy
   input in interactive systems", CHI 2012, 2527-2530.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.public_address import public_address

__all__ = ['GaussianFilter', 'IdentityFilter', 'OneEuroFilter', 'VectorFilter', 'make_filter']

Vector = NDArray[Any]
Floats = NDArray[np.float64]

MIN_PERIOD_S = 1e-6
"""Minimum time between two ticks, s."""


class VectorFilter(Protocol):
    """Filter that is called once per tick."""

    def reset(self) -> None:
        """Discard the previous vectors."""

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return the filtered vector, shape (n_dofs,); ``timestamp`` in s."""


@public_address
class IdentityFilter:
    """Filter that returns its input."""

    def reset(self) -> None:
        """Do nothing: the filter has no state."""

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return ``x``."""
        return x

    def delay_s(self, period_s: float) -> float:
        """Return the delay of the filter, s."""
        return 0.0


@public_address
class GaussianFilter:
    """Weighted mean of the last vectors; the weight at age ``a`` ticks is ``exp(-a²/(2σ²))``.

    With fewer than ``n_vectors`` vectors, the mean is over the available ones.

    Parameters
    ----------
    n_vectors : int
        Number of vectors.
    sigma : float
        Standard deviation ``σ`` of the weights, ticks.
    """

    def __init__(self, n_vectors: int = 5, sigma: float = 1.0) -> None:
        if n_vectors < 1:
            raise ValueError(f'n_vectors is {n_vectors}, expected at least 1')
        if not sigma > 0:
            raise ValueError(f'sigma is {sigma:g}, expected more than 0')
        self.n_vectors = n_vectors
        self.sigma = sigma
        ages = np.arange(n_vectors - 1, -1, -1, dtype=np.float64)  # the newest is the last
        self._weights: Floats = np.exp(-(ages**2) / (2.0 * sigma**2))
        self._recent: deque[Floats] = deque(maxlen=n_vectors)

    def reset(self) -> None:
        """Discard the previous vectors."""
        self._recent.clear()

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return the weighted mean of ``x`` and the previous vectors, shape (n_dofs,)."""
        vector = _vector(x)
        self._recent.append(vector)
        weights = self._weights[-len(self._recent) :]
        return _like(x, weights @ np.stack(self._recent) / weights.sum())

    def delay_s(self, period_s: float) -> float:
        """Return the delay, s, for ticks ``period_s`` apart: the mean age of the vectors."""
        ages = np.arange(self.n_vectors - 1, -1, -1, dtype=np.float64)
        return float(self._weights @ ages / self._weights.sum()) * period_s


@public_address
class OneEuroFilter:
    """Low-pass filter with little delay in fast movements and little noise at rest [1]_.

    First-order low-pass filter with the cut-off ``min_cutoff_hz + beta * |speed|``; the speed is
    smoothed with ``derivative_cutoff_hz``. Values that are not finite are replaced by the last
    finite output and do not change the state.

    Parameters
    ----------
    hz : float
        Rate of the ticks for calls without a timestamp, Hz.
    min_cutoff_hz : float
        Cut-off at rest, Hz; a lower value gives smoother output and more delay.
    beta : float
        Increase of the cut-off per unit of speed.
    derivative_cutoff_hz : float
        Cut-off for the estimate of the speed, Hz.
    """

    def __init__(
        self,
        hz: float = 50.0,
        min_cutoff_hz: float = 1.0,
        beta: float = 0.02,
        derivative_cutoff_hz: float = 1.0,
    ) -> None:
        for name, value in (
            ('hz', hz),
            ('min_cutoff_hz', min_cutoff_hz),
            ('derivative_cutoff_hz', derivative_cutoff_hz),
        ):
            if not value > 0:
                raise ValueError(f'{name} is {value:g}, expected more than 0')
        self.hz = hz
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.derivative_cutoff_hz = derivative_cutoff_hz
        self.reset()

    def reset(self) -> None:
        """Discard the previous vectors."""
        self._value: Floats | None = None
        self._speed: Floats | None = None
        self._time_s: float | None = None

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return the filtered vector, shape (n_dofs,); the first one is unchanged."""
        since_s = 1.0 / self.hz
        if timestamp is not None and self._time_s is not None:
            since_s = timestamp - self._time_s
        self._time_s = timestamp
        return self.step(x, since_s)

    def step(self, x: Vector, since_s: float) -> Vector:
        """Return the filtered vector, shape (n_dofs,), ``since_s`` seconds after the previous one."""
        vector = _vector(x)
        good = np.isfinite(vector)
        if self._value is None or self._speed is None:
            if good.all():
                self._value, self._speed = vector.copy(), np.zeros_like(vector)
            return _like(x, vector)
        vector = np.where(good, vector, self._value)
        since_s = max(MIN_PERIOD_S, since_s)
        speed = (vector - self._value) / since_s
        self._speed = self._speed + _smoothing_factor(self.derivative_cutoff_hz, since_s) * (
            speed - self._speed
        )
        cutoff = self.min_cutoff_hz + self.beta * np.abs(self._speed)
        self._value = self._value + _smoothing_factor(cutoff, since_s) * (vector - self._value)
        return _like(x, self._value)

    def delay_s(self, period_s: float) -> float:
        """Return the maximum delay, s, which is that at rest."""
        return 1.0 / (2.0 * math.pi * self.min_cutoff_hz)


def make_filter(name: str, hz: float = 50.0, **arguments: Any) -> VectorFilter:
    """Create a filter by name.

    Parameters
    ----------
    name : str
        ``identity``, ``gaussian`` or ``one_euro``.
    hz : float
        Rate of the ticks, Hz; used by ``one_euro`` only.
    **arguments
        Arguments of the class.

    Raises
    ------
    ValueError
        If there is no such filter, or an argument is out of range.
    """
    if name == 'one_euro':
        return OneEuroFilter(hz=hz, **arguments)
    kinds = {'identity': IdentityFilter, 'gaussian': GaussianFilter}
    if name not in kinds:
        raise ValueError(f'There is no filter {name!r}; expected identity, gaussian or one_euro.')
    made: VectorFilter = kinds[name](**arguments)
    return made


def _smoothing_factor(cutoff_hz: float | Floats, since_s: float) -> Any:
    """Return the smoothing factor of a first-order low-pass filter for one step, 0 to 1."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * since_s))


def _vector(x: Vector) -> Floats:
    vector = np.asarray(x, np.float64)
    if vector.ndim != 1:
        raise ValueError(f'Got an array of shape {vector.shape}, expected (n_dofs,).')
    return vector


def _like(x: Vector, result: Floats) -> Vector:
    """Return the result in the floating-point type of the input."""
    dtype = getattr(x, 'dtype', np.dtype(np.float64))
    return result.astype(dtype if np.issubdtype(dtype, np.floating) else np.float64, copy=False)
