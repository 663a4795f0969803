"""Decoder file to copy: Hudgins' time-domain features and a linear discriminant.

A decoder is a `Pipeline` with callbacks. Copy this file and change it. The built-in decoder
``htd_lda`` gives the same predictions (tested).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.callback import adapt_model
from myogestic_ros.decoding.decoders.classifier_training import train_classifier
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder, make_lda
from myogestic_ros.decoding.features.hudgins import amplitude_columns, extract_hudgins

__all__ = ['adapt', 'amplitude_columns', 'extract', 'pipeline', 'predict', 'train']

Features = NDArray[np.floating[Any]]

pipeline = Pipeline(predict_hz=50.0)

extract = pipeline.extract(extract_hudgins)


@pipeline.train
def train(data: TrainingData) -> LinearDecoder:
    """Train on all windows of the sessions; print window counts and scores."""
    return train_classifier(
        data,
        extract=extract,
        make_estimator=lambda n_channels: make_lda(amplitude_columns(n_channels)),
        build=LinearDecoder,
    )


@pipeline.adapt
def adapt(model: LinearDecoder, data: TrainingData) -> LinearDecoder:
    """Recalibrate a model with new sessions; print the scores."""
    columns = amplitude_columns({spec.name: spec.channels or 0 for spec in data.streams})
    adapted: LinearDecoder = adapt_model(
        model,
        data,
        extract=extract,
        settle_ms=data.settle_ms,
        fit=lambda features, classes: make_lda(columns).fit(features, classes),
        build=LinearDecoder,
    )
    return adapted


@pipeline.predict
def predict(model: LinearDecoder, features: Features) -> dict[str, Any]:
    """Return ``label`` (class name), ``class`` (class index) and ``probabilities`` by name."""
    return model.predict(features)
