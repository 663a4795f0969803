"""Filters for the vector that a decoder gives at each tick: smooth it, at the price of delay.

Names, arguments and behaviour are MyoGestic's, so that its decoders find them here. For the raw
signal there is `myogestic_ros.core.streams.filter_spec`.

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

from myogestic_ros.core.models.public_address import public_address

__all__ = ['GaussianFilter', 'IdentityFilter', 'OneEuroFilter', 'VectorFilter', 'make_filter']

Vector = NDArray[Any]
Floats = NDArray[np.float64]

SHORTEST_S = 1e-6
"""Two ticks are taken to be so far apart at least, s."""


class VectorFilter(Protocol):
    """What is called once per tick."""

    def reset(self) -> None:
        """Forget the vectors so far."""

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return the next vector, shape (n_dofs,), smoothed; ``timestamp`` in s."""


@public_address
class IdentityFilter:
    """Changes nothing."""

    def reset(self) -> None:
        """Do nothing: there is nothing to forget."""

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return ``x``."""
        return x

    def delay_s(self, period_s: float) -> float:
        """Return the delay it adds, s."""
        return 0.0


@public_address
class GaussianFilter:
    """Mean of the last vectors; the weight of one that is ``a`` ticks old is ``exp(-a²/(2σ²))``.

    While there are fewer than ``n_vectors``, the mean is over those there are.

    Parameters
    ----------
    n_vectors : int
        How many vectors count.
    sigma : float
        Width of the weights, ticks.
    """

    def __init__(self, n_vectors: int = 5, sigma: float = 1.0) -> None:
        if n_vectors < 1:
            raise ValueError(f'n_vectors is {n_vectors}, expected at least 1')
        if not sigma > 0:
            raise ValueError(f'sigma is {sigma:g}, expected more than 0')
        self.n_vectors = n_vectors
        self.sigma = sigma
        ages = np.arange(n_vectors - 1, -1, -1, dtype=np.float64)  # the newest comes last
        self._weights: Floats = np.exp(-(ages**2) / (2.0 * sigma**2))
        self._recent: deque[Floats] = deque(maxlen=n_vectors)

    def reset(self) -> None:
        """Forget the vectors so far."""
        self._recent.clear()

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return the weighted mean of ``x``, shape (n_dofs,), and those before."""
        vector = _vector(x)
        self._recent.append(vector)
        weights = self._weights[-len(self._recent) :]
        return _like(x, weights @ np.stack(self._recent) / weights.sum())

    def delay_s(self, period_s: float) -> float:
        """Return the delay it adds, s, when ticks are ``period_s`` apart: the mean age."""
        ages = np.arange(self.n_vectors - 1, -1, -1, dtype=np.float64)
        return float(self._weights @ ages / self._weights.sum()) * period_s


@public_address
class OneEuroFilter:
    """A low-pass that lets fast movements through and holds still ones still [1]_.

    First order, with the cut-off ``min_cutoff_hz + beta * |speed|``, where the speed is smoothed
    with ``derivative_cutoff_hz``. Values that are not finite are passed over: the last good one
    is given instead, and nothing of them stays.

    Parameters
    ----------
    hz : float
        Ticks per second, for calls without a timestamp.
    min_cutoff_hz : float
        Cut-off at rest, Hz: lower is smoother, and later.
    beta : float
        How much of the speed, per second, is added to the cut-off.
    derivative_cutoff_hz : float
        Cut-off for the speed, Hz.
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
        """Forget the vectors so far."""
        self._value: Floats | None = None
        self._speed: Floats | None = None
        self._time_s: float | None = None

    def __call__(self, x: Vector, timestamp: float | None = None) -> Vector:
        """Return ``x``, shape (n_dofs,), smoothed; the first one as it is."""
        since_s = 1.0 / self.hz
        if timestamp is not None and self._time_s is not None:
            since_s = timestamp - self._time_s
        self._time_s = timestamp
        return self.step(x, since_s)

    def step(self, x: Vector, since_s: float) -> Vector:
        """Return ``x``, shape (n_dofs,), smoothed, when the one before came ``since_s`` before."""
        vector = _vector(x)
        good = np.isfinite(vector)
        if self._value is None or self._speed is None:
            if good.all():
                self._value, self._speed = vector.copy(), np.zeros_like(vector)
            return _like(x, vector)
        vector = np.where(good, vector, self._value)
        since_s = max(SHORTEST_S, since_s)
        speed = (vector - self._value) / since_s
        self._speed = self._speed + _share(self.derivative_cutoff_hz, since_s) * (
            speed - self._speed
        )
        cutoff = self.min_cutoff_hz + self.beta * np.abs(self._speed)
        self._value = self._value + _share(cutoff, since_s) * (vector - self._value)
        return _like(x, self._value)

    def delay_s(self, period_s: float) -> float:
        """Return the longest delay it adds, s: that at rest; the faster, the less."""
        return 1.0 / (2.0 * math.pi * self.min_cutoff_hz)


def make_filter(name: str, hz: float = 50.0, **arguments: Any) -> VectorFilter:
    """Return a filter by its name: ``identity``, ``gaussian`` or ``one_euro``.

    Parameters
    ----------
    name : str
        Which.
    hz : float
        Ticks per second; only ``one_euro`` uses it.
    **arguments
        What its class takes.
    """
    if name == 'one_euro':
        return OneEuroFilter(hz=hz, **arguments)
    kinds = {'identity': IdentityFilter, 'gaussian': GaussianFilter}
    if name not in kinds:
        raise ValueError(f'There is no filter {name!r}; expected identity, gaussian or one_euro.')
    made: VectorFilter = kinds[name](**arguments)
    return made


def _share(cutoff_hz: float | Floats, since_s: float) -> Any:
    """Return how far a first-order low-pass goes towards its input in one step."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * since_s))


def _vector(x: Vector) -> Floats:
    vector = np.asarray(x, np.float64)
    if vector.ndim != 1:
        raise ValueError(f'Got an array of shape {vector.shape}, expected (n_dofs,).')
    return vector


def _like(x: Vector, result: Floats) -> Vector:
    """Return the result in the floating type that was given."""
    dtype = getattr(x, 'dtype', np.dtype(np.float64))
    return result.astype(dtype if np.issubdtype(dtype, np.floating) else np.float64, copy=False)
