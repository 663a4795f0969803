"""An old model brought up to date with a little data of today.

What changes from day to day (electrodes a little elsewhere, drier skin, another effort) moves the
features of each class, much less than it changes what tells the classes apart. So the windows of
before are moved part of the way to where today's windows of their class lie, and trained on
together with today's: each day with the same weight, however short the second one is. How far
they are moved grows with what is known of today: ``k / (k + 1)`` after ``k`` repetitions.

The blend is not always the best: so, as soon as today has two repetitions, the old model, one
trained on today only, and the blend are compared on repetitions of today that were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.decoding.adaptation.memory import Memory
from myogestic_ros.decoding.datasets.training_set import TrainingSet
from myogestic_ros.decoding.evaluation.cross_validation import Evaluation, Fit, fold_numbers

__all__ = [
    'Recalibration',
    'recalibrate',
    'blend_windows',
    'check_features',
    'match_classes',
]

SOFTNESS = 0.2
"""Added to a feature before its logarithm, as share of its mean; see `_Link`."""

ADVANTAGE = 0.005
"""The blend is left for another only when that is better by so much: folds are few and small."""

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Recalibration:
    """A model for today, and how it was chosen.

    Attributes
    ----------
    estimator : object
        Trained.
    kind : {'old', 'new', 'blend'}
        What it was trained on: before, today, or both.
    memory : Memory
        What it was trained on.
    scores : dict of str to Evaluation
        Of each kind that could be tested, on today's windows that were left out.
    """

    estimator: Any
    kind: str
    memory: Memory
    scores: dict[str, Evaluation]


def match_classes(
    class_names: Mapping[int, str], today: TrainingSet
) -> tuple[Ints, dict[int, str]]:
    """Return today's classes as the model numbers them, and the names of all classes.

    Classes are matched by name; a new one is numbered after those that there are.
    """
    names = dict(class_names)
    known = {name: index for index, name in names.items()}
    table = {}
    for index in sorted(today.class_names):
        name = today.class_names[index]
        if name not in known:
            known[name] = max(names, default=-1) + 1
            names[known[name]] = name
        table[index] = known[name]
    return np.array([table[int(index)] for index in today.classes], np.int64), names


def check_features(memory: Memory, today: TrainingSet) -> None:
    """Raise TrainingError when the windows of today have other features than those of before."""
    if today.features.shape[1] != memory.features.shape[1]:
        raise TrainingError(
            f'Today there are {today.features.shape[1]} features, the old model was trained on '
            f'{memory.features.shape[1]}: it was made for other channels or other features. Train '
            f'a new one.'
        )


def recalibrate(
    memory: Memory,
    today: TrainingSet,
    fit: Fit,
    old: Any,
    step: Callable[[], None] = lambda: None,
) -> Recalibration:
    """Choose and train a model for today.

    Parameters
    ----------
    memory : Memory
        What the old model was trained on.
    today : TrainingSet
        Windows of today.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    old : object
        The old estimator, with ``predict(X)``.
    step : callable
        Called before each training.

    Raises
    ------
    TrainingError
        When the features do not fit together.
    """
    check_features(memory, today)
    y, names = match_classes(memory.class_names, today)
    features, groups = today.features, today.repetitions
    scores = {'old': _score(np.asarray(old.predict(features)), y, groups)}
    if min(today.count_repetitions().values()) >= 2:
        folds = fold_numbers(y, groups, max_folds=5)
        found = {kind: np.full(len(y), -1, np.int64) for kind in ('new', 'blend')}
        for fold in np.unique(folds):
            train, test = folds != fold, folds == fold
            for kind in found:
                step()
                x, c = features[train], y[train]
                if kind == 'blend':
                    x, c = blend_windows(memory, x, c, groups[train])
                found[kind][test] = fit(x, c).predict(features[test])
        scores |= {kind: _score(values, y, folds) for kind, values in found.items()}
    kind = _best(scores, today, memory)
    step()
    if kind == 'old':
        return Recalibration(old, kind, memory, scores)
    x, c = (features, y) if kind == 'new' else blend_windows(memory, features, y, groups)
    return Recalibration(
        fit(x, c), kind, Memory.from_windows(x, c, names, memory.covariances), scores
    )


def _best(scores: Mapping[str, Evaluation], today: TrainingSet, memory: Memory) -> str:
    """Return the kind to use: the blend, unless another was clearly better."""
    if 'blend' not in scores:
        return 'blend'
    allowed = ['blend']
    names, before = set(today.class_names.values()), set(memory.class_names.values())
    if names >= before:
        allowed.append('new')  # else it would forget classes
    if names <= before:
        allowed.append('old')
    best = max(allowed, key=lambda kind: scores[kind].balanced_accuracy)
    ahead = scores[best].balanced_accuracy - scores['blend'].balanced_accuracy
    return best if ahead > ADVANTAGE else 'blend'


def _score(predicted: Ints, truth: Ints, tests: Ints) -> Evaluation:
    classes = np.union1d(truth, predicted)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (np.searchsorted(classes, truth), np.searchsorted(classes, predicted)), 1)
    shares = [float(np.mean((predicted == truth)[tests == test])) for test in np.unique(tests)]
    return Evaluation(tuple(int(index) for index in classes), confusion, tuple(shares))


def blend_windows(
    memory: Memory, features: Features, classes: Ints, repetitions: Ints
) -> tuple[Features, Ints]:
    """Return what to train on: windows of before, moved towards today, and today's.

    Parameters
    ----------
    memory : Memory
        Of before.
    features, classes, repetitions
        Of today, as in `TrainingSet`, in the numbers of the memory's classes.

    Returns
    -------
    features : ndarray, shape (n, n_features)
    classes : ndarray of int, shape (n,)
        Each class with the same number of windows, half from before and half from today where
        there are both; windows of the scarcer day are repeated.
    """
    link = _Link(memory.features, features)
    old, new = link(memory.features), link(features)
    common = np.intersect1d(memory.classes, classes)
    moves = {}
    for index in common:
        k = len(np.unique(repetitions[classes == index]))
        apart = new[classes == index].mean(axis=0) - old[memory.classes == index].mean(axis=0)
        moves[int(index)] = apart * (k / (k + 1))
    # What today does not show moves as the others do.
    usual = np.mean(list(moves.values()), axis=0) if moves else np.zeros(old.shape[1])
    for index in np.unique(memory.classes):
        old[memory.classes == index] += moves.get(int(index), usual)
    moved = link.undo(old)
    count = int(np.median(np.unique(memory.classes, return_counts=True)[1]))
    rows: list[Features] = []
    labels: list[Ints] = []
    for index in np.union1d(memory.classes, classes):
        days = [moved[memory.classes == index], features[classes == index]]
        held = [day for day in days if len(day)]
        for day in held:
            picked = _picked(len(day), 2 * count // len(held))
            rows.append(day[picked])
            labels.append(np.full(len(picked), index, np.int64))
    return np.concatenate(rows), np.concatenate(labels)


def _picked(available: int, wanted: int) -> Ints:
    """Return which windows to take: all some times over, the rest spread evenly."""
    times, rest = divmod(wanted, available)
    spread = np.linspace(0, available - 1, rest).round().astype(np.int64)
    return np.concatenate([np.tile(np.arange(available, dtype=np.int64), times), spread])


class _Link:
    """Features in which a change of day is a shift, and back.

    An electrode that lies better multiplies amplitudes, and a count cannot fall below zero: what
    is never negative is moved as a logarithm. Anything else is moved as it is.
    """

    def __init__(self, *sets: Features) -> None:
        self._counts: NDArray[np.bool_] = np.all([x.min(axis=0) >= 0 for x in sets], axis=0)
        self._offset: Floats = SOFTNESS * np.max([x.mean(axis=0) for x in sets], axis=0) + 1e-30

    def __call__(self, features: Features) -> Floats:
        x = np.array(features, np.float64)
        x[:, self._counts] = np.log((x + self._offset)[:, self._counts])
        return x

    def undo(self, linked: Floats) -> Floats:
        """Return features again, shape (n_windows, n_features)."""
        x = linked.copy()
        back = np.exp(x[:, self._counts]) - self._offset[self._counts]
        x[:, self._counts] = np.maximum(back, 0.0)
        return x
