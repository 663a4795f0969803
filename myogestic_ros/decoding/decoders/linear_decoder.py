"""Linear discriminant on log amplitudes: trained by scikit-learn, predicting without its overhead."""

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
from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder

__all__ = ['LinearDecoder', 'LogAmplitude', 'make_lda']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

SOFTNESS = 0.2
"""Offset added to each amplitude before the logarithm, as a share of its mean in training.

The offset keeps the logarithm from amplifying the noise of a muscle at rest. The value was selected
between 0.001 and 1 by leave-one-repetition-out cross-validation; values from 0.03 to 0.4 differ
little.
"""


@public_address
class LogAmplitude(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace amplitudes by their logarithm: ``log(amplitude + SOFTNESS * mean amplitude)``.

    The standard deviation of EMG amplitudes is proportional to their mean. That of their
    logarithms is about constant, as a linear discriminant assumes.

    Parameters
    ----------
    columns : sequence of int
        Columns of the features that are amplitudes.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self.columns = columns

    def fit(self, X: Features, y: Any = None) -> LogAmplitude:  # noqa: N803
        """Compute the mean of each amplitude; ``X`` has the shape (n_windows, n_features)."""
        self.n_features_in_ = np.shape(X)[1]
        means = np.asarray(X, np.float64)[:, list(self.columns)].mean(axis=0)
        live = means[means > 0]
        means[means <= 0] = live.mean() if live.size else 1.0  # a channel that was off
        self.offsets_ = means * SOFTNESS
        return self

    def transform(self, X: Features) -> Floats:  # noqa: N803
        """Return ``X``, shape (n_windows, n_features), with the logarithm of the amplitudes."""
        result = np.array(X, np.float64)
        columns = list(self.columns)
        result[:, columns] = np.log(result[:, columns] + self.offsets_)
        return result


def make_lda(amplitude_columns: Sequence[int]) -> Steps:
    """Return an untrained scikit-learn pipeline: log amplitudes, scaling, linear discriminant.

    The covariance is shrunk as proposed by Ledoit and Wolf [1]_. The shrinkage has no parameter,
    increases when there are few windows for many channels, and makes constant features harmless.

    Parameters
    ----------
    amplitude_columns : sequence of int
        Columns of the features that are amplitudes.

    References
    ----------
    .. [1] O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", J. Multivar. Anal. 88(2), 365-411, 2004.
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
    """A trained `make_lda` pipeline that predicts one window at a time.

    Gives the same probabilities as the scikit-learn pipeline, with one matrix product per window.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Trained result of `make_lda`; it predicts class indices.
    class_names : mapping of int to str
        Name of each class index.
    scores : mapping of str to float
        Scores from training, for the manifest.
    """

    def __init__(
        self, estimator: Steps, class_names: Mapping[int, str], scores: Mapping[str, float]
    ) -> None:
        super().__init__(estimator, class_names, scores)
        log, scale, lda = (step for _, step in estimator.steps)
        self._columns = np.asarray(log.columns, np.intp)
        self._amplitude_offsets: Floats = log.offsets_
        self._mean: Floats = scale.mean_
        weights, offsets = lda.coef_ / scale.scale_, lda.intercept_
        if len(lda.classes_) == 2:  # scikit-learn then has one row: second class against first
            weights = np.concatenate([np.zeros_like(weights), weights])
            offsets = np.concatenate([np.zeros_like(offsets), offsets])
        self._weights: Floats = np.ascontiguousarray(weights)
        self._offsets: Floats = offsets

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
        values = np.array(features, np.float64)
        if values.shape != self._mean.shape:
            raise DecoderError(
                f'Got features of shape {values.shape}, expected {self._mean.shape}: the model '
                f'was trained on other channels or other features. Train a new model.'
            )
        values[self._columns] = np.log(values[self._columns] + self._amplitude_offsets)
        values -= self._mean
        scores = self._weights @ values
        scores += self._offsets
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
        return scores
