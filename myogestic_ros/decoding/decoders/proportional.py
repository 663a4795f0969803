"""Proportional decoders: features that grow with force, and outputs within [-1, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.features.math_utils import Floats, as_windows, mean, steps

__all__ = ['BoundedRegressor', 'PerFeature', 'ProportionalDecoder', 'extract_amplitudes']

N_DIFFERENCES = 3


@public_address
def extract_amplitudes(windows: Mapping[str, Samples]) -> Floats:
    """Return the mean absolute value of each channel and of its first three differences.

    Force grows about as these do. The differences whiten the signal, which makes its amplitude
    known better from a short window. An offset of a channel goes with its mean.

    Each window has the shape ``(n_channels, n_samples)``; with ``(n_windows, …)`` before it, so
    has the result before ``(n_features,)``.
    """
    found = []
    for name in sorted(windows):
        x = as_windows(windows[name], N_DIFFERENCES + 1)
        x = x - mean(x)[..., np.newaxis]
        for _ in range(N_DIFFERENCES):
            found.append(mean(np.abs(x)))
            x = steps(x)
        found.append(mean(np.abs(x)))
    return np.concatenate(found, axis=-1)


@public_address
class PerFeature(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divide features by the square root of their number, so that distances do not grow with it."""

    def fit(self, X: Any, y: Any = None) -> PerFeature:  # noqa: N803
        """Note the number of features."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return the features divided."""
        return np.asarray(X, np.float64) / np.sqrt(self.n_features_in_)


@public_address
class BoundedRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Learn targets of any unit, and return them within [-1, 1].

    Each target is divided by its largest absolute value in training, so 0 stays 0: a hand at
    rest. What the regressor makes of it is cut to [-1, 1].

    Parameters
    ----------
    regressor : estimator
        Trained on the divided targets.

    Attributes
    ----------
    scale_ : ndarray, shape (n_targets,)
        Largest absolute value of each target; ``prediction * scale_`` has its unit.
    """

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: Any, y: Any) -> BoundedRegressor:  # noqa: N803
        """Train on features (n_windows, n_features) and targets (n_windows[, n_targets])."""
        targets = np.asarray(y, np.float64)
        largest = np.abs(targets).max(axis=0)
        self.scale_ = np.where(largest > 0, largest, 1.0)
        self.n_features_in_ = np.shape(X)[1]
        self.regressor_ = clone(self.regressor).fit(X, targets / self.scale_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return the targets as shares of their largest, within [-1, 1]."""
        return np.clip(np.asarray(self.regressor_.predict(X), np.float64), -1.0, 1.0)


@public_address
class ProportionalDecoder:
    """A trained regressor, ready to predict one window at a time.

    Parameters
    ----------
    steps : BoundedRegressor
        Trained.
    dof_names : sequence of str
        Name of each degree of freedom.
    scores : mapping of str to float
        What is known of its quality.
    """

    def __init__(self, steps: Any, dof_names: list[str], scores: Mapping[str, float]) -> None:
        self.steps = steps
        self.dof_names = list(dof_names)
        self.scores = dict(scores)
        scales = np.atleast_1d(steps.scale_).tolist()
        self.parameters: dict[str, Any] = {'scales': dict(zip(dof_names, scales, strict=True))}
        self._n_features = int(steps.n_features_in_)

    def predict(self, features: Floats) -> dict[str, Any]:
        """Return ``dofs`` by name, within [-1, 1]; features of one window, (n_features,)."""
        if features.shape != (self._n_features,):
            raise DecoderError(
                f'Got features of shape {features.shape}, expected {(self._n_features,)}: the '
                f'model was trained on other channels or other features. Train a new one.'
            )
        values = np.atleast_1d(self.steps.predict(features[np.newaxis])[0])
        return {'dofs': dict(zip(self.dof_names, values.tolist(), strict=True))}

    def warm_up(self) -> None:
        """Predict once: what scikit-learn does at its first prediction takes ten times as long."""
        self.predict(np.zeros(self._n_features))
