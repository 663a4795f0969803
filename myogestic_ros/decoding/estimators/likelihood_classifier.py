"""Base class of classifiers that compute a log-likelihood for every class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from myogestic_ros.core.public_address import public_address

__all__ = ['LikelihoodClassifier']

Floats = NDArray[np.float64]


@public_address
class LikelihoodClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify by the largest ``decision_function``, the log-likelihood of each class."""

    classes_: NDArray[Any]

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return log-likelihoods up to a constant per window, shape (n_windows, n_classes)."""
        raise NotImplementedError

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Return the probability of each class of ``classes_``, shape (n_windows, n_classes)."""
        scores = self.decision_function(X)
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the most likely class of each window, shape (n_windows,)."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]
