"""Features with the names and definitions of MyoGestic, for decoders written for it.

Each function takes windows of shape ``(…, n_channels, n_samples)``, in volt, and returns one value
per channel as float32, of shape ``(…, n_channels)``. Two definitions differ from those of
`myogestic_ros.decoding.features.catalogue`: `var` divides by ``n_samples``, and `zc` counts changes
to and from zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.decoding.features import catalogue as features

__all__ = ['mav', 'rms', 'var', 'wl', 'zc']

Floats = NDArray[np.float32]


def rms(emg: ArrayLike) -> Floats:
    """Return the root mean square of each channel.

    Parameters
    ----------
    emg : array_like, shape (…, n_channels, n_samples)
        Windows, in volt.

    Returns
    -------
    ndarray of float32, shape (…, n_channels)
        Root mean square, in volt.
    """
    return _single(features.rms(emg))


def mav(emg: ArrayLike) -> Floats:
    """Return the mean absolute value of each channel.

    Parameters
    ----------
    emg : array_like, shape (…, n_channels, n_samples)
        Windows, in volt.

    Returns
    -------
    ndarray of float32, shape (…, n_channels)
        Mean absolute value, in volt.
    """
    return _single(features.mav(emg))


def wl(emg: ArrayLike) -> Floats:
    """Return the waveform length of each channel: the sum of the absolute differences.

    Parameters
    ----------
    emg : array_like, shape (…, n_channels, n_samples)
        Windows, in volt.

    Returns
    -------
    ndarray of float32, shape (…, n_channels)
        Waveform length, in volt.
    """
    return _single(features.wl(emg))


def var(emg: ArrayLike) -> Floats:
    """Return the variance of each channel, with the divisor ``n_samples``.

    Parameters
    ----------
    emg : array_like, shape (…, n_channels, n_samples)
        Windows, in volt.

    Returns
    -------
    ndarray of float32, shape (…, n_channels)
        Variance, in volt².
    """
    return _single(np.var(np.asarray(emg), axis=-1))


def zc(emg: ArrayLike) -> Floats:
    """Return the number of zero crossings of each channel: changes of the sign bit.

    Parameters
    ----------
    emg : array_like, shape (…, n_channels, n_samples)
        Windows, in volt.

    Returns
    -------
    ndarray of float32, shape (…, n_channels)
        Number of sign changes.
    """
    negative = np.signbit(np.asarray(emg))
    return _single(np.count_nonzero(negative[..., 1:] != negative[..., :-1], axis=-1))


def _single(values: Any) -> Floats:
    return np.asarray(values, np.float32)
