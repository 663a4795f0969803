"""Predictions for repetitions that a decoder was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.decoding.datasets.evaluation_set import EvaluationSet
from myogestic_ros.decoding.evaluation.cross_validation import Evaluation, Fit, fold_numbers

__all__ = [
    'CurvePoint',
    'HeldOut',
    'across_sessions',
    'each_repetition',
    'last_repetitions',
    'learning_curve',
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Test = tuple[Flags, Flags]
"""Which windows are trained on (steady ones only), and which are then tested."""

Step = Callable[[], None]


def _no_step() -> None:
    """Take no notice."""


@dataclass(frozen=True)
class HeldOut:
    """What was predicted for windows while they were left out of the training.

    Attributes
    ----------
    data : EvaluationSet
        The windows.
    tests : ndarray of int, shape (n_windows,)
        Number of the test in which each was left out; -1: it was in none.
    predicted : ndarray of int, shape (n_windows,)
        Class it was taken for; ``NO_CLASS`` where it was not tested.
    confidence : ndarray of float, shape (n_windows,)
        Probability of that class; NaN where it was not tested, or the decoder gives none.
    """

    data: EvaluationSet
    tests: Ints
    predicted: Ints
    confidence: Floats

    @property
    def steady(self) -> Flags:
        """Which windows were tested and are steady, shape (n_windows,)."""
        flags: Flags = (self.tests >= 0) & self.data.steady
        return flags

    def evaluation(self, windows: Flags | None = None) -> Evaluation:
        """Return the score of some of the windows; None: of all steady ones."""
        chosen = self.steady if windows is None else windows & (self.tests >= 0)
        known = np.array(sorted(self.data.class_names), np.int64)
        truth, found = self.data.classes[chosen], self.predicted[chosen]
        confusion = np.zeros((len(known), len(known)), np.int64)
        np.add.at(confusion, (np.searchsorted(known, truth), np.searchsorted(known, found)), 1)
        tests = self.tests[chosen]
        accuracies = [
            float(np.mean(truth[tests == n] == found[tests == n])) for n in np.unique(tests)
        ]
        return Evaluation(tuple(int(label) for label in known), confusion, tuple(accuracies))


def _run(data: EvaluationSet, tests: Sequence[Test], fit: Fit, step: Step) -> HeldOut:
    count = len(data.cues)
    numbers = np.full(count, -1, np.int64)
    predicted = np.full(count, NO_CLASS, np.int64)
    confidence = np.full(count, np.nan)
    classes = data.classes
    for number, (train, left_out) in enumerate(tests):
        known = np.unique(classes[train])
        test = left_out & np.isin(classes, known)  # what was never shown could not be known
        step()
        if len(known) < 2 or not test.any():
            continue
        model = fit(data.features[train], classes[train])
        predicted[test] = model.predict(data.features[test])
        probabilities = getattr(model, 'predict_proba', None)
        if probabilities is not None:
            confidence[test] = np.max(probabilities(data.features[test]), axis=1)
        numbers[test] = number
    return HeldOut(data, numbers, predicted, confidence)


def _cue_folds(data: EvaluationSet, session: int, max_folds: int = 10) -> Ints:
    """Return for each window of a session the number of its repetition among those of its class.

    -1 for windows of other sessions or of none.
    """
    chosen = data.steady & (data.sessions == session)
    folds = np.full(len(data.cues), -1, np.int64)
    if not chosen.any():
        return folds
    numbers = fold_numbers(data.classes[chosen], data.cues[chosen], max_folds)
    of_cue = np.full(len(data.cue_list) + 1, -1, np.int64)
    of_cue[data.cues[chosen]] = numbers
    found: Ints = of_cue[data.cues]
    return found


def _sessions(data: EvaluationSet) -> Iterator[Ints]:
    for session in range(len(data.session_names)):
        yield _cue_folds(data, session)


def each_repetition(data: EvaluationSet, fit: Fit, step: Step = _no_step) -> HeldOut:
    """Leave one repetition out in turn, and test on it; each session for itself.

    Transitions are tested with the rest of their repetition, and never trained on.
    """
    tests = [
        ((folds >= 0) & (folds != fold) & data.steady, folds == fold)
        for folds in _sessions(data)
        for fold in np.unique(folds[folds >= 0])
    ]
    return _run(data, tests, fit, step)


def last_repetitions(data: EvaluationSet, fit: Fit, step: Step = _no_step) -> HeldOut:
    """Test on the last repetition of each class, trained on those before; each session for itself."""
    tests = []
    for session in range(len(data.session_names)):
        of_session = data.sessions == session
        last = np.zeros(len(data.cues), np.bool_)
        for index in data.class_names:
            own = of_session & (data.classes == index)
            if (own & data.steady).any():
                last |= own & (data.cues == data.cues[own & data.steady].max())
        tests.append((of_session & ~last & data.steady, last))
    return _run(data, tests, fit, step)


def across_sessions(data: EvaluationSet, fit: Fit, step: Step = _no_step) -> HeldOut:
    """Leave one session out in turn, trained on all others, and test on it."""
    tests = [
        ((data.sessions != session) & (data.cues >= 0) & data.steady, data.sessions == session)
        for session in range(len(data.session_names))
    ]
    return _run(data, tests, fit, step)


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy after training on so many repetitions: mean, worst and best over the tests."""

    repetitions: int
    accuracy: float
    worst: float
    best: float


def learning_curve(
    data: EvaluationSet, fit: Fit, step: Step = _no_step, max_points: int = 6
) -> list[CurvePoint]:
    """Leave one repetition out in turn, trained on the k before it only; each session for itself.

    The repetitions count as a ring: before the first comes the last. So each k is tested on as
    many repetitions, and the last point is `each_repetition`.
    """
    rings = [folds for folds in _sessions(data) if folds.max() >= 1]
    most = max((int(folds.max()) for folds in rings), default=0)
    points = []
    for k in curve_steps(most, max_points):
        tests = []
        for folds in rings:
            count = int(folds.max()) + 1
            if k >= count:
                continue
            for fold in range(count):
                near = (folds >= 0) & ((fold - folds) % count <= k) & (folds != fold)
                tests.append((near & data.steady, (folds == fold) & data.steady))
        accuracies = _run(data, tests, fit, step).evaluation().fold_accuracies
        if accuracies:
            points.append(
                CurvePoint(k, float(np.mean(accuracies)), min(accuracies), max(accuracies))
            )
    return points


def curve_steps(most: int, max_points: int = 6) -> list[int]:
    """Return the numbers of repetitions to train on: all up to ``most``, or a choice of them."""
    if most <= max_points:
        return list(range(1, most + 1))
    spread = np.unique(np.round(np.geomspace(1, most, max_points)).astype(int))
    return [int(k) for k in spread]
