"""Covariance matrices of the channels, and their representation as vectors.

Symmetric positive definite matrices form a curved space (a Riemannian manifold), in which Euclidean
means and distances are not appropriate. Two maps to vectors are common: the matrix logarithm
(log-Euclidean), and the logarithm relative to a reference matrix (its tangent space).

References
----------
.. [1] V. Arsigny, P. Fillard, X. Pennec, N. Ayache, "Log-Euclidean metrics for fast and simple
   calculus on diffusion tensors", Magn. Reson. Med. 56(2), 411-421, 2006.
.. [2] A. Barachant, S. Bonnet, M. Congedo, C. Jutten, "Multiclass brain-computer interface
   classification by Riemannian geometry", IEEE Trans. Biomed. Eng. 59(4), 920-928, 2012.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import Floats, as_windows, mean

__all__ = [
    'covariance',
    'half_vector',
    'log_covariance',
    'matrices',
    'matrix_logarithm',
    'regularise',
    'tangent_vectors',
]


@public_address
@in_chunks
def covariance(windows: ArrayLike) -> Floats:
    """Return the covariance of the channels, ``sum((x - mean) (x - mean)^T) / N``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.

    Returns
    -------
    ndarray, shape (…, n_channels, n_channels)
        Volt².
    """
    x = as_windows(windows)
    centred = x - mean(x)[..., np.newaxis]
    result: Floats = centred @ centred.swapaxes(-1, -2)
    result /= x.dtype.type(x.shape[-1])
    return result


@public_address
@in_chunks
def log_covariance(windows: ArrayLike, regularisation: float = 1e-2) -> Floats:
    """Return the log-Euclidean vector of the covariance [1]_, the upper half of ``log(C)``.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    regularisation : float
        ``share`` of `regularise`.

    Returns
    -------
    ndarray, shape (…, n_channels * (n_channels + 1) / 2)
        `half_vector` of ``log(C)``.
    """
    return half_vector(matrix_logarithm(regularise(covariance(windows), regularisation)))


def regularise(matrices: Floats, share: float) -> Floats:
    """Return ``C + share * trace(C) / n * I``, which is positive definite.

    A matrix of zeros (all channels constant) becomes a very small multiple of the identity, so that
    it has a logarithm.

    Parameters
    ----------
    matrices : ndarray, shape (…, n, n)
        Covariances, any unit.
    share : float
        Value added to the diagonal, as a share of its mean.
    """
    size = matrices.shape[-1]
    average = np.trace(matrices, axis1=-2, axis2=-1) / size
    least = np.finfo(matrices.dtype).tiny ** 0.5
    added = np.maximum(average * share, least)[..., np.newaxis]
    result: Floats = matrices.copy()
    diagonal = np.arange(size)
    result[..., diagonal, diagonal] += added
    return result


def matrix_logarithm(matrices: Floats) -> Floats:
    """Return the logarithm of symmetric positive definite matrices, shape (…, n, n)."""
    values, vectors = np.linalg.eigh(matrices)
    floor = (
        values[..., -1:] * np.finfo(matrices.dtype).eps
    )  # rounding may make an eigenvalue negative
    logarithms = np.log(np.maximum(values, floor))
    result: Floats = (vectors * logarithms[..., np.newaxis, :]) @ vectors.swapaxes(-1, -2)
    return result


def half_vector(matrices: Floats) -> Floats:
    """Return the upper half of symmetric matrices as vectors of the same norm, row after row.

    Off-diagonal elements occur twice in the Frobenius norm, so they are multiplied by ``sqrt(2)``.

    Parameters
    ----------
    matrices : ndarray, shape (…, n, n)

    Returns
    -------
    ndarray, shape (…, n (n + 1) / 2)
    """
    rows, columns, weights = _half(matrices.shape[-1])
    result: Floats = matrices[..., rows, columns] * weights.astype(matrices.dtype)
    return result


def matrices(vectors: Floats) -> Floats:
    """Return the symmetric matrices (…, n, n) of vectors from `half_vector`."""
    size = (math.isqrt(8 * vectors.shape[-1] + 1) - 1) // 2
    rows, columns, weights = _half(size)
    values = vectors / weights.astype(vectors.dtype)
    result: Floats = np.empty((*vectors.shape[:-1], size, size), vectors.dtype)
    result[..., rows, columns] = values
    result[..., columns, rows] = values
    return result


def tangent_vectors(matrices: Floats, whitening: Floats) -> Floats:
    """Return vectors in the tangent space at a reference [2]_, the upper half of ``log(W C W)``.

    Parameters
    ----------
    matrices : ndarray, shape (…, n, n)
        Positive definite matrices.
    whitening : ndarray, shape (n, n)
        Inverse square root ``W`` of the reference matrix.

    Returns
    -------
    ndarray, shape (…, n (n + 1) / 2)
    """
    return half_vector(matrix_logarithm(whitening @ matrices @ whitening))


@lru_cache(maxsize=32)
def _half(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    rows, columns = np.triu_indices(size)
    return rows, columns, np.where(rows == columns, 1.0, math.sqrt(2.0))
