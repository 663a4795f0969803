"""Hudgins' time-domain features and a linear discriminant, as a decoder of one's own is written.

Callbacks and a pipeline, to be copied and changed. The recipe of the same name, which the
pipeline node takes when it is asked for ``htd_lda``, is the same decoder: a test holds them
together.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.pipeline import Pipeline
from myogestic_ros.core.training import report_progress
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.decoding.adapting import adapt_model, memory_of
from myogestic_ros.decoding.data_quality import data_warnings, summaries_of
from myogestic_ros.decoding.evaluation import fold_numbers, leave_one_repetition_out
from myogestic_ros.decoding.hudgins_features import amplitude_columns, extract
from myogestic_ros.decoding.linear_decoder import LinearDecoder, lda_steps
from myogestic_ros.decoding.training_log import print_scores, print_windows
from myogestic_ros.decoding.training_set import load_training_set

__all__ = ['adapt', 'amplitude_columns', 'extract', 'pipeline', 'predict', 'train']

Features = NDArray[np.floating[Any]]

pipeline = Pipeline(predict_hz=50.0)


pipeline.extract(extract)


@pipeline.train
def train(data: TrainingData) -> LinearDecoder:
    """Train on all windows of the sessions; print what they are and how good the result is."""
    windows = load_training_set(data, extract, data.settle_ms)
    summaries = summaries_of(data)
    for warning in data_warnings(data, summaries):
        print(f'Warning: {warning}', flush=True)
    print_windows(data, windows, data.settle_ms)
    amplitudes = amplitude_columns(windows.n_channels)

    def fit(features: Features, classes: NDArray[np.int64]) -> Any:
        return lda_steps(amplitudes).fit(features, classes)

    folds = fold_numbers(windows.classes, windows.repetitions)
    progress = count(1)
    evaluation = leave_one_repetition_out(
        windows.features,
        windows.classes,
        folds,
        fit,
        lambda: report_progress(next(progress) / (int(folds.max()) + 2)),
    )
    scores = print_scores(evaluation, windows.class_names)
    steps = fit(windows.features, windows.classes)
    print('Trained on all of them.', flush=True)
    model = LinearDecoder(steps, windows.class_names, scores)
    model.memory = memory_of(data, windows, summaries)
    return model


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
