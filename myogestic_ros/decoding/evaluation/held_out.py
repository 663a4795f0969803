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
"""Masks of the training windows (steady only) and of the tested windows, (n_windows,)."""

Callback = Callable[[], None]


def _ignore() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions for windows that were left out of the training.

    Attributes
    ----------
    data : EvaluationSet
        The windows.
    tests : ndarray of int, shape (n_windows,)
        Number of the test in which each window was left out; -1: none.
    predicted : ndarray of int, shape (n_windows,)
        Predicted class index; ``NO_CLASS`` for windows that were not tested.
    confidence : ndarray of float, shape (n_windows,)
        Probability of that class; NaN if not tested, or without probabilities.
    """

    data: EvaluationSet
    tests: Ints
    predicted: Ints
    confidence: Floats

    @property
    def steady(self) -> Flags:
        """Mask of the steady windows that were tested, shape (n_windows,)."""
        flags: Flags = (self.tests >= 0) & self.data.steady
        return flags

    def evaluation(self, windows: Flags | None = None) -> Evaluation:
        """Return the score of some windows.

        Parameters
        ----------
        windows : ndarray of bool, shape (n_windows,), optional
            Mask of the windows; by default, all steady ones.
        """
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


def _run(data: EvaluationSet, tests: Sequence[Test], fit: Fit, on_fit: Callback) -> HeldOut:
    count = len(data.cues)
    numbers = np.full(count, -1, np.int64)
    predicted = np.full(count, NO_CLASS, np.int64)
    confidence = np.full(count, np.nan)
    classes = data.classes
    for number, (train, left_out) in enumerate(tests):
        known = np.unique(classes[train])
        test = left_out & np.isin(classes, known)  # other classes cannot be predicted
        on_fit()
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
    """Return the fold of each window of a session; -1 for all other windows."""
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


def each_repetition(data: EvaluationSet, fit: Fit, on_fit: Callback = _ignore) -> HeldOut:
    """Leave one repetition out in turn and test on it, within each session.

    Windows in transitions are tested with their repetition, but never used for training.

    Parameters
    ----------
    data : EvaluationSet
        Windows.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    on_fit : callable
        Called before each training.
    """
    tests = [
        ((folds >= 0) & (folds != fold) & data.steady, folds == fold)
        for folds in _sessions(data)
        for fold in np.unique(folds[folds >= 0])
    ]
    return _run(data, tests, fit, on_fit)


def last_repetitions(data: EvaluationSet, fit: Fit, on_fit: Callback = _ignore) -> HeldOut:
    """Test on the last repetition of each class, trained on the earlier ones, within each session.

    Arguments as for `each_repetition`.
    """
    tests = []
    for session in range(len(data.session_names)):
        of_session = data.sessions == session
        last = np.zeros(len(data.cues), np.bool_)
        for index in data.class_names:
            own = of_session & (data.classes == index)
            if (own & data.steady).any():
                last |= own & (data.cues == data.cues[own & data.steady].max())
        tests.append((of_session & ~last & data.steady, last))
    return _run(data, tests, fit, on_fit)


def across_sessions(data: EvaluationSet, fit: Fit, on_fit: Callback = _ignore) -> HeldOut:
    """Leave one session out in turn and test on it, trained on all others.

    Arguments as for `each_repetition`.
    """
    tests = [
        ((data.sessions != session) & (data.cues >= 0) & data.steady, data.sessions == session)
        for session in range(len(data.session_names))
    ]
    return _run(data, tests, fit, on_fit)


@dataclass(frozen=True)
class CurvePoint:
    """Point of a learning curve.

    Attributes
    ----------
    repetitions : int
        Number of training repetitions of each class.
    accuracy, worst, best : float
        Mean, minimum and maximum accuracy over the tests, 0 to 1.
    """

    repetitions: int
    accuracy: float
    worst: float
    best: float


def learning_curve(
    data: EvaluationSet, fit: Fit, on_fit: Callback = _ignore, max_points: int = 6
) -> list[CurvePoint]:
    """Leave one repetition out in turn, trained on the k repetitions before it.

    The order of repetitions is circular: the last one precedes the first one. Each k is therefore
    tested on the same number of repetitions, and the last point is the accuracy of
    `each_repetition`.

    Parameters
    ----------
    data : EvaluationSet
        Windows.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    on_fit : callable
        Called before each training.
    max_points : int
        Maximum number of points.
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
        accuracies = _run(data, tests, fit, on_fit).evaluation().fold_accuracies
        if accuracies:
            points.append(
                CurvePoint(k, float(np.mean(accuracies)), min(accuracies), max(accuracies))
            )
    return points


def curve_steps(most: int, max_points: int = 6) -> list[int]:
    """Return the numbers of training repetitions: 1 to ``most``, or a geometric selection."""
    if most <= max_points:
        return list(range(1, most + 1))
    spread = np.unique(np.round(np.geomspace(1, most, max_points)).astype(int))
    return [int(k) for k in spread]
