"""The ``adapt`` callback of decoders: recalibrate a model with new sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training.jobs import report_progress
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.memory import Memory
from myogestic_ros.decoding.adaptation.recalibration import (
    Recalibration,
    check_features,
    recalibrate,
)
from myogestic_ros.decoding.datasets.training_set import TrainingSet, load_training_set
from myogestic_ros.decoding.evaluation.cross_validation import Fit
from myogestic_ros.decoding.quality.checks import session_summaries, summary_warnings
from myogestic_ros.decoding.quality.electrode_rotation import (
    class_covariances,
    find_rotation,
    rotate_channels,
)
from myogestic_ros.decoding.quality.signal_summary import SignalSummary

__all__ = ['adapt_model', 'memory_from_training']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Extract = Callable[[dict[str, Samples]], Features]
Build = Callable[[Any, Mapping[int, str], Mapping[str, float]], Any]

KINDS = {
    'old': 'the old model',
    'new': 'a model of the new data only',
    'blend': 'a model of the blend of old and new data',
}


def memory_from_training(
    data: TrainingData, windows: TrainingSet, summaries: Sequence[SignalSummary]
) -> Memory:
    """Return the ``memory`` of a model that was trained on these windows.

    Parameters
    ----------
    data : TrainingData
        Sessions.
    windows : TrainingSet
        Training windows.
    summaries : sequence of SignalSummary
        Summaries of the sessions; see `myogestic_ros.decoding.quality.checks.session_summaries`.
    """
    covariances = _covariances(data, windows, summaries)
    return Memory.from_windows(windows.features, windows.classes, windows.class_names, covariances)


def adapt_model(
    model: Any,
    data: TrainingData,
    *,
    extract: Extract,
    settle_ms: float,
    fit: Fit,
    build: Build,
) -> Any:
    """Recalibrate a classifier with new sessions; print window counts and scores.

    Parameters
    ----------
    model : object
        Model with the attributes ``memory`` and ``estimator``.
    data : TrainingData
        New sessions; ``class_names`` is set to the classes of the new model.
    extract : callable
        The ``extract`` callback; it must accept many windows at once.
    settle_ms : float
        Time that is left out at the beginning of each cue, ms.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    build : callable
        ``build(estimator, class_names, scores)`` returns a model.

    Returns
    -------
    object
        The result of ``build``.

    Raises
    ------
    TrainingError
        If the model cannot be recalibrated, or is better unchanged.
    """
    memory = getattr(model, 'memory', None)
    if not isinstance(memory, Memory):
        raise TrainingError(
            'The model keeps none of its training windows (memory), so it cannot be recalibrated; '
            'train a new model.'
        )
    stream = data.streams[0].name
    rotation = data.rotation.get(stream, 0)
    new = load_training_set(data, _with_rotation(extract, rotation), settle_ms)
    _print_windows(data, new)
    check_features(memory, new)
    summaries = session_summaries(data)
    for warning in summary_warnings(summaries, data.classes, balance=False):
        print(f'Warning: {warning}', flush=True)
    _check_rotation(model, memory, data, new, summaries, extract, settle_ms)
    done, n_fits = 0, 1 + 2 * min(5, max(new.count_repetitions().values()))

    def on_fit() -> None:
        nonlocal done
        done += 1
        report_progress(min(1.0, done / (n_fits + 1)))

    found = recalibrate(memory, new, fit, model.estimator, on_fit)
    _print_scores(found)
    if found.kind == 'old':
        raise TrainingError(
            f'The old model is better than one recalibrated with {len(data.paths)} new session(s) '
            f'(balanced accuracy {found.scores["old"].balanced_accuracy:.1%}, recalibrated '
            f'{found.scores["blend"].balanced_accuracy:.1%}); it is kept.'
        )
    names = found.memory.class_names
    data.class_names = [names.get(index, f'class {index}') for index in range(max(names) + 1)]
    tested = found.scores.get(found.kind)
    adapted = build(found.estimator, names, _scores(found) if tested else {})
    adapted.memory = found.memory
    adapted.parameters = {**getattr(model, 'parameters', {}), 'adapted': found.kind}
    return adapted


def _scores(found: Recalibration) -> dict[str, float]:
    score = found.scores[found.kind]
    return {
        'accuracy': score.accuracy,
        'balanced_accuracy': score.balanced_accuracy,
        'worst_repetition_accuracy': min(score.fold_accuracies),
    }


def _with_rotation(extract: Extract, rotation: int) -> Extract:
    """Return ``extract`` preceded by a rotation of the channels."""
    if not rotation:
        return extract
    return lambda windows: extract(
        {name: rotate_channels(window, rotation, -2) for name, window in windows.items()}
    )


def _covariances(
    data: TrainingData, windows: TrainingSet, summaries: Sequence[SignalSummary]
) -> dict[str, Floats]:
    """Return the covariance of each class in use, with the channels rotated as in the windows."""
    found = class_covariances(summaries)
    rotation = data.rotation.get(data.streams[0].name, 0)
    used = set(windows.class_names.values())
    return {n: np.roll(c, (rotation, rotation), (0, 1)) for n, c in found.items() if n in used}


def _check_rotation(
    model: Any,
    memory: Memory,
    data: TrainingData,
    new: TrainingSet,
    summaries: Sequence[SignalSummary],
    extract: Extract,
    settle_ms: float,
) -> None:
    """Warn if the electrodes seem to be rotated; print the old model's accuracy without that."""
    stream = data.streams[0].name
    found = find_rotation(memory.covariances, _covariances(data, new, summaries))
    if found is None or not found.is_proposed:
        return
    rotation = data.rotation.get(stream, 0)
    count = data.streams[0].channels or len(next(iter(memory.covariances.values())))
    total = (rotation + found.channels + count // 2) % count - count // 2
    rotated = load_training_set(data, _with_rotation(extract, total), settle_ms)
    predicted = model.estimator.predict(rotated.features)
    names = [memory.class_names.get(int(index)) for index in predicted]
    truth = [rotated.class_names[int(index)] for index in rotated.classes]
    accuracy = float(np.mean([one == other for one, other in zip(names, truth, strict=True)]))
    print(
        f'Warning: {found.message(stream, total)} Accuracy of the old model on the new windows '
        f'with that rotation: {accuracy:.1%}.',
        flush=True,
    )


def _print_windows(data: TrainingData, new: TrainingSet) -> None:
    counts = new.count_repetitions()
    listed = ', '.join(f'{name} {counts[index]}' for index, name in new.class_names.items())
    print(
        f'{len(new.classes)} windows from {len(data.paths)} new session(s); repetitions: {listed}.',
        flush=True,
    )


def _print_scores(found: Recalibration) -> None:
    scores = found.scores
    print(f'Accuracy of the old model on the new windows: {scores["old"].accuracy:.1%}.')
    if 'blend' in scores:
        print(
            f'Accuracy on new repetitions left out of the training: new data only '
            f'{scores["new"].accuracy:.1%}, blend of old and new data '
            f'{scores["blend"].accuracy:.1%}.'
        )
    else:
        print(
            'The candidates cannot be compared with one new repetition; the blend of old and new '
            'data is used, which is best on average. Record at least two repetitions.'
        )
    print(f'Selected: {KINDS[found.kind]}.', flush=True)
