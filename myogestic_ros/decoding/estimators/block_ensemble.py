"""Ensemble of classifiers, each trained on its own block of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.estimators.likelihood_classifier import LikelihoodClassifier

__all__ = ['BlockEnsemble']

Floats = NDArray[np.float64]


@public_address
class BlockEnsemble(LikelihoodClassifier):
    """Train a classifier on each block of columns; average their log-likelihoods.

    Classifiers on different kinds of features make different errors, so their mean makes fewer.
    Each of them estimates fewer covariances from few repetitions than one classifier on all
    features.

    Parameters
    ----------
    sizes : sequence of int
        Number of columns of each block, in order.
    estimators : sequence of estimators
        One untrained classifier per block, with ``decision_function``.
    """

    def __init__(self, sizes: Sequence[int], estimators: Sequence[Any]) -> None:
        self.sizes = sizes
        self.estimators = estimators

    def fit(self, X: Any, y: Any) -> BlockEnsemble:  # noqa: N803
        """Train on features (n_windows, n_features) and classes (n_windows,)."""
        self.n_features_in_ = np.shape(X)[1]
        self.estimators_ = [
            clone(estimator).fit(block, y)
            for estimator, block in zip(self.estimators, self._blocks(X), strict=True)
        ]
        self.classes_ = self.estimators_[0].classes_
        return self

    def _blocks(self, X: Any) -> list[Any]:  # noqa: N803
        return np.split(np.asarray(X), np.cumsum(self.sizes)[:-1], axis=1)

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return the mean log-likelihood of the classifiers, shape (n_windows, n_classes)."""
        scores = [
            estimator.decision_function(block)
            for estimator, block in zip(self.estimators_, self._blocks(X), strict=True)
        ]
        mean: Floats = np.mean(scores, axis=0)
        return mean
