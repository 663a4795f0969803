"""The features of the best ready decoder: how channels go together, now and a moment later."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.models.public_address import public_address
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

MOST_GROUPS = 16
"""More channels than that are joined, neighbour with neighbour, before they are multiplied."""

LAGS_A_WINDOW = 200
"""The lag is a window's length divided by this (1 ms of 200 ms), at least one sample."""

REGULARISATION = 1e-2
"""Share of the mean variance that is added to each, see `regularise`."""


@public_address
def extract_log_covariances(windows: Mapping[str, Samples]) -> Floats:
    """Return the features of `lagged_covariance`, stream after stream in order of their names.

    Each window has the shape ``(n_channels, n_samples)``; with ``(n_windows, …)`` before it, so
    has the result before ``(n_features,)``.
    """
    found = [lagged_covariance(windows[name]) for name in sorted(windows)]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


@public_address
def extract_log_covariances_and_hudgins(windows: Mapping[str, Samples]) -> Floats:
    """Return the features of `extract_log_covariances`, and after them Hudgins' of all streams, no offset in them."""
    centred = {name: without_offset(as_windows(window, 2)) for name, window in windows.items()}
    return np.concatenate([extract_log_covariances(windows), extract_hudgins(centred)], axis=-1)


def block_sizes(n_channels: Mapping[str, int]) -> list[int]:
    """Return how many of the features of `extract_log_covariances_and_hudgins` are of the one and other kind."""
    joined = MOST_GROUPS * (2 * MOST_GROUPS + 1)
    first = [n * (2 * n + 1) if n <= MOST_GROUPS else joined + 2 * n for n in n_channels.values()]
    return [sum(first), 4 * sum(n_channels.values())]


@public_address
def extract_covariances(windows: Mapping[str, Samples]) -> Floats:
    """Return the half of the covariance ``Z`` of `lagged_covariance`, regularised, no logarithm.

    Of the first stream in order of their names; more than 16 channels are joined.
    """
    x = without_offset(as_windows(windows[min(windows)], 2))
    if x.shape[-2] > MOST_GROUPS:
        x = spatial_groups(x, MOST_GROUPS)
    return half_vector(_covariance(_compress(x), _lag(x)))


@public_address
@in_chunks
def lagged_covariance(windows: ArrayLike) -> Floats:
    """Return the logarithm of the covariance of channels, now and one lag later, as a vector.

    1. Each channel's offset is taken away, all of it when it is large beside the signal; of
       one that is small, hardly anything, since that may be signal.
    2. Samples are compressed to ``sign(x) |x|**(3/4)``: bursts count for less.
    3. Of ``z[k] = (x[k], x[k + lag])``, all channels twice, the covariance ``Z`` is computed. It
       holds how large each channel is, how fast it changes, and how channels go together.
    4. The features are the half of ``log(Z)``, see `log_covariance`. A unit of another size
       moves all windows by the same vector, so it makes no difference.

    Of more than 16 channels, means of neighbours take the place of channels in all this, and
    the logarithm of the mean of each channel's ``|x|**(3/4)`` and ``|dx|**(3/4)`` stands beside.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Of any unit.

    Returns
    -------
    ndarray of float64, shape (…, n_features)
        ``n (2 n + 1)`` features for ``n`` channels; for more than 16, 528 and two per channel.
    """
    x = without_offset(as_windows(windows, 2))
    lag = _lag(x)
    if x.shape[-2] <= MOST_GROUPS:
        return _logarithm(_compress(x), lag)
    joined = _logarithm(_compress(spatial_groups(x, MOST_GROUPS)), lag)
    amplitudes = [_log_mean(_three_quarters(np.abs(s))) for s in (x, x[..., lag:] - x[..., :-lag])]
    return np.concatenate([joined, *amplitudes], axis=-1)


def without_offset(x: Floats) -> Floats:
    """Return the windows less ``mean * mean**2 / (mean**2 + variance)`` of each channel.

    All of an offset that is large beside the signal. The mean of a window of a few samples is
    signal when there is no offset, and stays.
    """
    average = mean(x)[..., np.newaxis]
    power = np.square(average)
    both = mean(np.square(x))[..., np.newaxis]  # mean**2 + variance
    share = np.divide(power, both, out=np.zeros_like(power), where=both > 0)
    result: Floats = x - average * share
    return result


def spatial_groups(x: Floats, n_groups: int) -> Floats:
    """Return the means of neighbouring channels, shape (…, n_groups, n_samples)."""
    bounds = np.linspace(0, x.shape[-2], n_groups + 1).round().astype(np.intp)
    sums = np.add.reduceat(x, bounds[:-1], axis=-2)
    result: Floats = sums / np.diff(bounds).astype(x.dtype)[:, np.newaxis]
    return result


def _three_quarters(magnitudes: Floats) -> Floats:
    root = np.sqrt(magnitudes)
    result: Floats = root * np.sqrt(root)  # several times faster than a power
    return result


def _compress(x: Floats) -> Floats:
    result: Floats = np.copysign(_three_quarters(np.abs(x)), x)
    return result


def _lag(x: Floats) -> int:
    return max(1, round(int(x.shape[-1]) / LAGS_A_WINDOW))


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
