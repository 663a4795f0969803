"""Hudgins' time-domain features (HTD), of one stream and of all streams of a decoder.

References
----------
.. [1] B. Hudgins, P. Parker, R. N. Scott, "A new strategy for multifunction myoelectric
   control", IEEE Trans. Biomed. Eng. 40(1), 82-94, 1993.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.public_address import public_address
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.counts import slope_sign_change_flags, zero_crossing_flags
from myogestic_ros.decoding.features.math_utils import (
    Floats,
    as_windows,
    count,
    differences,
    mean,
    total,
)
from myogestic_ros.decoding.features.sliding import SlidingWindows

__all__ = ['amplitude_columns', 'extract_hudgins', 'hudgins']


@public_address
def hudgins(
    windows: ArrayLike, *, zc_threshold: float = 0.0, ssc_threshold: float = 0.0
) -> Floats:
    """Return Hudgins' time-domain features (HTD) [1]_: MAV, ZC, SSC and WL of every channel.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    zc_threshold, ssc_threshold : float
        Thresholds of ZC and SSC, volt; see `myogestic_ros.decoding.features.counts`.

    Returns
    -------
    ndarray, shape (…, 4 * n_channels)
        MAV of all channels (volt), then ZC (count), SSC (count) and WL (volt).
    """
    sliding = SlidingWindows.from_windows(windows)
    if sliding is not None:
        return _hudgins_sliding(sliding, zc_threshold, ssc_threshold)
    return _hudgins(windows, zc_threshold, ssc_threshold)


@in_chunks
def _hudgins(windows: ArrayLike, zc_threshold: float, ssc_threshold: float) -> Floats:
    x = as_windows(windows)
    n_channels = x.shape[-2]
    result = np.empty((*x.shape[:-2], 4, n_channels), x.dtype)
    result[..., 0, :] = mean(np.abs(x))
    result[..., 1, :] = count(zero_crossing_flags(x, zc_threshold), x.dtype)
    result[..., 2, :] = count(slope_sign_change_flags(x, ssc_threshold), x.dtype)
    change = differences(x)
    result[..., 3, :] = total(np.abs(change, out=change))
    return result.reshape(*x.shape[:-2], 4 * n_channels)


def _hudgins_sliding(sliding: SlidingWindows, zc_threshold: float, ssc_threshold: float) -> Floats:
    """Return the same as `hudgins`, with each shared sample processed once."""
    x, n = sliding.signal, sliding.n_samples
    result = np.empty((sliding.n_windows, 4, x.shape[0]), x.dtype)
    result[:, 0] = mean(sliding.windows(np.abs(x), n))
    result[:, 1] = sliding.counts(zero_crossing_flags(x, zc_threshold), n - 1)
    result[:, 2] = sliding.counts(slope_sign_change_flags(x, ssc_threshold), max(0, n - 2))
    change = differences(x)
    result[:, 3] = total(sliding.windows(np.abs(change, out=change), n - 1))
    return result.reshape(sliding.n_windows, -1)


@public_address
def extract_hudgins(windows: Mapping[str, Samples]) -> Floats:
    """Return the features of `hudgins` for all streams.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape ([n_windows,] n_channels, n_samples)
        Windows by stream name, volt.

    Returns
    -------
    ndarray, shape ([n_windows,] n_features)
        Four features per channel, as `hudgins` returns them. Streams follow one another in the
        order of their names.
    """
    if len(windows) == 1:
        (window,) = windows.values()
        return hudgins(window)
    return np.concatenate([hudgins(windows[name]) for name in sorted(windows)], axis=-1)


def amplitude_columns(n_channels: Mapping[str, int]) -> list[int]:
    """Return the columns of `extract_hudgins` that hold MAV and WL.

    Parameters
    ----------
    n_channels : mapping of str to int
        Number of channels of each stream.
    """
    columns: list[int] = []
    start = 0
    for name in sorted(n_channels):
        channels = n_channels[name]
        columns += range(start, start + channels)
        columns += range(start + 3 * channels, start + 4 * channels)
        start += 4 * channels
    return columns
