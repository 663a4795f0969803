"""The training of a classifier, whatever its features and steps are: read, warn, test, fit, tell."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.training.jobs import report_progress
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.callback import memory_of
from myogestic_ros.decoding.datasets.training_set import load_training_set
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder
from myogestic_ros.decoding.decoders.recipe import Extract, MakeSteps
from myogestic_ros.decoding.decoders.training_log import print_scores, print_windows
from myogestic_ros.decoding.evaluation.cross_validation import (
    fold_numbers,
    leave_one_repetition_out,
)
from myogestic_ros.decoding.quality.checks import data_warnings, summaries_of

__all__ = ['train_classifier']

Features = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Model = TypeVar('Model', bound=ClassDecoder)


def train_classifier(
    data: TrainingData,
    *,
    extract: Extract,
    steps: MakeSteps,
    build: Callable[[Any, dict[int, str], dict[str, float]], Model],
) -> Model:
    """Train on all windows of the sessions; print what they are and how good the result is.

    Parameters
    ----------
    data : TrainingData
        Sessions, stream, window, hop, settling and classes.
    extract : callable
        As the ``extract`` callback, able to take many windows at once.
    steps : callable
        Returns an untrained estimator, given the number of channels of each stream.
    build : callable
        Makes the model of the trained estimator, class names and scores.

    Raises
    ------
    TrainingError
        When there is nothing to train on.
    """
    windows = load_training_set(data, extract, data.settle_ms)
    summaries = summaries_of(data)
    for warning in data_warnings(data, summaries):
        print(f'Warning: {warning}', flush=True)
    print_windows(data, windows, data.settle_ms)

    def fit(features: Features, classes: Ints) -> Any:
        return steps(windows.n_channels).fit(features, classes)

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
    print('Trained on all of them.', flush=True)
    model = build(trained, windows.class_names, scores)
    model.memory = memory_of(data, windows, summaries)
    return model
