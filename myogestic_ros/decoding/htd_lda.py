"""The ready decoder: Hudgins' time-domain features and a linear discriminant.

A decoder like any other: three callbacks and a pipeline, to be copied and changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.pipeline import Pipeline
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training import report_progress
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.decoding.adapting import adapt_model, memory_of
from myogestic_ros.decoding.data_quality import data_warnings, summaries_of
from myogestic_ros.decoding.evaluation import Evaluation, fold_numbers, leave_one_repetition_out
from myogestic_ros.decoding.features import hudgins
from myogestic_ros.decoding.linear_decoder import LinearDecoder, lda_steps
from myogestic_ros.decoding.training_set import TrainingSet, load_training_set

__all__ = ['adapt', 'extract', 'pipeline', 'predict', 'train']

SETTLE_MS = 500.0
"""Left out at the beginning of each cue: people react, and move, 0.3 to 0.5 s late."""

Features = NDArray[np.floating[Any]]

pipeline = Pipeline(predict_hz=50.0)


@pipeline.extract
def extract(windows: Mapping[str, Samples]) -> Features:
    """Return MAV, ZC, SSC and WL of every channel, stream after stream in order of their names.

    Each window has the shape ``(n_channels, n_samples)``; with ``(n_windows, …)`` before it, so
    has the result before ``(n_features,)``.
    """
    if len(windows) == 1:
        (window,) = windows.values()
        return hudgins(window)
    return np.concatenate([hudgins(windows[name]) for name in sorted(windows)], axis=-1)


@pipeline.train
def train(data: TrainingData) -> LinearDecoder:
    """Train on all windows of the sessions; print what they are and how good the result is."""
    windows = load_training_set(data, extract, SETTLE_MS)
    summaries = summaries_of(data)
    for warning in data_warnings(data, summaries):
        print(f'Warning: {warning}', flush=True)
    _print_windows(data, windows)
    amplitudes = amplitude_columns(windows.n_channels)
    done = 0

    def fit(features: Features, classes: NDArray[np.int64]) -> Any:
        nonlocal done
        done += 1
        report_progress(done / (n_folds + 1))
        return lda_steps(amplitudes).fit(features, classes)

    folds = fold_numbers(windows.classes, windows.repetitions)
    n_folds = int(folds.max()) + 1
    evaluation = leave_one_repetition_out(windows.features, windows.classes, folds, fit)
    scores = _print_scores(evaluation, windows.class_names)
    steps = lda_steps(amplitudes).fit(windows.features, windows.classes)
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
        settle_ms=SETTLE_MS,
        fit=lambda features, classes: lda_steps(columns).fit(features, classes),
        build=LinearDecoder,
    )
    return adapted


@pipeline.predict
def predict(model: LinearDecoder, features: Features) -> dict[str, Any]:
    """Return ``label`` (a class name), ``class`` (its index) and ``probabilities`` by name."""
    return model.predict(features)


def amplitude_columns(n_channels: Mapping[str, int]) -> list[int]:
    """Return which columns of `extract` hold MAV and WL, from the channels of each stream."""
    columns: list[int] = []
    start = 0
    for name in sorted(n_channels):
        channels = n_channels[name]
        columns += range(start, start + channels)
        columns += range(start + 3 * channels, start + 4 * channels)
        start += 4 * channels
    return columns


def _print_windows(data: TrainingData, windows: TrainingSet) -> None:
    print(
        f'{len(windows.classes)} windows of {data.window_ms:g} ms, one every {data.hop_ms:g} ms, '
        f'from {len(data.paths)} session(s); the first {SETTLE_MS:g} ms of each cue left out.'
    )
    if windows.short_cues:
        print(f'{windows.short_cues} cue(s) are too short for that: of these the second half.')
    repetitions = windows.count_repetitions()
    for index, name in windows.class_names.items():
        count = int(np.count_nonzero(windows.classes == index))
        print(f'  {name}: {count} windows, {repetitions[index]} repetition(s)', flush=True)


def _print_scores(evaluation: Evaluation, class_names: Mapping[int, str]) -> dict[str, float]:
    if evaluation.is_empty:
        print(
            'How good it is cannot be said: no class but one has two repetitions, and a decoder '
            'tested on what it was trained on looks better than it is. Record each cue twice.'
        )
        return {}
    scores = {
        'accuracy': evaluation.accuracy,
        'balanced_accuracy': evaluation.balanced_accuracy,
        'worst_repetition_accuracy': min(evaluation.fold_accuracies),
    }
    print(
        f'Leaving out one repetition at a time, it is right in {scores["accuracy"]:.1%} of the '
        f'windows of the one left out (worst {scores["worst_repetition_accuracy"]:.1%}, mean over '
        f'classes {scores["balanced_accuracy"]:.1%}). By class:'
    )
    recalls = evaluation.recalls
    for index, name in class_names.items():
        if index in recalls:
            mistaken = _confused_with(evaluation, index, class_names)
            print(f'  {name}: {recalls[index]:.1%}{mistaken}')
        else:
            print(f'  {name}: not tested, it has one repetition only')
    return scores


def _confused_with(evaluation: Evaluation, index: int, class_names: Mapping[int, str]) -> str:
    """Say what a class is taken for most often, when it is."""
    row = evaluation.classes.index(index)
    errors = evaluation.confusion[row].copy()
    total, errors[row] = int(errors.sum()), 0
    if not errors.any():
        return ''
    worst = int(errors.argmax())
    share = int(errors[worst]) / total
    return f' (taken for {class_names[evaluation.classes[worst]]} in {share:.1%})'
