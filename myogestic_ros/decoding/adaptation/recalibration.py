"""Recalibration of a classifier with a small amount of new data.

From day to day, electrode positions, skin impedance and effort change. This shifts the features of
each class, and changes the differences between classes much less. Therefore the old windows are
moved part of the way towards the new windows of their class, and a new estimator is trained on
both, with equal weight however few the new windows are. With ``k`` new repetitions, the shift is
the share ``k / (k + 1)`` of the distance between the class means.

Once there are two new repetitions, three candidates are compared on new repetitions left out of the
training: the old model, one trained on the new data only, and the blend.
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
"""Offset added to a feature before the logarithm, as a share of its mean; see `_LogLink`."""

ADVANTAGE = 0.005
"""Minimum advantage in balanced accuracy to prefer another candidate to the blend, 0 to 1.

The folds are few and small, so that smaller differences are chance."""

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Recalibration:
    """Result of a recalibration.

    Attributes
    ----------
    estimator : object
        Selected estimator, trained.
    kind : {'old', 'new', 'blend'}
        Data that it was trained on: old, new, or both.
    memory : Memory
        Training windows to keep in the model.
    scores : dict of str to Evaluation
        Score of each candidate that could be tested, on new windows left out of its training.
    """

    estimator: Any
    kind: str
    memory: Memory
    scores: dict[str, Evaluation]


def match_classes(class_names: Mapping[int, str], new: TrainingSet) -> tuple[Ints, dict[int, str]]:
    """Match the classes of new windows to those of a model by name.

    Parameters
    ----------
    class_names : mapping of int to str
        Classes of the model.
    new : TrainingSet
        New windows.

    Returns
    -------
    classes : ndarray of int, shape (n_windows,)
        Class index of each new window in the model's numbering; classes that the model does not
        have get the next free indices.
    class_names : dict of int to str
        Names of the classes of both.
    """
    names = dict(class_names)
    known = {name: index for index, name in names.items()}
    table = {}
    for index in sorted(new.class_names):
        name = new.class_names[index]
        if name not in known:
            known[name] = max(names, default=-1) + 1
            names[known[name]] = name
        table[index] = known[name]
    return np.array([table[int(index)] for index in new.classes], np.int64), names


def check_features(memory: Memory, new: TrainingSet) -> None:
    """Raise TrainingError if the number of features differs between old and new windows."""
    if new.features.shape[1] != memory.features.shape[1]:
        raise TrainingError(
            f'The new windows have {new.features.shape[1]} features, the old model was trained on '
            f'{memory.features.shape[1]}: it was trained on other channels or other features. '
            f'Train a new model.'
        )


def recalibrate(
    memory: Memory,
    new: TrainingSet,
    fit: Fit,
    old: Any,
    on_fit: Callable[[], None] = lambda: None,
) -> Recalibration:
    """Select and train an estimator for the new data.

    Parameters
    ----------
    memory : Memory
        Windows that the old model was trained on.
    new : TrainingSet
        New windows.
    fit : callable
        ``fit(X, y)`` returns a trained classifier.
    old : object
        Old estimator, with ``predict(X)``.
    on_fit : callable
        Called before each training.

    Raises
    ------
    TrainingError
        If the number of features differs between old and new windows.
    """
    check_features(memory, new)
    y, names = match_classes(memory.class_names, new)
    features, groups = new.features, new.repetitions
    scores = {'old': _score(np.asarray(old.predict(features)), y, groups)}
    if min(new.count_repetitions().values()) >= 2:
        folds = fold_numbers(y, groups, max_folds=5)
        found = {kind: np.full(len(y), -1, np.int64) for kind in ('new', 'blend')}
        for fold in np.unique(folds):
            train, test = folds != fold, folds == fold
            for kind in found:
                on_fit()
                x, c = features[train], y[train]
                if kind == 'blend':
                    x, c = blend_windows(memory, x, c, groups[train])
                found[kind][test] = fit(x, c).predict(features[test])
        scores |= {kind: _score(values, y, folds) for kind, values in found.items()}
    kind = _best(scores, new, memory)
    on_fit()
    if kind == 'old':
        return Recalibration(old, kind, memory, scores)
    x, c = (features, y) if kind == 'new' else blend_windows(memory, features, y, groups)
    return Recalibration(
        fit(x, c), kind, Memory.from_windows(x, c, names, memory.covariances), scores
    )


def _best(scores: Mapping[str, Evaluation], new: TrainingSet, memory: Memory) -> str:
    """Return the kind to use: the blend, unless another one is better by `ADVANTAGE`."""
    if 'blend' not in scores:
        return 'blend'
    allowed = ['blend']
    names, before = set(new.class_names.values()), set(memory.class_names.values())
    if names >= before:
        allowed.append('new')  # otherwise the model would lose classes
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
    """Return training windows: old windows moved towards the new ones, and the new ones.

    Parameters
    ----------
    memory : Memory
        Old windows.
    features : ndarray, shape (n_windows, n_features)
        Features of the new windows.
    classes : ndarray of int, shape (n_windows,)
        Their class indices, in the numbering of ``memory``.
    repetitions : ndarray of int, shape (n_windows,)
        Their repetitions.

    Returns
    -------
    features : ndarray, shape (n, n_features)
    classes : ndarray of int, shape (n,)
        Each class has the same number of windows, half of them old and half new if it occurs in
        both; windows are repeated where there are too few.
    """
    link = _LogLink(memory.features, features)
    old, new = link(memory.features), link(features)
    common = np.intersect1d(memory.classes, classes)
    moves = {}
    for index in common:
        k = len(np.unique(repetitions[classes == index]))
        apart = new[classes == index].mean(axis=0) - old[memory.classes == index].mean(axis=0)
        moves[int(index)] = apart * (k / (k + 1))
    # Classes without new windows are moved by the mean of the others.
    usual = np.mean(list(moves.values()), axis=0) if moves else np.zeros(old.shape[1])
    for index in np.unique(memory.classes):
        old[memory.classes == index] += moves.get(int(index), usual)
    moved = link.undo(old)
    count = int(np.median(np.unique(memory.classes, return_counts=True)[1]))
    rows: list[Features] = []
    labels: list[Ints] = []
    for index in np.union1d(memory.classes, classes):
        parts = [moved[memory.classes == index], features[classes == index]]
        parts = [part for part in parts if len(part)]
        for part in parts:
            chosen = _spread(len(part), 2 * count // len(parts))
            rows.append(part[chosen])
            labels.append(np.full(len(chosen), index, np.int64))
    return np.concatenate(rows), np.concatenate(labels)


def _spread(available: int, wanted: int) -> Ints:
    """Return indices of windows: all of them as often as possible, the rest evenly spaced."""
    times, rest = divmod(wanted, available)
    extra = np.linspace(0, available - 1, rest).round().astype(np.int64)
    return np.concatenate([np.tile(np.arange(available, dtype=np.int64), times), extra])


class _LogLink:
    """Transform of features under which a change between days is a shift.

    Better electrode contact multiplies amplitudes, and counts cannot be negative. Therefore
    features that are never negative are shifted in the logarithm, all others as they are.
    """

    def __init__(self, *sets: Features) -> None:
        self._positive: NDArray[np.bool_] = np.all([x.min(axis=0) >= 0 for x in sets], axis=0)
        self._offset: Features = SOFTNESS * np.max([x.mean(axis=0) for x in sets], axis=0) + 1e-30

    def __call__(self, features: Features) -> Floats:
        x = np.array(features, np.float64)
        x[:, self._positive] = np.log((x + self._offset)[:, self._positive])
        return x

    def undo(self, linked: Floats) -> Floats:
        """Return the features of transformed ones, shape (n_windows, n_features)."""
        x = linked.copy()
        back = np.exp(x[:, self._positive]) - self._offset[self._positive]
        x[:, self._positive] = np.maximum(back, 0.0)
        return x
