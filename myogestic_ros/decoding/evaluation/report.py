"""Evaluation report of a classifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from myogestic_ros.decoding.datasets.evaluation_set import EvaluationSet
from myogestic_ros.decoding.evaluation.cross_validation import Evaluation, Fit
from myogestic_ros.decoding.evaluation.held_out import (
    CurvePoint,
    HeldOut,
    across_sessions,
    curve_steps,
    each_repetition,
    last_repetitions,
    learning_curve,
)
from myogestic_ros.decoding.evaluation.scores import (
    Delays,
    Rejection,
    delays,
    rejections,
    transition_windows,
)

__all__ = ['ClassificationReport', 'count_fits', 'evaluate_classifier', 'plain']


@dataclass(frozen=True)
class ClassificationReport:
    """Evaluation of a classifier.

    Attributes
    ----------
    decoder : str
        Name of the decoder.
    each : HeldOut
        Predictions with each repetition left out in turn.
    last, sessions : Evaluation
        Score on the last repetition; on sessions left out (empty for a single session).
    curve : list of CurvePoint
        Accuracy against the number of training repetitions.
    """

    decoder: str
    each: HeldOut
    last: Evaluation
    sessions: Evaluation
    curve: list[CurvePoint]

    @property
    def data(self) -> EvaluationSet:
        """Windows that it was tested on."""
        return self.each.data

    @property
    def steady(self) -> Evaluation:
        """Score on steady windows, one repetition left out at a time."""
        return self.each.evaluation()

    @property
    def transitions(self) -> Evaluation:
        """Score on the windows during or shortly after a change of class."""
        return self.each.evaluation(transition_windows(self.each))

    @property
    def rejections(self) -> list[Rejection]:
        """Accuracy and rejection rate at several thresholds of the probability."""
        return rejections(self.each)

    @property
    def delays(self) -> Delays:
        """Delay of the decisions after the cues."""
        return delays(self.each)

    @property
    def by_session(self) -> dict[str, Evaluation]:
        """Score on the steady windows of each session, one repetition left out at a time."""
        return {
            name: self.each.evaluation(self.each.steady & (self.data.sessions == number))
            for number, name in enumerate(self.data.session_names)
        }

    def notes(self) -> list[str]:
        """Return sentences about classes or DoFs that could not be tested."""
        notes = []
        counts = self.data.count_repetitions()
        once = [name for index, name in self.data.class_names.items() if counts[index] == 1]
        if self.each.evaluation().is_empty and self.sessions.is_empty:
            notes.append(
                'Nothing can be tested: fewer than two classes have a second repetition, and a test '
                'on training windows would give too high an accuracy. Record each cue at least twice.'
            )
        elif once:
            notes.append(
                f'{", ".join(once)}: only one repetition, used for training and not tested.'
            )
        if len(self.data.session_names) > 1:
            notes += self._single_session_classes()
        return notes

    def _single_session_classes(self) -> list[str]:
        """Return sentences about classes that occur in one session only."""
        notes = []
        steady, sessions, classes = self.data.steady, self.data.sessions, self.data.classes
        for index, name in self.data.class_names.items():
            held = np.unique(sessions[steady & (classes == index)])
            if len(held) == 1:
                notes.append(
                    f"Only session '{self.data.session_names[int(held[0])]}' has '{name}': across "
                    f'sessions it is not tested, since it is missing in the training data.'
                )
        return notes

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON types; NaN and infinity become None."""
        delay = self.delays
        found: dict[str, Any] = plain(
            {
                'decoder': self.decoder,
                'kind': 'classification',
                'sessions': self.data.session_names,
                'classes': list(self.data.class_names.values()),
                'repetitions': list(self.data.count_repetitions().values()),
                'windows': int(self.data.steady.sum()),
                'each_repetition': _scores(self.steady),
                'last_repetition': _scores(self.last),
                'across_sessions': _scores(self.sessions),
                'by_session': {name: _scores(score) for name, score in self.by_session.items()},
                'learning_curve': [vars(point) for point in self.curve],
                'rejection': [vars(pair) for pair in self.rejections],
                'transitions': _scores(self.transitions),
                'delay': {
                    'cues': delay.cues,
                    'missed': delay.missed,
                    'median_s': delay.percentile(50),
                    'p90_s': delay.percentile(90),
                },
                'notes': self.notes(),
            }
        )
        return found


def _scores(score: Evaluation) -> dict[str, Any] | None:
    if score.is_empty:
        return None
    recalls = score.recalls
    return {
        'windows': int(score.confusion.sum()),
        'accuracy': score.accuracy,
        'balanced_accuracy': score.balanced_accuracy,
        'worst_test': min(score.fold_accuracies),
        'tests': list(score.fold_accuracies),
        'recalls': [recalls.get(index, float('nan')) for index in score.classes],
        'confusion': score.confusion.tolist(),
    }


def plain(value: Any) -> Any:
    """Return a value as JSON types; NaN and infinity become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def count_fits(data: EvaluationSet) -> int:
    """Return the approximate number of trainings in `evaluate_classifier`."""
    counts = [0] * len(data.session_names)
    for session in range(len(counts)):
        of_session = data.steady & (data.sessions == session)
        counts[session] = max(
            (
                len(np.unique(data.cues[of_session & (data.classes == c)]))
                for c in data.class_names
            ),
            default=0,
        )
    folds = sum(min(10, count) for count in counts)
    several = len(counts) if len(counts) > 1 else 0
    return folds * (1 + len(curve_steps(max(1, min(10, max(counts)) - 1)))) + len(counts) + several


def evaluate_classifier(
    decoder: str, data: EvaluationSet, fit: Fit, on_fit: Callable[[], None] = lambda: None
) -> ClassificationReport:
    """Evaluate a classifier with all methods of `myogestic_ros.decoding.evaluation.held_out`.

    Parameters
    ----------
    decoder : str
        Name of the decoder.
    data : EvaluationSet
        Windows.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    on_fit : callable
        Called before each training.
    """
    nothing = Evaluation((), np.zeros((0, 0), np.int64), ())
    several = len(data.session_names) > 1
    return ClassificationReport(
        decoder,
        each_repetition(data, fit, on_fit),
        last_repetitions(data, fit, on_fit).evaluation(),
        across_sessions(data, fit, on_fit).evaluation() if several else nothing,
        learning_curve(data, fit, on_fit),
    )
