"""Features that count events: zero crossings, slope sign changes, large differences.

Each function takes windows of shape ``(…, n_channels, n_samples)`` and returns one value per
channel, shape ``(…, n_channels)``.

References
----------
.. [1] B. Hudgins, P. Parker, R. N. Scott, "A new strategy for multifunction myoelectric
   control", IEEE Trans. Biomed. Eng. 40(1), 82-94, 1993.
.. [2] A. Phinyomark, P. Phukpattaranont, C. Limsakul, "Feature reduction and selection for EMG
   signal classification", Expert Syst. Appl. 39(8), 7420-7431, 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Flags,
    Floats,
    as_windows,
    count,
    differences,
    sign_changes,
    slope_sign_changes,
)

__all__ = ['slope_sign_change_flags', 'ssc', 'wamp', 'zc', 'zero_crossing_flags']


@public_address
@in_chunks
def zc(windows: ArrayLike, threshold: float = 0.0) -> Floats:
    """Return the number of zero crossings (ZC) [1]_.

    Counts ``k`` with ``x[k] > 0 > x[k+1]`` or ``x[k] < 0 < x[k+1]``, and
    ``|x[k] - x[k+1]| >= threshold``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Minimum difference, to ignore noise, volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Count.
    """
    x = as_windows(windows)
    return count(zero_crossing_flags(x, threshold), x.dtype)


@public_address
@in_chunks
def ssc(windows: ArrayLike, threshold: float = 0.0) -> Floats:
    """Return the number of slope sign changes (SSC) [1]_.

    Counts ``k`` where ``x[k]`` is greater than both neighbours or less than both, and
    ``|x[k] - x[k-1]| >= threshold`` or ``|x[k] - x[k+1]| >= threshold``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Minimum difference, to ignore noise, volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Count.
    """
    x = as_windows(windows)
    return count(slope_sign_change_flags(x, threshold), x.dtype)


@public_address
@in_chunks
def wamp(windows: ArrayLike, threshold: float) -> Floats:
    """Return the Willison amplitude (WAMP) [2]_.

    Counts ``k`` with ``|x[k+1] - x[k]| >= threshold``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    threshold : float
        Minimum difference, volt; typically 10 to 100 µV, just above the noise.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Count.
    """
    x = as_windows(windows)
    change = differences(x)
    return count(np.abs(change, out=change) >= threshold, x.dtype)


def zero_crossing_flags(x: Floats, threshold: float) -> Flags:
    """Return True for the pairs of samples that `zc` counts, (…, n_channels, n_samples - 1)."""
    flags = sign_changes(x)
    if threshold > 0:
        flags &= np.abs(differences(x)) >= threshold
    return flags


def slope_sign_change_flags(x: Floats, threshold: float) -> Flags:
    """Return True for the samples that `ssc` counts, (…, n_channels, n_samples - 2)."""
    flags = slope_sign_changes(x)
    if threshold > 0:
        large = np.abs(differences(x)) >= threshold
        flags &= large[..., 1:] | large[..., :-1]
    return flags
