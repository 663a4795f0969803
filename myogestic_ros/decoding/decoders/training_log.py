"""What a training prints: what it trains on, and how good the result is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.training_set import TrainingSet
from myogestic_ros.decoding.evaluation.cross_validation import Evaluation

__all__ = ['print_scores', 'print_windows']


def print_windows(data: TrainingData, windows: TrainingSet, settle_ms: float) -> None:
    """Print how many windows there are of each class."""
    print(
        f'{len(windows.classes)} windows of {data.window_ms:g} ms, one every {data.hop_ms:g} ms, '
        f'from {len(data.paths)} session(s); the first {settle_ms:g} ms of each cue left out.'
    )
    if windows.short_cues:
        print(f'{windows.short_cues} cue(s) are too short for that: of these the second half.')
    repetitions = windows.count_repetitions()
    for index, name in windows.class_names.items():
        count = int(np.count_nonzero(windows.classes == index))
        print(f'  {name}: {count} windows, {repetitions[index]} repetition(s)', flush=True)


def print_scores(evaluation: Evaluation, class_names: Mapping[int, str]) -> dict[str, float]:
    """Print how good a classifier is on repetitions left out; return the same for the manifest."""
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
