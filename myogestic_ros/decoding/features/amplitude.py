"""Features of the amplitude of the signal and the distribution of its samples.

Each function takes windows of shape ``(…, n_channels, n_samples)`` and returns one value per
channel, shape ``(…, n_channels)``. ``x[k]`` is sample ``k`` of ``N``; sums run over all valid ``k``.

References
----------
.. [1] B. Hudgins, P. Parker, R. N. Scott, "A new strategy for multifunction myoelectric
   control", IEEE Trans. Biomed. Eng. 40(1), 82-94, 1993.
.. [2] A. Phinyomark, P. Phukpattaranont, C. Limsakul, "Feature reduction and selection for EMG
   signal classification", Expert Syst. Appl. 39(8), 7420-7431, 2012.
.. [3] A. Phinyomark, R. N. Khushaba, E. Ibáñez-Marcelo, A. Patania, E. Scheme, G. Petri,
   "Navigating features: a topologically informed chart of electromyographic features space",
   J. R. Soc. Interface 14, 20170734, 2017.
.. [4] D. N. Joanes, C. A. Gill, "Comparing measures of sample skewness and kurtosis", The
   Statistician 47(1), 183-189, 1998.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Floats,
    as_windows,
    differences,
    mean,
    ratio,
    total,
)

__all__ = [
    'dasdv',
    'iav',
    'kurtosis',
    'log_detector',
    'mav',
    'mavfd',
    'mfl',
    'rms',
    'skewness',
    'var',
    'wl',
]


@public_address
@in_chunks
def mav(windows: ArrayLike) -> Floats:
    """Return the mean absolute value (MAV), ``sum(|x[k]|) / N`` [1]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    return mean(np.abs(as_windows(windows)))


@public_address
@in_chunks
def iav(windows: ArrayLike) -> Floats:
    """Return the integrated absolute value (IAV, integrated EMG), ``sum(|x[k]|)`` [2]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    return total(np.abs(as_windows(windows)))


@public_address
@in_chunks
def rms(windows: ArrayLike) -> Floats:
    """Return the root mean square (RMS), ``sqrt(sum(x[k]**2) / N)`` [2]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    result: Floats = np.sqrt(mean(np.square(as_windows(windows))))
    return result


@public_address
@in_chunks
def var(windows: ArrayLike) -> Floats:
    """Return the variance (VAR), ``sum((x[k] - mean(x))**2) / (N - 1)`` [2]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt²; 0 for a single sample.
    """
    x = as_windows(windows)
    centred = x - mean(x)[..., np.newaxis]
    squares = total(np.square(centred, out=centred))
    variance: Floats = squares / x.dtype.type(max(1, x.shape[-1] - 1))
    return variance


@public_address
@in_chunks
def log_detector(windows: ArrayLike, floor: float = 0.0) -> Floats:
    """Return the log detector (LOG), ``exp(sum(log(|x[k]|)) / N)`` [2]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    floor : float
        Smaller absolute values are replaced by this value, volt. With 0, as published, a single
        sample of 0 makes the result 0.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    x = np.abs(as_windows(windows))
    with np.errstate(divide='ignore'):
        result: Floats = np.exp(mean(np.log(np.maximum(x, x.dtype.type(floor), out=x))))
    return result


@public_address
@in_chunks
def wl(windows: ArrayLike) -> Floats:
    """Return the waveform length (WL), ``sum(|x[k+1] - x[k]|)`` [1]_.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    change = differences(as_windows(windows))
    return total(np.abs(change, out=change))


@public_address
@in_chunks
def mavfd(windows: ArrayLike) -> Floats:
    """Return the mean absolute value of the first difference (MAVFD) [3]_.

    ``sum(|x[k+1] - x[k]|) / (N - 1)``, the waveform length per step.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    change = differences(as_windows(windows))
    return mean(np.abs(change, out=change))


@public_address
@in_chunks
def dasdv(windows: ArrayLike) -> Floats:
    """Return the difference absolute standard deviation value (DASDV) [2]_.

    ``sqrt(sum((x[k+1] - x[k])**2) / (N - 1))``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Volt.
    """
    change = differences(as_windows(windows))
    result: Floats = np.sqrt(mean(np.square(change, out=change)))
    return result


@public_address
@in_chunks
def mfl(windows: ArrayLike) -> Floats:
    """Return the maximum fractal length (MFL) [3]_.

    ``log10(sqrt(sum((x[k+1] - x[k])**2)))``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels)
        Decimal logarithm of a value in volt; -inf for a constant channel.
    """
    change = differences(as_windows(windows))
    with np.errstate(divide='ignore'):
        result: Floats = np.log10(np.sqrt(total(np.square(change, out=change))))
    return result


@public_address
@in_chunks
def skewness(windows: ArrayLike) -> Floats:
    """Return the skewness, ``m3 / m2**1.5`` (g1 of [4]_).

    ``mp = sum((x[k] - mean(x))**p) / N`` is the central moment of order ``p``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit.

    Returns
    -------
    ndarray, shape (…, n_channels)
        No unit; 0 for a constant channel.
    """
    x = as_windows(windows)
    centred = x - mean(x)[..., np.newaxis]
    squares = centred * centred
    return ratio(mean(squares * centred), mean(squares) ** x.dtype.type(1.5))


@public_address
@in_chunks
def kurtosis(windows: ArrayLike) -> Floats:
    """Return the excess kurtosis, ``m4 / m2**2 - 3`` (g2 of [4]_).

    ``mp`` as in `skewness`. A normal distribution has excess kurtosis 0.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit.

    Returns
    -------
    ndarray, shape (…, n_channels)
        No unit; -3 for a constant channel.
    """
    x = as_windows(windows)
    centred = x - mean(x)[..., np.newaxis]
    squares = np.square(centred, out=centred)
    return ratio(mean(squares * squares), mean(squares) ** 2) - x.dtype.type(3.0)
