"""Regularised discriminant analysis for many features and few repetitions.

References
----------
.. [1] J. H. Friedman, "Regularized discriminant analysis", J. Am. Stat. Assoc. 84(405), 165-175,
   1989.
.. [2] O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance
   matrices", J. Multivar. Anal. 88(2), 365-411, 2004.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.estimators.likelihood_classifier import LikelihoodClassifier

__all__ = ['RegularisedDiscriminant']

Floats = NDArray[np.float64]

MIN_SPREAD = 1e-9
"""Minimum standard deviation of a feature, as a share of the largest."""


@public_address
class RegularisedDiscriminant(LikelihoodClassifier):
    """Discriminant analysis between linear and quadratic [1]_, after shrinkage [2]_.

    1. The within-class covariance is shrunk towards its diagonal. Overlapping windows contain less
       information than as many independent windows, so the shrinkage is a multiple of Ledoit and
       Wolf's estimate.
    2. The windows are projected to the subspace of the class means, which has one dimension less
       than there are classes.
    3. There, the covariance of each class is a weighted mean of the pooled covariance and that of
       the class alone.

    All classes have the same prior probability, independent of their number of windows.

    Parameters
    ----------
    shrinkage_factor : float
        Multiple of Ledoit and Wolf's shrinkage; the result is at most 0.9.
    class_share : float
        Weight of the covariance of the class alone, 0 (linear) to 1 (quadratic).

    Attributes
    ----------
    shrinkage_ : float
        Shrinkage towards the diagonal, 0 to 0.9.
    """

    def __init__(self, shrinkage_factor: float = 4.0, class_share: float = 0.2) -> None:
        self.shrinkage_factor = shrinkage_factor
        self.class_share = class_share

    def fit(self, X: Any, y: Any) -> RegularisedDiscriminant:  # noqa: N803
        """Train on features (n_windows, n_features) and classes (n_windows,)."""
        x = np.asarray(X, np.float64)
        self.classes_, members = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DecoderError(
                f'Got windows of the classes {self.classes_}; expected at least two classes.'
            )
        means = np.stack([x[members == k].mean(axis=0) for k in range(len(self.classes_))])
        residuals = x - means[members]
        spread = residuals.std(axis=0)
        spread = np.maximum(spread, MIN_SPREAD * spread.max()) if spread.any() else spread + 1.0
        residuals /= spread
        self.shrinkage_, pooled = _shrunk(residuals, self.shrinkage_factor)
        whitening = _whitening(pooled)
        self.mean_ = means.mean(axis=0)
        means = ((means - self.mean_) / spread) @ whitening
        directions = np.linalg.svd(means, full_matrices=False)[2][: len(means) - 1]
        projection = whitening @ directions.T
        self.projection_ = projection / spread[:, np.newaxis]
        self.means_ = means @ directions.T
        self._fit_classes(residuals @ projection, members)
        return self

    def _fit_classes(self, residuals: Floats, members: NDArray[np.intp]) -> None:
        size, share = residuals.shape[1], self.class_share
        inverses, logarithms = [], []
        for k in range(len(self.classes_)):
            own = residuals[members == k]
            covariance = own.T @ own * (share / len(own))
            covariance[np.diag_indices(size)] += 1.0 - share
            factor = np.linalg.cholesky(covariance)
            inverses.append(np.linalg.inv(factor))
            logarithms.append(np.log(np.diag(factor)).sum())
        self.inverses_ = np.stack(inverses)
        self.logarithms_ = np.array(logarithms)

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return log-likelihoods up to a constant per window, shape (n_windows, n_classes)."""
        x = (np.asarray(X, np.float64) - self.mean_) @ self.projection_
        offsets = x[:, np.newaxis, :] - self.means_
        distances = np.matmul(self.inverses_, offsets[..., np.newaxis])[..., 0]
        scores: Floats = np.square(distances).sum(axis=-1) / -2 - self.logarithms_
        return scores


def _whitening(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    whitening: Floats = vectors / np.sqrt(values)
    return whitening


def _shrunk(residuals: Floats, factor: float) -> tuple[float, Floats]:
    """Return the shrinkage, and the covariance of standardised residuals shrunk to the identity."""
    n, size = residuals.shape
    covariance = residuals.T @ residuals / n
    off_diagonal = float(np.square(covariance).sum()) - float(np.square(np.diag(covariance)).sum())
    # Ledoit and Wolf's estimate: sum of the variance of the product over all pairs of features.
    variance = float(np.square(np.square(residuals).sum(axis=1)).sum()) / n
    variance -= float(np.square(covariance).sum())
    share = 1.0 if off_diagonal <= 0 else variance / n / off_diagonal
    shrinkage = min(0.9, max(1e-4, factor * share))
    covariance *= 1.0 - shrinkage
    covariance[np.diag_indices(size)] += shrinkage
    return shrinkage, covariance
