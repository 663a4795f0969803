"""What the features share: windows as floats, sums along the samples, flags and their number."""

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
    'turns',
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
    flat = x.reshape(-1)
    return _alternations(flat > 0, flat < 0, x.shape)[..., :-1]


def turns(x: Floats) -> Flags:
    """Tell for each sample but the first and last whether it is above both neighbours or below."""
    flat = x.reshape(-1)
    return _alternations(flat[1:] > flat[:-1], flat[1:] < flat[:-1], x.shape)[..., :-2]


def _alternations(up: Flags, down: Flags, shape: tuple[int, ...]) -> Flags:
    """Tell whether up is followed by down, or down by up.

    All rows are gone through as one, which is faster; so what is told at the end of a row, where
    it meets the next, is worth nothing.
    """
    found = np.zeros(shape, np.bool_)
    inside = found.reshape(-1)[: max(0, up.size - 1)]
    np.logical_and(up[:-1], down[1:], out=inside)
    np.logical_or(inside, down[:-1] & up[1:], out=inside)
    return found


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
