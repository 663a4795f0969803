"""Proportional decoders: amplitude features, and outputs within [-1, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.public_address import public_address
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.features.math_utils import Floats, as_windows, differences, mean

__all__ = ['BoundedRegressor', 'PerFeature', 'ProportionalDecoder', 'extract_amplitudes']

N_DIFFERENCES = 3
"""Order up to which differences of the signal are used as features."""


@public_address
def extract_amplitudes(windows: Mapping[str, Samples]) -> Floats:
    """Return the mean absolute value of each channel and of its first three differences.

    ``sum(|d[k]|) / N`` for ``d`` the signal without its mean, and its first, second and third
    difference. The amplitude of surface EMG increases about linearly with force. The differences
    whiten the signal, so that its amplitude can be estimated with less variance from a short
    window [1]_.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape ([n_windows,] n_channels, n_samples)
        Windows by stream name, volt; at least four samples.

    Returns
    -------
    ndarray, shape ([n_windows,] 4 * n_channels)
        Volt; all channels for the signal, then for each difference. Streams follow one another in
        the order of their names.

    References
    ----------
    .. [1] E. A. Clancy, N. Hogan, "Single site electromyograph amplitude estimation", IEEE Trans.
       Biomed. Eng. 41(2), 159-167, 1994.
    """
    found = []
    for name in sorted(windows):
        x = as_windows(windows[name], N_DIFFERENCES + 1)
        x = x - mean(x)[..., np.newaxis]
        for _ in range(N_DIFFERENCES):
            found.append(mean(np.abs(x)))
            x = differences(x)
        found.append(mean(np.abs(x)))
    return np.concatenate(found, axis=-1)


@public_address
class PerFeature(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divide features by the square root of their number.

    The distance of two windows then does not depend on the number of features.
    """

    def fit(self, X: Any, y: Any = None) -> PerFeature:  # noqa: N803
        """Store the number of features; ``X`` has the shape (n_windows, n_features)."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return ``X / sqrt(n_features)``, shape (n_windows, n_features)."""
        return np.asarray(X, np.float64) / np.sqrt(self.n_features_in_)


@public_address
class BoundedRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regressor for targets of any unit, with predictions within [-1, 1].

    Each target is divided by its largest absolute value in training, so that 0 remains 0, the rest
    posture. Predictions are clipped to [-1, 1].

    Parameters
    ----------
    regressor : estimator
        Untrained scikit-learn regressor; a clone is trained on the scaled targets.

    Attributes
    ----------
    scale_ : ndarray, shape (n_targets,)
        Largest absolute value of each target in training, in its unit; ``prediction * scale_`` has
        that unit.
    regressor_ : estimator
        Trained regressor.
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
        """Return scaled targets within [-1, 1], shape (n_windows[, n_targets])."""
        return np.clip(np.asarray(self.regressor_.predict(X), np.float64), -1.0, 1.0)


@public_address
class ProportionalDecoder:
    """A trained regressor that predicts the degrees of freedom of one window at a time.

    Parameters
    ----------
    estimator : BoundedRegressor
        Trained.
    dof_names : sequence of str
        Name of each DoF.
    scores : mapping of str to float
        Scores from training, for the manifest.
    """

    def __init__(self, estimator: Any, dof_names: list[str], scores: Mapping[str, float]) -> None:
        self.estimator = estimator
        self.dof_names = list(dof_names)
        self.scores = dict(scores)
        scales = np.atleast_1d(estimator.scale_).tolist()
        self.parameters: dict[str, Any] = {'scales': dict(zip(dof_names, scales, strict=True))}
        self._n_features = int(estimator.n_features_in_)

    def predict(self, features: Floats) -> dict[str, Any]:
        """Return the prediction for one window.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.

        Returns
        -------
        dict
            ``dofs``: value of each DoF by name, within [-1, 1].

        Raises
        ------
        DecoderError
            If the number of features is not that of the training.
        """
        if features.shape != (self._n_features,):
            raise DecoderError(
                f'Got features of shape {features.shape}, expected {(self._n_features,)}: the '
                f'model was trained on other channels or other features. Train a new model.'
            )
        values = np.atleast_1d(self.estimator.predict(features[np.newaxis])[0])
        return {'dofs': dict(zip(self.dof_names, values.tolist(), strict=True))}

    def warm_up(self) -> None:
        """Predict once: the first prediction of scikit-learn takes ten times as long as later ones."""
        self.predict(np.zeros(self._n_features))
