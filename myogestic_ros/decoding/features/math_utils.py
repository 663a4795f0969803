"""Array functions that the features share: conversion of windows, sums, differences, counts."""

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
    'differences',
    'mean',
    'ratio',
    'sign_changes',
    'slope_sign_changes',
    'total',
]

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

LANES = 8
"""Flags (one byte each) per 64-bit word; adding words adds this many flags at once."""

MAX_LANE = 255
"""Largest count that fits one byte of a word."""


def as_windows(windows: ArrayLike, min_samples: int = 1) -> Floats:
    """Return windows as floating-point numbers, C-contiguous so that sums have a fixed order.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit; integers are converted to float64.
    min_samples : int
        Minimum number of samples.

    Raises
    ------
    SignalError
        If the shape is another one, or there are fewer samples.
    """
    x = np.asarray(windows)
    if x.ndim < 2 or x.shape[-1] < min_samples:
        samples = 'one sample' if min_samples == 1 else f'{min_samples} samples'
        raise SignalError(
            f'Got a window of shape {x.shape}, expected ([n_windows,] n_channels, n_samples) with at '
            f'least {samples}.'
        )
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float64)
    return np.ascontiguousarray(x)


def differences(x: Floats) -> Floats:
    """Return ``x[k+1] - x[k]``, shape (…, n_channels, n_samples - 1)."""
    result: Floats = x[..., 1:] - x[..., :-1]
    return result


def total(x: Floats) -> Floats:
    """Return the sum over the samples, shape (…, n_channels)."""
    result: Floats = np.add.reduce(x, axis=-1)
    return result


def mean(x: Floats) -> Floats:
    """Return the mean over the samples, shape (…, n_channels)."""
    result: Floats = total(x) / x.dtype.type(max(1, x.shape[-1]))
    return result


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient; 0 where the denominator is 0, as for a constant channel."""
    result: Floats = np.zeros(np.broadcast(numerator, denominator).shape, numerator.dtype)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def sign_changes(x: Floats) -> Flags:
    """Return True for adjacent samples of opposite sign, shape (…, n_channels, n_samples - 1)."""
    flat = x.reshape(-1)
    return _alternations(flat > 0, flat < 0, x.shape)[..., :-1]


def slope_sign_changes(x: Floats) -> Flags:
    """Return True for samples above or below both neighbours, (…, n_channels, n_samples - 2)."""
    flat = x.reshape(-1)
    return _alternations(flat[1:] > flat[:-1], flat[1:] < flat[:-1], x.shape)[..., :-2]


def _alternations(up: Flags, down: Flags, shape: tuple[int, ...]) -> Flags:
    """Return True where ``up`` is followed by ``down`` or ``down`` by ``up``.

    All rows are processed as one, which is faster. The values at the end of each row, next to the
    following row, are meaningless.
    """
    found = np.zeros(shape, np.bool_)
    inside = found.reshape(-1)[: max(0, up.size - 1)]
    np.logical_and(up[:-1], down[1:], out=inside)
    np.logical_or(inside, down[:-1] & up[1:], out=inside)
    return found


def count(flags: Flags, dtype: np.dtype[Any]) -> Floats:
    """Return the number of flags along the last axis, shape (…, n_channels)."""
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
