"""A linear classifier that is trained by scikit-learn and predicts without its overhead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline as Steps
from sklearn.preprocessing import StandardScaler

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder

__all__ = ['LinearDecoder', 'LogAmplitude', 'lda_steps']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

SOFTNESS = 0.2
"""Added to each amplitude before its logarithm, as share of its mean in training.

So the logarithm does not blow up the noise of a muscle at rest. Chosen between 0.001 and 1 by
leaving out one repetition at a time; the choice matters little from 0.03 to 0.4.
"""


@public_address
class LogAmplitude(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace amplitudes by their logarithm: ``log(amplitude + SOFTNESS * mean amplitude)``.

    The spread of EMG amplitudes grows with their size; that of their logarithms does not, which
    is what a linear discriminant assumes.

    Parameters
    ----------
    columns : sequence of int
        Which features are amplitudes.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self.columns = columns

    def fit(self, X: Features, y: Any = None) -> LogAmplitude:  # noqa: N803
        """Learn the mean of each amplitude; ``X`` has the shape (n_windows, n_features)."""
        self.n_features_in_ = np.shape(X)[1]
        means = np.asarray(X, np.float64)[:, list(self.columns)].mean(axis=0)
        live = means[means > 0]
        means[means <= 0] = live.mean() if live.size else 1.0  # a channel that was never on
        self.offsets_ = means * SOFTNESS
        return self

    def transform(self, X: Features) -> Floats:  # noqa: N803
        """Return ``X``, shape (n_windows, n_features), with logarithms of the amplitudes."""
        result = np.array(X, np.float64)
        columns = list(self.columns)
        result[:, columns] = np.log(result[:, columns] + self.offsets_)
        return result


def lda_steps(amplitude_columns: Sequence[int]) -> Steps:
    """Return an untrained linear discriminant on log amplitudes, as scikit-learn pipeline.

    The shrinkage of the covariance is Ledoit and Wolf's: it needs no choice, grows when there
    are few windows for many channels, and keeps constant features harmless.
    """
    return Steps(
        [
            ('log', LogAmplitude(list(amplitude_columns))),
            ('scale', StandardScaler()),
            ('lda', LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto')),
        ]
    )


@public_address
class LinearDecoder(ClassDecoder):
    """A trained `lda_steps`, ready to predict one window at a time.

    Parameters
    ----------
    steps : sklearn.pipeline.Pipeline
        Trained; it predicts class indices.
    class_names : mapping of int to str
        Name of each class index.
    scores : mapping of str to float
        What is known of its quality.
    """

    def __init__(
        self, steps: Steps, class_names: Mapping[int, str], scores: Mapping[str, float]
    ) -> None:
        super().__init__(steps, class_names, scores)
        log, scale, lda = (step for _, step in steps.steps)
        self._columns = np.asarray(log.columns, np.intp)
        self._amplitude_offsets: Floats = log.offsets_
        self._mean: Floats = scale.mean_
        weights, offsets = lda.coef_ / scale.scale_, lda.intercept_
        if len(lda.classes_) == 2:  # scikit-learn keeps one row then: second class against first
            weights = np.concatenate([np.zeros_like(weights), weights])
            offsets = np.concatenate([np.zeros_like(offsets), offsets])
        self._weights: Floats = np.ascontiguousarray(weights)
        self._offsets: Floats = offsets

    def probabilities(self, features: Features) -> Floats:
        """Return the probability of each class, in ascending order of the class index.

        Parameters
        ----------
        features : ndarray, shape (n_features,)
            Features of one window.
        """
        values = np.array(features, np.float64)
        if values.shape != self._mean.shape:
            raise DecoderError(
                f'Got features of shape {values.shape}, expected {self._mean.shape}: the model '
                f'was trained on other channels or other features. Train a new one.'
            )
        values[self._columns] = np.log(values[self._columns] + self._amplitude_offsets)
        values -= self._mean
        scores = self._weights @ values
        scores += self._offsets
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
        return scores
