"""Features that count events: zero crossings, turns, and steps that are large.

Each takes windows of shape ``(…, n_channels, n_samples)`` and returns one number per channel,
shape ``(…, n_channels)``. References as in `myogestic_ros.decoding.features.amplitude`:

.. [1] Hudgins, Parker, Scott, IEEE Trans. Biomed. Eng. 40(1), 1993.
.. [2] Phinyomark, Phukpattaranont, Limsakul, Expert Syst. Appl. 39(8), 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Flags,
    Floats,
    as_windows,
    count,
    mean,
    sign_changes,
    steps,
    total,
    turns,
)
from myogestic_ros.decoding.features.sliding import SlidingWindows

__all__ = ['hudgins', 'ssc', 'wamp', 'zc']


@public_address
@in_chunks
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
    x = as_windows(windows)
    return count(_zero_crossings(x, threshold), x.dtype)


@public_address
@in_chunks
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
    x = as_windows(windows)
    return count(_turns(x, threshold), x.dtype)


@public_address
@in_chunks
def wamp(windows: ArrayLike, threshold: float) -> Floats:
    """Willison amplitude: how many steps are large, ``|x[k+1] - x[k]| >= threshold`` [2]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Smallest step that counts, volt; typically 10 to 100 µV, just above the noise.
    """
    x = as_windows(windows)
    change = steps(x)
    return count(np.abs(change, out=change) >= threshold, x.dtype)


@public_address
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
    overlap = SlidingWindows.of(windows)
    if overlap is not None:
        return _hudgins_of(overlap, zc_threshold, ssc_threshold)
    return _hudgins(windows, zc_threshold, ssc_threshold)


@in_chunks
def _hudgins(windows: ArrayLike, zc_threshold: float, ssc_threshold: float) -> Floats:
    x = as_windows(windows)
    n_channels = x.shape[-2]
    result = np.empty((*x.shape[:-2], 4, n_channels), x.dtype)
    result[..., 0, :] = mean(np.abs(x))
    result[..., 1, :] = count(_zero_crossings(x, zc_threshold), x.dtype)
    result[..., 2, :] = count(_turns(x, ssc_threshold), x.dtype)
    change = steps(x)
    result[..., 3, :] = total(np.abs(change, out=change))
    return result.reshape(*x.shape[:-2], 4 * n_channels)


def _hudgins_of(overlap: SlidingWindows, zc_threshold: float, ssc_threshold: float) -> Floats:
    """Return what `hudgins` returns, bit for bit, looking once at what windows share."""
    x, n = overlap.signal, overlap.n_samples
    result = np.empty((overlap.n_windows, 4, x.shape[0]), x.dtype)
    result[:, 0] = mean(overlap.windows(np.abs(x), n))
    result[:, 1] = overlap.counts(_zero_crossings(x, zc_threshold), n - 1)
    result[:, 2] = overlap.counts(_turns(x, ssc_threshold), max(0, n - 2))
    change = steps(x)
    result[:, 3] = total(overlap.windows(np.abs(change, out=change), n - 1))
    return result.reshape(overlap.n_windows, -1)


def _zero_crossings(x: Floats, threshold: float) -> Flags:
    flags = sign_changes(x)
    if threshold > 0:
        flags &= np.abs(steps(x)) >= threshold
    return flags


def _turns(x: Floats, threshold: float) -> Flags:
    flags = turns(x)
    if threshold > 0:
        large = np.abs(steps(x)) >= threshold
        flags &= large[..., 1:] | large[..., :-1]
    return flags
