"""What the features share: windows as floats, sums along the samples, counting of flags."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.core.errors import SignalError

__all__ = [
    'Flags',
    'Floats',
    'as_windows',
    'count',
    'mean',
    'ratio',
    'sign_changes',
    'steps',
    'total',
]

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

LANES = 8
"""Flags are one byte each; so many fit a machine word, and a word adds up that many at once."""

MAX_LANE = 255
"""What a lane of one byte can count to."""


def as_windows(windows: ArrayLike, least: int = 1) -> Floats:
    """Return windows as floats, one row of memory per channel: sums then run in one order.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Of any unit; integers become float64.
    least : int
        Number of samples that the feature needs.
    """
    x = np.asarray(windows)
    if x.ndim < 2 or x.shape[-1] < least:
        samples = 'one sample' if least == 1 else f'{least} samples'
        raise SignalError(
            f'A window has the shape {x.shape}; expected (n_channels, n_samples) with at least '
            f'{samples}, or more axes before these two.'
        )
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float64)
    return np.ascontiguousarray(x)


def steps(x: Floats) -> Floats:
    """Return ``x[k+1] - x[k]`` along the samples."""
    result: Floats = x[..., 1:] - x[..., :-1]
    return result


def total(x: Floats) -> Floats:
    """Return the sum over the samples."""
    result: Floats = np.add.reduce(x, axis=-1)
    return result


def mean(x: Floats) -> Floats:
    """Return the mean over the samples."""
    result: Floats = total(x) / x.dtype.type(max(1, x.shape[-1]))
    return result


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient; 0 where the denominator is 0, as for a channel that is flat."""
    result: Floats = np.zeros(np.broadcast(numerator, denominator).shape, numerator.dtype)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def sign_changes(x: Floats) -> Flags:
    """Tell for each pair of neighbours whether one is below zero and the other above."""
    above, below = x > 0, x < 0
    rising: Flags = below[..., :-1] & above[..., 1:]
    falling: Flags = above[..., :-1] & below[..., 1:]
    return np.logical_or(rising, falling, out=rising)


def count(flags: Flags, dtype: np.dtype[Any]) -> Floats:
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
