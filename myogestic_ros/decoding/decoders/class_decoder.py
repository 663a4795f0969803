"""A trained classifier of any recipe, as a model of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.models.public_address import public_address

__all__ = ['ClassDecoder', 'probabilities_of']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@public_address
class ClassDecoder:
    """A trained scikit-learn classifier, ready to predict one window at a time.

    Parameters
    ----------
    steps : estimator
        Trained; it predicts class indices.
    class_names : mapping of int to str
        Name of each class index.
    scores : mapping of str to float
        What is known of its quality.

    Attributes
    ----------
    steps, class_names, scores
        As given.
    parameters : dict
        What else the manifest should say.
    memory : object or None
        What it was trained on, for it to be adapted.
    """

    def __init__(
        self, steps: Any, class_names: Mapping[int, str], scores: Mapping[str, float]
    ) -> None:
        self.steps = steps
        self.class_names = dict(class_names)
        self.scores = dict(scores)
        self.parameters: dict[str, Any] = {}
        self.memory: Any = None
        self._indices = [int(index) for index in steps.classes_]
        self._names = [self.class_names[index] for index in self._indices]
        self._n_features = int(getattr(steps, 'n_features_in_', 0))

    def probabilities(self, features: Features) -> Floats:
        """Return the probability of each class, in ascending order of the class index.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.
        """
        if self._n_features and features.shape != (self._n_features,):
            raise DecoderError(
                f'Got features of shape {features.shape}, expected {(self._n_features,)}: the '
                f'model was trained on other channels or other features. Train a new one.'
            )
        result: Floats = probabilities_of(self.steps, features[np.newaxis])[0]
        return result

    def predict(self, features: Features) -> dict[str, Any]:
        """Return ``label`` (a class name), ``class`` (its index) and ``probabilities`` by name.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.
        """
        probabilities = self.probabilities(features)
        best = int(probabilities.argmax())
        return {
            'label': self._names[best],
            'class': self._indices[best],
            'probabilities': dict(zip(self._names, probabilities.tolist(), strict=True)),
        }

    def warm_up(self) -> None:
        """Predict once: what scikit-learn does at its first prediction takes ten times as long."""
        known = np.zeros(self._n_features) if self.memory is None else self.memory.features[0]
        self.predict(np.asarray(known, np.float64))


def probabilities_of(steps: Any, features: Features) -> Floats:
    """Return what a classifier holds for probable, shape (n_windows, n_classes).

    Of one that gives no probabilities, the softmax of its decision function, which ranks the
    classes but is not calibrated; of one that has neither, 1 for the class it predicts.
    """
    if hasattr(steps, 'predict_proba'):
        return np.asarray(steps.predict_proba(features), np.float64)
    if not hasattr(steps, 'decision_function'):
        found = np.asarray(steps.predict(features))[:, np.newaxis]
        return np.asarray(found == steps.classes_, np.float64)
    scores = np.asarray(steps.decision_function(features), np.float64)
    if scores.ndim == 1:  # two classes: how much the second is preferred
        scores = np.stack([-scores / 2, scores / 2], axis=-1)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = scores / scores.sum(axis=1, keepdims=True)
    return result
