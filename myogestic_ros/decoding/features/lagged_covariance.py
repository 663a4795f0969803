"""Log covariance of the channels with a time lag: the features of decoder ``covariance``.

The covariance of the channels and their delayed copies contains the power of each channel, its
spectrum (through the autocorrelation at the lag) and the correlation between channels. The matrix
logarithm maps it to a vector space [1]_. Compressing the amplitudes and adding the lag are
additions of this package.

References
----------
.. [1] V. Arsigny, P. Fillard, X. Pennec, N. Ayache, "Log-Euclidean metrics for fast and simple
   calculus on diffusion tensors", Magn. Reson. Med. 56(2), 411-421, 2006.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.public_address import public_address
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.covariance import half_vector, matrix_logarithm, regularise
from myogestic_ros.decoding.features.hudgins import extract_hudgins
from myogestic_ros.decoding.features.math_utils import Floats, as_windows, mean

__all__ = [
    'block_sizes',
    'extract_covariances',
    'extract_log_covariances',
    'extract_log_covariances_and_hudgins',
    'lagged_covariance',
    'spatial_groups',
]

MAX_GROUPS = 16
"""Maximum size of the covariance; more channels are averaged in groups of neighbours."""

LAGS_PER_WINDOW = 200
"""Window length divided by the lag: a lag of 1 ms for 200 ms, at least one sample."""

REGULARISATION = 1e-2
"""Share of the mean variance that is added to each variance; see `regularise`."""


@public_address
def extract_log_covariances(windows: Mapping[str, Samples]) -> Floats:
    """Return the features of `lagged_covariance` for all streams.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape ([n_windows,] n_channels, n_samples)
        Windows by stream name, any unit.

    Returns
    -------
    ndarray, shape ([n_windows,] n_features)
        Streams follow one another in the order of their names.
    """
    found = [lagged_covariance(windows[name]) for name in sorted(windows)]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


@public_address
def extract_log_covariances_and_hudgins(windows: Mapping[str, Samples]) -> Floats:
    """Return the features of `extract_log_covariances`, followed by Hudgins' features.

    Hudgins' features are computed after `without_offset`.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape ([n_windows,] n_channels, n_samples)
        Windows by stream name, volt.

    Returns
    -------
    ndarray, shape ([n_windows,] n_features)
        Two blocks of the sizes that `block_sizes` returns.
    """
    centred = {name: without_offset(as_windows(window, 2)) for name, window in windows.items()}
    return np.concatenate([extract_log_covariances(windows), extract_hudgins(centred)], axis=-1)


def block_sizes(n_channels: Mapping[str, int]) -> list[int]:
    """Return the number of features of each block of `extract_log_covariances_and_hudgins`."""
    joined = MAX_GROUPS * (2 * MAX_GROUPS + 1)
    first = [n * (2 * n + 1) if n <= MAX_GROUPS else joined + 2 * n for n in n_channels.values()]
    return [sum(first), 4 * sum(n_channels.values())]


@public_address
def extract_covariances(windows: Mapping[str, Samples]) -> Floats:
    """Return the upper half of the regularised covariance ``Z`` of `lagged_covariance`.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape ([n_windows,] n_channels, n_samples)
        Windows by stream name, any unit. Only the first stream in the order of the names is used.

    Returns
    -------
    ndarray, shape ([n_windows,] n (2 n + 1))
        `half_vector` of ``Z`` for ``n`` channels, or 16 groups of them.
    """
    x = without_offset(as_windows(windows[min(windows)], 2))
    if x.shape[-2] > MAX_GROUPS:
        x = spatial_groups(x, MAX_GROUPS)
    return half_vector(_covariance(_compress(x), _lag(x)))


@public_address
@in_chunks
def lagged_covariance(windows: ArrayLike) -> Floats:
    """Return the log covariance of the channels and their delayed copies, as a vector.

    1. The offset of each channel is removed; see `without_offset`.
    2. Samples are compressed to ``sign(x) |x|**(3/4)``, to reduce the weight of bursts.
    3. ``Z`` is the covariance of ``z[k] = (x[k], x[k + lag])``, the channels and their delayed
       copies. It contains the power of each channel, its autocorrelation at the lag, and the
       correlation between channels.
    4. The features are the upper half of ``log(Z)``; see `log_covariance`. Another unit shifts all
       windows by the same vector, which does not affect a classifier.

    With more than 16 channels, the means of 16 groups of neighbouring channels replace the
    channels, and the logarithms of the means of ``|x|**(3/4)`` and ``|x[k + lag] - x[k]|**(3/4)``
    of each channel are added.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit; at least two samples.

    Returns
    -------
    ndarray of float64, shape (…, n_features)
        ``n (2 n + 1)`` features for ``n`` channels, no unit; with more than 16 channels, 528 and
        two per channel.
    """
    x = without_offset(as_windows(windows, 2))
    lag = _lag(x)
    if x.shape[-2] <= MAX_GROUPS:
        return _logarithm(_compress(x), lag)
    joined = _logarithm(_compress(spatial_groups(x, MAX_GROUPS)), lag)
    amplitudes = [_log_mean(_three_quarters(np.abs(s))) for s in (x, x[..., lag:] - x[..., :-lag])]
    return np.concatenate([joined, *amplitudes], axis=-1)


def without_offset(x: Floats) -> Floats:
    """Return the windows minus ``mean * mean**2 / (mean**2 + variance)`` of each channel.

    An offset much larger than the signal is removed completely. Without an offset, the mean of a
    short window is part of the signal and remains.

    Parameters
    ----------
    x : ndarray, shape (…, n_channels, n_samples)

    Returns
    -------
    ndarray, shape (…, n_channels, n_samples)
    """
    average = mean(x)[..., np.newaxis]
    power = np.square(average)
    both = mean(np.square(x))[..., np.newaxis]  # mean**2 + variance
    share = np.divide(power, both, out=np.zeros_like(power), where=both > 0)
    result: Floats = x - average * share
    return result


def spatial_groups(x: Floats, n_groups: int) -> Floats:
    """Return the means of groups of neighbouring channels, shape (…, n_groups, n_samples)."""
    bounds = np.linspace(0, x.shape[-2], n_groups + 1).round().astype(np.intp)
    sums = np.add.reduceat(x, bounds[:-1], axis=-2)
    result: Floats = sums / np.diff(bounds).astype(x.dtype)[:, np.newaxis]
    return result


def _three_quarters(magnitudes: Floats) -> Floats:
    root = np.sqrt(magnitudes)
    result: Floats = root * np.sqrt(root)  # several times faster than np.power
    return result


def _compress(x: Floats) -> Floats:
    result: Floats = np.copysign(_three_quarters(np.abs(x)), x)
    return result


def _lag(x: Floats) -> int:
    return max(1, round(int(x.shape[-1]) / LAGS_PER_WINDOW))


def _covariance(s: Floats, lag: int) -> Floats:
    z = np.concatenate([s[..., :-lag], s[..., lag:]], axis=-2)
    products = (z @ z.swapaxes(-1, -2)).astype(np.float64)
    products /= z.shape[-1]
    return regularise(products, REGULARISATION)


def _logarithm(s: Floats, lag: int) -> Floats:
    return half_vector(matrix_logarithm(_covariance(s, lag)))


def _log_mean(magnitudes: Floats) -> Floats:
    values = mean(magnitudes).astype(np.float64)
    average = values.mean(axis=-1, keepdims=True)
    least = np.finfo(np.float64).tiny
    result: Floats = np.log(values + np.maximum(REGULARISATION * average, least))
    return result
