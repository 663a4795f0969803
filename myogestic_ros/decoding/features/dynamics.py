"""Features that say how the signal moves in time: linear prediction, Hjorth, spectrum, entropy.

Each takes windows of shape ``(…, n_channels, n_samples)`` and returns numbers per channel, shape
``(…, n_channels)`` or ``(…, n_channels, n_numbers)``.

References
----------
.. [1] J. P. Burg, "Maximum entropy spectral analysis", PhD thesis, Stanford University, 1975;
   S. M. Kay, "Modern spectral estimation", 1988, section 7.5.
.. [2] B. Hjorth, "EEG analysis based on time domain properties", Electroencephalogr. Clin.
   Neurophysiol. 29(3), 306-310, 1970.
.. [3] A. Phinyomark, P. Phukpattaranont, C. Limsakul, "Feature reduction and selection for EMG
   signal classification", Expert Syst. Appl. 39(8), 7420-7431, 2012.
.. [4] J. S. Richman, J. R. Moorman, "Physiological time-series analysis using approximate entropy
   and sample entropy", Am. J. Physiol. Heart Circ. Physiol. 278(6), H2039-H2049, 2000.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Floats,
    as_windows,
    mean,
    ratio,
    steps,
    total,
)

__all__ = ['ar', 'hjorth', 'mdf', 'mnf', 'sampen']


@public_address
@in_chunks
def ar(windows: ArrayLike, order: int = 4) -> Floats:
    """Return autoregressive coefficients by Burg's method [1]_, the mean not removed.

    ``x[k] = a[1] x[k-1] + … + a[order] x[k-order] + noise``, with the ``a`` that make the
    prediction errors forwards and backwards least, order by order; all 0 when flat.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Of any unit.
    order : int
        How many coefficients; less than the number of samples.

    Returns
    -------
    ndarray, shape (…, n_channels, order)
        ``a[1]`` to ``a[order]``.
    """
    x = as_windows(windows, order + 1)
    coefficients = np.zeros((*x.shape[:-1], order), x.dtype)
    forward, backward = x[..., 1:], x[..., :-1]
    for n in range(order):
        energy = total(np.square(forward)) + total(np.square(backward))
        reflection = ratio(2 * total(forward * backward), energy)[..., np.newaxis]
        before = coefficients[..., :n].copy()
        coefficients[..., :n] -= reflection * before[..., ::-1]
        coefficients[..., n : n + 1] = reflection
        forward, backward = (
            (forward - reflection * backward)[..., 1:],
            (backward - reflection * forward)[..., :-1],
        )
    return coefficients


@public_address
@in_chunks
def hjorth(windows: ArrayLike) -> Floats:
    """Return Hjorth's parameters [2]_: activity, mobility and complexity.

    With ``V`` the variance (divided by the number of samples) and ``d`` the first difference:
    activity ``V(x)``, mobility ``M(x) = sqrt(V(dx) / V(x))``, complexity ``M(dx) / M(x)``. The
    last two are 0 when flat.

    Returns
    -------
    ndarray, shape (…, n_channels, 3)
        Activity in volt², mobility per sample, complexity without unit.
    """
    x = as_windows(windows, 3)
    change = steps(x)
    activity, v1, v2 = (_variance(signal) for signal in (x, change, steps(change)))
    mobility = np.sqrt(ratio(v1, activity))
    complexity = ratio(np.sqrt(ratio(v2, v1)), mobility)
    return np.stack([activity, mobility, complexity], axis=-1)


@public_address
@in_chunks
def mnf(windows: ArrayLike, sampling_rate: float) -> Floats:
    """Mean frequency, Hz: ``sum(f[j] P[j]) / sum(P[j])`` [3]_; 0 when flat.

    ``P`` is the one-sided periodogram of the window, its mean removed, no taper.
    """
    frequencies, power = _periodogram(windows, sampling_rate)
    return ratio(total(power * frequencies), total(power))


@public_address
@in_chunks
def mdf(windows: ArrayLike, sampling_rate: float) -> Floats:
    """Median frequency, Hz: the first ``f[j]`` up to which half the power lies [3]_; 0 when flat.

    ``P`` as in `mnf`; ``P[0] + … + P[j] >= sum(P) / 2``.
    """
    frequencies, power = _periodogram(windows, sampling_rate)
    reached = np.cumsum(power, axis=-1)
    half = reached[..., -1:] / 2
    result: Floats = frequencies[np.argmax(reached >= half, axis=-1)]
    return result


@public_address
@in_chunks
def sampen(windows: ArrayLike, m: int = 2, r: float = 0.2) -> Floats:
    """Sample entropy [4]_: ``-log(A / B)``.

    Of all pairs of different stretches of ``m`` samples, among the first ``N - m`` stretches,
    ``B`` is how many nowhere differ by more than ``r`` standard deviations, and ``A`` how many
    of those agree in the next sample as well. When there is no such pair, the largest value
    that can be told, ``log((N - m) (N - m - 1) / 2)``; 0 when flat.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Of any unit.
    m : int
        Length of the stretches, samples.
    r : float
        Tolerance, in standard deviations of the window (divided by N).
    """
    x = as_windows(windows, m + 2)
    tolerance = (r * np.sqrt(_variance(x)))[..., np.newaxis]
    n_stretches = x.shape[-1] - m
    same, same_and_next = np.zeros((2, *x.shape[:-1]), np.int64)
    for lag in range(1, n_stretches):
        close = np.abs(x[..., lag:] - x[..., :-lag]) <= tolerance
        runs = close[..., :-m].copy()
        for k in range(1, m):
            runs &= close[..., k : k - m]
        same += np.count_nonzero(runs, axis=-1)
        runs &= close[..., m:]
        same_and_next += np.count_nonzero(runs, axis=-1)
    largest = math.log(n_stretches * (n_stretches - 1) / 2)
    result = np.full(x.shape[:-1], largest, x.dtype)
    told = same_and_next > 0
    result[told] = np.log(same[told] / same_and_next[told])
    return result


def _variance(x: Floats) -> Floats:
    centred = x - mean(x)[..., np.newaxis]
    return mean(np.square(centred, out=centred))


def _periodogram(windows: ArrayLike, sampling_rate: float) -> tuple[Floats, Floats]:
    """Return the frequencies (n_bins,) in Hz, and the power (…, n_channels, n_bins) at each."""
    x = as_windows(windows)
    n_samples = x.shape[-1]
    power = np.square(np.abs(np.fft.rfft(x - mean(x)[..., np.newaxis], axis=-1)))
    power[..., 1 : (n_samples + 1) // 2] *= 2  # the other side of each; DC and Nyquist have none
    return np.fft.rfftfreq(n_samples, 1.0 / sampling_rate), power
