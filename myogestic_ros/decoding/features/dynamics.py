"""Features of the dynamics of the signal: linear prediction, Hjorth, spectrum, entropy.

Each function takes windows of shape ``(…, n_channels, n_samples)`` and returns values per channel,
shape ``(…, n_channels)`` or ``(…, n_channels, n_values)``.

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

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Floats,
    as_windows,
    differences,
    mean,
    ratio,
    total,
)

__all__ = ['ar', 'hjorth', 'mdf', 'mnf', 'sampen']


@public_address
@in_chunks
def ar(windows: ArrayLike, order: int = 4) -> Floats:
    """Return autoregressive coefficients (AR) by Burg's method [1]_; the mean is not removed.

    ``x[k] = a[1] x[k-1] + … + a[order] x[k-order] + noise``. The coefficients minimise the sum of
    the squared forward and backward prediction errors, order by order.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit.
    order : int
        Number of coefficients; less than the number of samples.

    Returns
    -------
    ndarray, shape (…, n_channels, order)
        ``a[1]`` to ``a[order]``, no unit; 0 for a channel that is 0.
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

    With the variance ``V`` (divided by N), the first difference ``dx`` and the second ``ddx``:
    activity ``V(x)``, mobility ``M(x) = sqrt(V(dx) / V(x))``, complexity ``M(dx) / M(x)`` with
    ``M(dx) = sqrt(V(ddx) / V(dx))``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt; at least three samples.

    Returns
    -------
    ndarray, shape (…, n_channels, 3)
        Activity in volt², mobility per sample, complexity without unit. Mobility and complexity of
        a constant channel are 0.
    """
    x = as_windows(windows, 3)
    change = differences(x)
    activity, v1, v2 = (_variance(signal) for signal in (x, change, differences(change)))
    mobility = np.sqrt(ratio(v1, activity))
    complexity = ratio(np.sqrt(ratio(v2, v1)), mobility)
    return np.stack([activity, mobility, complexity], axis=-1)


@public_address
@in_chunks
def mnf(windows: ArrayLike, sampling_rate: float) -> Floats:
    """Return the mean frequency (MNF), ``sum(f[j] P[j]) / sum(P[j])`` [3]_.

    ``P`` is the one-sided periodogram of the window, without its mean and without a taper.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit.
    sampling_rate : float
        Sampling rate, Hz.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Hz; 0 for a constant channel.
    """
    frequencies, power = _periodogram(windows, sampling_rate)
    return ratio(total(power * frequencies), total(power))


@public_address
@in_chunks
def mdf(windows: ArrayLike, sampling_rate: float) -> Floats:
    """Return the median frequency (MDF), which halves the power of the spectrum [3]_.

    The lowest ``f[j]`` with ``P[0] + … + P[j] >= sum(P) / 2``; ``P`` as in `mnf`.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit.
    sampling_rate : float
        Sampling rate, Hz.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Hz; 0 for a constant channel.
    """
    frequencies, power = _periodogram(windows, sampling_rate)
    reached = np.cumsum(power, axis=-1)
    half = reached[..., -1:] / 2
    result: Floats = frequencies[np.argmax(reached >= half, axis=-1)]
    return result


@public_address
@in_chunks
def sampen(windows: ArrayLike, m: int = 2, r: float = 0.2) -> Floats:
    """Return the sample entropy (SampEn), ``-log(A / B)`` [4]_.

    ``B`` is the number of pairs of different templates of ``m`` samples, among the first ``N - m``
    templates, that differ by at most ``r`` standard deviations in every sample. ``A`` is the number
    of these pairs whose next samples differ by at most that, too.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit; at least ``m + 2`` samples.
    m : int
        Length of the templates, samples.
    r : float
        Tolerance, in standard deviations of the window (divided by N).

    Returns
    -------
    ndarray, shape (…, n_channels)
        No unit. If ``A`` is 0, the upper limit ``log((N - m) (N - m - 1) / 2)``; 0 for a constant
        channel.
    """
    x = as_windows(windows, m + 2)
    tolerance = (r * np.sqrt(_variance(x)))[..., np.newaxis]
    n_templates = x.shape[-1] - m
    same, same_and_next = np.zeros((2, *x.shape[:-1]), np.int64)
    for lag in range(1, n_templates):
        close = np.abs(x[..., lag:] - x[..., :-lag]) <= tolerance
        runs = close[..., :-m].copy()
        for k in range(1, m):
            runs &= close[..., k : k - m]
        same += np.count_nonzero(runs, axis=-1)
        runs &= close[..., m:]
        same_and_next += np.count_nonzero(runs, axis=-1)
    largest = math.log(n_templates * (n_templates - 1) / 2)
    result = np.full(x.shape[:-1], largest, x.dtype)
    defined = same_and_next > 0
    result[defined] = np.log(same[defined] / same_and_next[defined])
    return result


def _variance(x: Floats) -> Floats:
    centred = x - mean(x)[..., np.newaxis]
    return mean(np.square(centred, out=centred))


def _periodogram(windows: ArrayLike, sampling_rate: float) -> tuple[Floats, Floats]:
    """Return frequencies (n_bins,), Hz, and the power at each, (…, n_channels, n_bins)."""
    x = as_windows(windows)
    n_samples = x.shape[-1]
    power = np.square(np.abs(np.fft.rfft(x - mean(x)[..., np.newaxis], axis=-1)))
    power[..., 1 : (n_samples + 1) // 2] *= 2  # one-sided: all but DC and Nyquist
    return np.fft.rfftfreq(n_samples, 1.0 / sampling_rate), power
