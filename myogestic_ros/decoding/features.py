"""Features of EMG windows: the time-domain set of Hudgins, and relatives.

Each function takes windows of shape ``(…, n_channels, n_samples)`` and returns one number per
channel, shape ``(…, n_channels)``, in the floating type of the windows (float64 for integers).
Many windows at once give, bit for bit, what each gives alone.

Below, ``x[k]`` is sample ``k`` of ``N``, and a sum runs over all ``k`` that exist.

References
----------
.. [1] B. Hudgins, P. Parker, R. N. Scott, "A new strategy for multifunction myoelectric
   control", IEEE Trans. Biomed. Eng. 40(1), 82-94, 1993.
.. [2] A. Phinyomark, P. Phukpattaranont, C. Limsakul, "Feature reduction and selection for EMG
   signal classification", Expert Syst. Appl. 39(8), 7420-7431, 2012.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.core.errors import SignalError
from myogestic_ros.decoding.overlap import Overlap

__all__ = ['hudgins', 'mav', 'rms', 'ssc', 'var', 'wl', 'zc']

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

LANES = 8
"""Flags are one byte each; so many fit a machine word, and a word adds up that many at once."""

MAX_LANE = 255
"""What a lane of one byte can count to."""


def mav(windows: ArrayLike) -> Floats:
    """Mean absolute value, volt: ``sum(|x[k]|) / N`` [1]_."""
    return _mean(np.abs(_samples(windows)))


def rms(windows: ArrayLike) -> Floats:
    """Root mean square, volt: ``sqrt(sum(x[k]**2) / N)`` [2]_."""
    result: Floats = np.sqrt(_mean(np.square(_samples(windows))))
    return result


def var(windows: ArrayLike) -> Floats:
    """Variance, volt²: ``sum((x[k] - mean(x))**2) / (N - 1)`` [2]_; 0 for a single sample."""
    x = _samples(windows)
    centred = x - _mean(x)[..., np.newaxis]
    variance: Floats = _sum(np.square(centred, out=centred)) / x.dtype.type(
        max(1, x.shape[-1] - 1)
    )
    return variance


def wl(windows: ArrayLike) -> Floats:
    """Waveform length, volt: ``sum(|x[k+1] - x[k]|)`` [1]_."""
    steps = _steps(_samples(windows))
    return _sum(np.abs(steps, out=steps))


def zc(windows: ArrayLike, threshold: float = 0.0) -> Floats:
    """Zero crossings: how often the sign changes, noise apart [1]_.

    Counts ``k`` with ``x[k] > 0 > x[k+1]`` or ``x[k] < 0 < x[k+1]``, and
    ``|x[k] - x[k+1]| >= threshold``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Smallest step that is no noise, volt.
    """
    x = _samples(windows)
    return _count(_zero_crossings(x, _steps(x) if threshold > 0 else None, threshold), x.dtype)


def ssc(windows: ArrayLike, threshold: float = 0.0) -> Floats:
    """Slope sign changes: how often the signal turns, noise apart [1]_.

    Counts ``k`` where ``x[k]`` is greater than both neighbours or less than both, and
    ``|x[k] - x[k-1]| >= threshold`` or ``|x[k] - x[k+1]| >= threshold``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Smallest step that is no noise, volt.
    """
    x = _samples(windows)
    return _count(_turns(_steps(x), threshold), x.dtype)


def hudgins(
    windows: ArrayLike, *, zc_threshold: float = 0.0, ssc_threshold: float = 0.0
) -> Floats:
    """Return Hudgins' time-domain set (HTD) [1]_: MAV, ZC, SSC and WL of every channel.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    zc_threshold, ssc_threshold : float
        Thresholds of `zc` and `ssc`, volt.

    Returns
    -------
    ndarray, shape (…, 4 * n_channels)
        MAV of all channels, then ZC of all, then SSC, then WL.
    """
    overlap = Overlap.of(windows)
    if overlap is not None:
        return _hudgins_of(overlap, zc_threshold, ssc_threshold)
    x = _samples(windows)
    n_channels = x.shape[-2]
    result = np.empty((*x.shape[:-2], 4, n_channels), x.dtype)
    steps = _steps(x)
    result[..., 0, :] = _mean(np.abs(x))
    result[..., 1, :] = _count(_zero_crossings(x, steps, zc_threshold), x.dtype)
    result[..., 2, :] = _count(_turns(steps, ssc_threshold), x.dtype)
    result[..., 3, :] = _sum(np.abs(steps, out=steps))
    return result.reshape(*x.shape[:-2], 4 * n_channels)


def _hudgins_of(overlap: Overlap, zc_threshold: float, ssc_threshold: float) -> Floats:
    """Return what `hudgins` returns, bit for bit, looking once at what windows share."""
    x = overlap.signal
    n, dtype = overlap.n_samples, x.dtype
    result = np.empty((overlap.n_windows, 4, x.shape[0]), dtype)
    steps = _steps(x)
    result[:, 0] = _mean(overlap.windows(np.abs(x), n))
    result[:, 1] = overlap.counts(_zero_crossings(x, steps, zc_threshold), n - 1)
    result[:, 2] = overlap.counts(_turns(steps, ssc_threshold), max(0, n - 2))
    result[:, 3] = _sum(overlap.windows(np.abs(steps, out=steps), n - 1))
    return result.reshape(overlap.n_windows, -1)


def _samples(windows: ArrayLike) -> Floats:
    """Return windows as floats, one row of memory per channel: sums then run in one order."""
    x = np.asarray(windows)
    if x.ndim < 2 or not x.shape[-1]:
        raise SignalError(
            f'A window has the shape {x.shape}; expected (n_channels, n_samples) with at least '
            f'one sample, or more axes before these two.'
        )
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float64)
    return np.ascontiguousarray(x)


def _steps(x: Floats) -> Floats:
    result: Floats = x[..., 1:] - x[..., :-1]
    return result


def _sum(x: Floats) -> Floats:
    result: Floats = np.add.reduce(x, axis=-1)
    return result


def _mean(x: Floats) -> Floats:
    result: Floats = _sum(x) / x.dtype.type(x.shape[-1])
    return result


def _zero_crossings(x: Floats, steps: Floats | None, threshold: float) -> Flags:
    flags = _sign_changes(x)
    if threshold > 0 and steps is not None:
        flags &= np.abs(steps) >= threshold
    return flags


def _turns(steps: Floats, threshold: float) -> Flags:
    flags = _sign_changes(steps)
    if threshold > 0:
        large = np.abs(steps) >= threshold
        flags &= large[..., 1:] | large[..., :-1]
    return flags


def _sign_changes(x: Floats) -> Flags:
    """Tell for each pair of neighbours whether one is below zero and the other above."""
    above, below = x > 0, x < 0
    rising: Flags = below[..., :-1] & above[..., 1:]
    falling: Flags = above[..., :-1] & below[..., 1:]
    return np.logical_or(rising, falling, out=rising)


def _count(flags: Flags, dtype: np.dtype[Any]) -> Floats:
    """Count the flags along the last axis, eight to a machine word."""
    n_flags = flags.shape[-1]
    n_words = max(1, -(-n_flags // LANES))
    if n_words > MAX_LANE:
        counts: Floats = np.add.reduce(flags, axis=-1, dtype=dtype)
        return counts
    padded = np.zeros((*flags.shape[:-1], n_words * LANES), np.uint8)
    padded[..., :n_flags] = flags
    words = np.add.reduce(padded.view(np.uint64), axis=-1, keepdims=True)
    result: Floats = np.add.reduce(words.view(np.uint8), axis=-1, dtype=dtype)
    return result
