"""Log of a training: window counts and scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.training_set import TrainingSet
from myogestic_ros.decoding.evaluation.cross_validation import Evaluation

__all__ = ['print_scores', 'print_windows']


def print_windows(data: TrainingData, windows: TrainingSet, settle_ms: float) -> None:
    """Print the number of windows and repetitions of each class.

    Parameters
    ----------
    data : TrainingData
        Sessions, window and hop.
    windows : TrainingSet
        Training windows.
    settle_ms : float
        Time that is left out at the beginning of each cue, ms.
    """
    print(
        f'{len(windows.classes)} windows of {data.window_ms:g} ms with a hop of {data.hop_ms:g} ms '
        f'from {len(data.paths)} session(s); the first {settle_ms:g} ms of each cue are left out.'
    )
    if windows.short_cues:
        print(
            f'{windows.short_cues} cue(s) are too short for that; the second half of their windows '
            f'is used.'
        )
    repetitions = windows.count_repetitions()
    for index, name in windows.class_names.items():
        count = int(np.count_nonzero(windows.classes == index))
        print(f'  {name}: {count} windows, {repetitions[index]} repetition(s)', flush=True)


def print_scores(evaluation: Evaluation, class_names: Mapping[int, str]) -> dict[str, float]:
    """Print the scores of a classifier on repetitions left out of the training.

    Parameters
    ----------
    evaluation : Evaluation
        Result of the cross-validation.
    class_names : mapping of int to str
        Name of each class index.

    Returns
    -------
    dict of str to float
        The scores for the manifest, 0 to 1; empty if nothing could be tested.
    """
    if evaluation.is_empty:
        print(
            'The accuracy cannot be tested: fewer than two classes have a second repetition, and a '
            'test on training windows would give too high a value. Record each cue at least twice.'
        )
        return {}
    scores = {
        'accuracy': evaluation.accuracy,
        'balanced_accuracy': evaluation.balanced_accuracy,
        'worst_repetition_accuracy': min(evaluation.fold_accuracies),
    }
    print(
        f'Cross-validation, one repetition left out at a time: accuracy {scores["accuracy"]:.1%} '
        f'(worst repetition {scores["worst_repetition_accuracy"]:.1%}, mean over classes '
        f'{scores["balanced_accuracy"]:.1%}). Accuracy of each class:'
    )
    recalls = evaluation.recalls
    for index, name in class_names.items():
        if index in recalls:
            print(
                f'  {name}: {recalls[index]:.1%}{_most_confused(evaluation, index, class_names)}'
            )
        else:
            print(f'  {name}: not tested, only one repetition')
    return scores


def _most_confused(evaluation: Evaluation, index: int, class_names: Mapping[int, str]) -> str:
    """Return the class that is most often predicted instead of one; '' if there is none."""
    row = evaluation.classes.index(index)
    errors = evaluation.confusion[row].copy()
    total, errors[row] = int(errors.sum()), 0
    if not errors.any():
        return ''
    worst = int(errors.argmax())
    share = int(errors[worst]) / total
    return f' (predicted as {class_names[evaluation.classes[worst]]}: {share:.1%})'
