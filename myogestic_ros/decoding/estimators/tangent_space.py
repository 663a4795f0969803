"""Projection of covariance matrices to the tangent space at their geometric mean.

References
----------
.. [1] A. Barachant, S. Bonnet, M. Congedo, C. Jutten, "Multiclass brain-computer interface
   classification by Riemannian geometry", IEEE Trans. Biomed. Eng. 59(4), 920-928, 2012.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.covariance import half_vector, matrices, matrix_logarithm

__all__ = ['TangentSpace']

Floats = NDArray[np.float64]
Matrix = NDArray[np.floating[Any]]


@public_address
class TangentSpace(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Project covariances to the tangent space at their geometric mean [1]_.

    The distance of two tangent vectors approximates the affine-invariant distance of the matrices,
    which does not depend on the gains of the channels or on a linear mixture of them.

    Parameters
    ----------
    max_iterations : int
        Maximum number of iterations for the geometric mean; 5 to 10 are usual.
    tolerance : float
        The iteration stops when the norm of the step per channel is below this value.

    Attributes
    ----------
    whitening_ : ndarray, shape (n_channels, n_channels)
        Inverse square root of the geometric mean.
    """

    def __init__(self, max_iterations: int = 30, tolerance: float = 1e-6) -> None:
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any = None) -> TangentSpace:  # noqa: N803
        """Compute the geometric mean of matrices given as `half_vector` (n_windows, n_features)."""
        covariances: Matrix = matrices(np.asarray(X, np.float64))
        self.n_features_in_ = np.shape(X)[1]
        whitening = _power(covariances.mean(axis=0), -0.5)
        for _ in range(self.max_iterations):
            step: Matrix = matrix_logarithm(whitening @ covariances @ whitening).mean(axis=0)
            back = _power(whitening, -1.0)
            mean = back @ _exponential(step) @ back
            whitening = _power((mean + mean.T) / 2, -0.5)
            if np.linalg.norm(step) < self.tolerance * len(step):
                break
        self.whitening_ = whitening
        return self

    def transform(self, X: Any) -> Floats:  # noqa: N803
        """Return the tangent vectors, shape (n_windows, n_features)."""
        covariances = matrices(np.asarray(X, np.float64))
        whitened = self.whitening_ @ covariances @ self.whitening_
        return np.asarray(half_vector(matrix_logarithm(whitened)), np.float64)


def _power(matrix: Matrix, exponent: float) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    result: Floats = (vectors * values**exponent) @ vectors.T
    return result


def _exponential(matrix: Matrix) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    result: Floats = (vectors * np.exp(values)) @ vectors.T
    return result
