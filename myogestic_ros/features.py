"""MyoGestic's features under their names there: what its decoders import.

Each takes a window of shape ``(…, n_channels, n_samples)``, in volt, and returns one number per
channel, float32, of shape ``(…, n_channels)``. They differ from those of
`myogestic_ros.decoding.features.catalogue` where MyoGestic's do: `var` divides by ``n_samples``, and `zc`
counts a change to or from zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.decoding.features import catalogue as features

__all__ = ['mav', 'rms', 'var', 'wl', 'zc']

Floats = NDArray[np.float32]


def rms(emg: ArrayLike) -> Floats:
    """Root mean square of each channel, volt."""
    return _single(features.rms(emg))


def mav(emg: ArrayLike) -> Floats:
    """Mean absolute value of each channel, volt."""
    return _single(features.mav(emg))


def wl(emg: ArrayLike) -> Floats:
    """Waveform length of each channel, volt: the sum of all steps, whatever their direction."""
    return _single(features.wl(emg))


def var(emg: ArrayLike) -> Floats:
    """Variance of each channel, volt²: the mean square about the mean."""
    return _single(np.var(np.asarray(emg), axis=-1))


def zc(emg: ArrayLike) -> Floats:
    """Zero crossings of each channel: how often the sign bit changes."""
    negative = np.signbit(np.asarray(emg))
    return _single(np.count_nonzero(negative[..., 1:] != negative[..., :-1], axis=-1))


def _single(values: Any) -> Floats:
    return np.asarray(values, np.float32)
