"""Trained classifier as the model of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.public_address import public_address

__all__ = ['ClassDecoder', 'probabilities_of']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@public_address
class ClassDecoder:
    """A trained scikit-learn classifier that predicts one window at a time.

    Parameters
    ----------
    estimator : estimator
        Trained classifier; it predicts class indices.
    class_names : mapping of int to str
        Name of each class index.
    scores : mapping of str to float
        Scores from training, for the manifest.

    Attributes
    ----------
    estimator, class_names, scores
        As given.
    parameters : dict
        Further settings for the manifest.
    memory : Memory or None
        Training windows, kept for recalibration.
    """

    def __init__(
        self, estimator: Any, class_names: Mapping[int, str], scores: Mapping[str, float]
    ) -> None:
        self.estimator = estimator
        self.class_names = dict(class_names)
        self.scores = dict(scores)
        self.parameters: dict[str, Any] = {}
        self.memory: Any = None
        self._indices = [int(index) for index in estimator.classes_]
        self._names = [self.class_names[index] for index in self._indices]
        self._n_features = int(getattr(estimator, 'n_features_in_', 0))

    def probabilities(self, features: Features) -> Floats:
        """Return the probability of each class.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.

        Returns
        -------
        ndarray, shape (n_classes,)
            0 to 1, in ascending order of the class index.

        Raises
        ------
        DecoderError
            If the number of features is not that of the training.
        """
        if self._n_features and features.shape != (self._n_features,):
            raise DecoderError(
                f'Got features of shape {features.shape}, expected {(self._n_features,)}: the '
                f'model was trained on other channels or other features. Train a new model.'
            )
        result: Floats = probabilities_of(self.estimator, features[np.newaxis])[0]
        return result

    def predict(self, features: Features) -> dict[str, Any]:
        """Return the prediction for one window.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.

        Returns
        -------
        dict
            ``label``: class name; ``class``: class index; ``probabilities``: probability by class
            name.
        """
        probabilities = self.probabilities(features)
        best = int(probabilities.argmax())
        return {
            'label': self._names[best],
            'class': self._indices[best],
            'probabilities': dict(zip(self._names, probabilities.tolist(), strict=True)),
        }

    def warm_up(self) -> None:
        """Predict once: the first prediction of scikit-learn takes ten times as long as later ones."""
        known = np.zeros(self._n_features) if self.memory is None else self.memory.features[0]
        self.predict(np.asarray(known, np.float64))


def probabilities_of(estimator: Any, features: Features) -> Floats:
    """Return class probabilities of a trained classifier.

    A classifier without ``predict_proba`` gives the softmax of its decision function, which ranks
    the classes but is not calibrated. A classifier with neither gives 1 for the predicted class.

    Parameters
    ----------
    estimator : estimator
        Trained scikit-learn classifier.
    features : ndarray, shape (n_windows, n_features)

    Returns
    -------
    ndarray, shape (n_windows, n_classes)
    """
    if hasattr(estimator, 'predict_proba'):
        return np.asarray(estimator.predict_proba(features), np.float64)
    if not hasattr(estimator, 'decision_function'):
        found = np.asarray(estimator.predict(features))[:, np.newaxis]
        return np.asarray(found == estimator.classes_, np.float64)
    scores = np.asarray(estimator.decision_function(features), np.float64)
    if scores.ndim == 1:  # two classes: scikit-learn returns the score of the second one only
        scores = np.stack([-scores / 2, scores / 2], axis=-1)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = scores / scores.sum(axis=1, keepdims=True)
    return result
