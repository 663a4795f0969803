"""Training of a classifier from sessions: read, check, cross-validate, fit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.training.jobs import report_progress
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.callback import memory_from_training
from myogestic_ros.decoding.datasets.training_set import load_training_set
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder
from myogestic_ros.decoding.decoders.recipe import Extract, MakeEstimator
from myogestic_ros.decoding.decoders.training_log import print_scores, print_windows
from myogestic_ros.decoding.evaluation.cross_validation import (
    fold_numbers,
    leave_one_repetition_out,
)
from myogestic_ros.decoding.quality.checks import data_warnings, session_summaries

__all__ = ['train_classifier']

Features = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Model = TypeVar('Model', bound=ClassDecoder)


def train_classifier(
    data: TrainingData,
    *,
    extract: Extract,
    make_estimator: MakeEstimator,
    build: Callable[[Any, dict[int, str], dict[str, float]], Model],
) -> Model:
    """Train on all windows of the sessions; print warnings, window counts and scores.

    Parameters
    ----------
    data : TrainingData
        Sessions, stream, window, hop, settling time and classes.
    extract : callable
        The ``extract`` callback; it must accept many windows at once.
    make_estimator : callable
        ``make_estimator(n_channels)`` returns an untrained estimator, given the number of channels
        of each stream.
    build : callable
        ``build(estimator, class_names, scores)`` returns the model.

    Returns
    -------
    ClassDecoder
        The result of ``build``, with its training windows as ``memory``.

    Raises
    ------
    TrainingError
        If the sessions contain no training windows.
    """
    windows = load_training_set(data, extract, data.settle_ms)
    summaries = session_summaries(data)
    for warning in data_warnings(data, summaries):
        print(f'Warning: {warning}', flush=True)
    print_windows(data, windows, data.settle_ms)

    def fit(features: Features, classes: Ints) -> Any:
        return make_estimator(windows.n_channels).fit(features, classes)

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
    trained = fit(windows.features, windows.classes)
    print('Trained on all windows.', flush=True)
    model = build(trained, windows.class_names, scores)
    model.memory = memory_from_training(data, windows, summaries)
    return model
