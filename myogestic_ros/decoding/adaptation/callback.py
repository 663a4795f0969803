"""The ``adapt`` callback of ready decoders: what it reads, what it says, what it returns."""

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
from myogestic_ros.decoding.quality.checks import summaries_of, summary_warnings
from myogestic_ros.decoding.quality.electrode_rotation import (
    class_covariances,
    find_rotation,
    turned,
)
from myogestic_ros.decoding.quality.signal_summary import SignalSummary

__all__ = ['adapt_model', 'memory_of']

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Extract = Callable[[dict[str, Samples]], Features]
Build = Callable[[Any, Mapping[int, str], Mapping[str, float]], Any]

TELL = {
    'old': 'the old model',
    'new': "a model of today's data only",
    'blend': 'a blend of both',
}


def memory_of(
    data: TrainingData, windows: TrainingSet, summaries: Sequence[SignalSummary]
) -> Memory:
    """Return what a model that was trained on these windows should keep as ``memory``.

    Parameters
    ----------
    data : TrainingData
        Sessions.
    windows : TrainingSet
        What the model was trained on.
    summaries : sequence of SignalSummary
        Of the sessions; see `myogestic_ros.decoding.quality.checks.summaries_of`.
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
    """Bring a model up to date with sessions of today; print what is done, and how good it is.

    Parameters
    ----------
    model : object
        With ``memory``, and an estimator as ``steps``.
    data : TrainingData
        Sessions of today; ``class_names`` becomes what the new model knows.
    extract, settle_ms
        As `load_training_set` takes them.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    build : callable
        ``build(estimator, class_names, scores)`` returns a model.

    Raises
    ------
    TrainingError
        When the model cannot be adapted, or is the better one as it is: it stays then.
    """
    memory = getattr(model, 'memory', None)
    if not isinstance(memory, Memory):
        raise TrainingError(
            'The model keeps nothing of what it was trained on (an older version made it), so it '
            'cannot be adapted; train a new one.'
        )
    stream = data.streams[0].name
    turn = data.rotation.get(stream, 0)
    today = load_training_set(data, _turned(extract, turn), settle_ms)
    _print_today(data, today)
    check_features(memory, today)
    summaries = summaries_of(data)
    for warning in summary_warnings(summaries, data.classes, balance=False):
        print(f'Warning: {warning}', flush=True)
    _check_rotation(model, memory, data, today, summaries, extract, settle_ms)
    done, n_fits = 0, 1 + 2 * min(5, max(today.count_repetitions().values()))

    def step() -> None:
        nonlocal done
        done += 1
        report_progress(min(1.0, done / (n_fits + 1)))

    found = recalibrate(memory, today, fit, model.steps, step)
    _print_choice(found)
    if found.kind == 'old':
        raise TrainingError(
            f'The old model is better than what {len(data.paths)} session(s) of today make of it '
            f'({found.scores["old"].balanced_accuracy:.1%} against '
            f'{found.scores["blend"].balanced_accuracy:.1%}); it stays.'
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


def _turned(extract: Extract, turn: int) -> Extract:
    """Return ``extract`` for windows whose channels are turned back first."""
    if not turn:
        return extract
    return lambda windows: extract({name: turned(w, turn, -2) for name, w in windows.items()})


def _covariances(
    data: TrainingData, windows: TrainingSet, summaries: Sequence[SignalSummary]
) -> dict[str, Floats]:
    """Return the covariance of each class that is used, as the electrodes sit now."""
    found = class_covariances(summaries)
    turn = data.rotation.get(data.streams[0].name, 0)
    used = set(windows.class_names.values())
    return {n: np.roll(c, (turn, turn), (0, 1)) for n, c in found.items() if n in used}


def _check_rotation(
    model: Any,
    memory: Memory,
    data: TrainingData,
    today: TrainingSet,
    summaries: Sequence[SignalSummary],
    extract: Extract,
    settle_ms: float,
) -> None:
    """Say when the electrodes seem to be turned, and what the old model makes of it then."""
    stream = data.streams[0].name
    found = find_rotation(memory.covariances, _covariances(data, today, summaries))
    if found is None or not found.is_proposed:
        return
    turn = data.rotation.get(stream, 0)
    count = data.streams[0].channels or len(next(iter(memory.covariances.values())))
    total = (turn + found.channels + count // 2) % count - count // 2
    back = load_training_set(data, _turned(extract, total), settle_ms)
    names = [memory.class_names.get(int(index)) for index in model.steps.predict(back.features)]
    truth = [back.class_names[int(index)] for index in back.classes]
    right = float(np.mean([one == other for one, other in zip(names, truth, strict=True)]))
    print(
        f'Warning: {found.sentence(stream, total)} With the channels turned back so, the old model '
        f"is right in {right:.1%} of today's windows.",
        flush=True,
    )


def _print_today(data: TrainingData, today: TrainingSet) -> None:
    counts = today.count_repetitions()
    told = ', '.join(f'{name} {counts[index]}' for index, name in today.class_names.items())
    print(
        f'{len(today.classes)} windows of today from {len(data.paths)} session(s); repetitions: '
        f'{told}.',
        flush=True,
    )


def _print_choice(found: Recalibration) -> None:
    scores = found.scores
    print(f"On today's windows the old model is right in {scores['old'].accuracy:.1%}.")
    if 'blend' in scores:
        print(
            f'On repetitions of today that were left out: today only {scores["new"].accuracy:.1%}, '
            f'blend of both {scores["blend"].accuracy:.1%}.'
        )
    else:
        print(
            'One repetition cannot tell which is best: a blend of both is used, which on average '
            'is. Record two, and it is tested.'
        )
    print(f'Chosen: {TELL[found.kind]}.', flush=True)
