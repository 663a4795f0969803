"""Hudgins' time-domain features and a linear discriminant, as a decoder of one's own is written.

Callbacks and a pipeline, to be copied and changed. The recipe of the same name, which the
pipeline node takes when it is asked for ``htd_lda``, is the same decoder: a test holds them
together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.callback import adapt_model
from myogestic_ros.decoding.decoders.classifier_training import train_classifier
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder, lda_steps
from myogestic_ros.decoding.features.hudgins import amplitude_columns, extract_hudgins

__all__ = ['adapt', 'amplitude_columns', 'extract', 'pipeline', 'predict', 'train']

Features = NDArray[np.floating[Any]]

pipeline = Pipeline(predict_hz=50.0)

extract = pipeline.extract(extract_hudgins)


@pipeline.train
def train(data: TrainingData) -> LinearDecoder:
    """Train on all windows of the sessions; print what they are and how good the result is."""
    return train_classifier(
        data,
        extract=extract,
        steps=lambda n_channels: lda_steps(amplitude_columns(n_channels)),
        build=LinearDecoder,
    )


@pipeline.adapt
def adapt(model: LinearDecoder, data: TrainingData) -> LinearDecoder:
    """Bring a model up to date with sessions of today; print what is done, and how good it is."""
    columns = amplitude_columns({spec.name: spec.channels or 0 for spec in data.streams})
    adapted: LinearDecoder = adapt_model(
        model,
        data,
        extract=extract,
        settle_ms=data.settle_ms,
        fit=lambda features, classes: lda_steps(columns).fit(features, classes),
        build=LinearDecoder,
    )
    return adapted


@pipeline.predict
def predict(model: LinearDecoder, features: Features) -> dict[str, Any]:
    """Return ``label`` (a class name), ``class`` (its index) and ``probabilities`` by name."""
    return model.predict(features)
