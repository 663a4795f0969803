"""How good a decoder is: trained on some repetitions, tested on others.

Always split by repetition, never by window: neighbouring windows share most of their samples,
so a decoder tested on the neighbours of what it was trained on only remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

__all__ = [
    'Evaluation',
    'Fit',
    'first_repetitions',
    'fold_numbers',
    'last_repetition',
    'leave_one_repetition_out',
]

Ints = NDArray[np.int64]
Features = NDArray[np.floating[Any]]
Split = tuple[NDArray[np.bool_], NDArray[np.bool_]]


class Predictor(Protocol):
    """What has been trained; any scikit-learn classifier is one."""

    def predict(self, X: Features) -> Any:  # noqa: N803 - as in scikit-learn
        """Return the class of each row, shape (n_windows,)."""


Fit = Callable[[Features, Ints], Predictor]
"""Trains on features (n_windows, n_features) and classes (n_windows,)."""


@dataclass(frozen=True)
class Evaluation:
    """Outcome of one or more tests.

    Attributes
    ----------
    classes : tuple of int
        The classes that occur, in ascending order.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Number of windows: rows are what they were, columns what they were taken for.
    fold_accuracies : tuple of float
        Accuracy of each test alone, 0 to 1.
    """

    classes: tuple[int, ...]
    confusion: Ints
    fold_accuracies: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be tested."""
        return not self.confusion.any()

    @property
    def accuracy(self) -> float:
        """Share of the windows that were taken for what they were; NaN when none was tested."""
        total = int(self.confusion.sum())
        return int(np.trace(self.confusion)) / total if total else float('nan')

    @property
    def recalls(self) -> dict[int, float]:
        """Accuracy on the windows of each class that was tested."""
        totals = self.confusion.sum(axis=1)
        return {
            label: int(self.confusion[row, row]) / int(totals[row])
            for row, label in enumerate(self.classes)
            if totals[row]
        }

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls: every class counts the same; NaN when none was tested."""
        recalls = self.recalls
        return sum(recalls.values()) / len(recalls) if recalls else float('nan')


def leave_one_repetition_out(
    X: Features,  # noqa: N803
    y: Ints,
    groups: Ints,
    fit: Fit,
    on_test: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Test on each repetition in turn, trained on all the others; within `parallel`, several at once.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_features)
        Features.
    y : ndarray of int, shape (n_windows,)
        Class of each window.
    groups : ndarray of int, shape (n_windows,)
        Repetition of each window; one number is one test (see `fold_numbers`).
    fit : callable
        ``fit(X, y)`` returns an object with ``predict(X)``.
    on_test : callable
        Called when a test is over.

    Notes
    -----
    What the others hold no example of is not tested: it could not be known.
    """
    splits = [(groups != group, groups == group) for group in np.unique(groups)]
    return _evaluate(X, y, splits, fit, on_test)


def last_repetition(X: Features, y: Ints, groups: Ints, fit: Fit) -> Evaluation:  # noqa: N803
    """Test on the last repetition of each class, trained on all before; see the others."""
    last = _rank_from_end(y, groups) == 0
    return _evaluate(X, y, [(~last, last)], fit)


def first_repetitions(
    X: Features,  # noqa: N803
    y: Ints,
    groups: Ints,
    fit: Fit,
    n_repetitions: int = 1,
) -> Evaluation:
    """Test on the last repetition of each class, trained on its first ``n_repetitions`` only."""
    last = _rank_from_end(y, groups) == 0
    return _evaluate(X, y, [((_rank(y, groups) < n_repetitions) & ~last, last)], fit)


def fold_numbers(y: Ints, groups: Ints, max_folds: int = 10) -> Ints:
    """Assign repetitions to the tests of `leave_one_repetition_out`, each with every class.

    The first repetition of each class goes to test 0, its second to test 1, and so on, whatever
    their numbers are. A class with more repetitions than the typical one (rest, often) has its
    surplus spread evenly, in order.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        0 to ``n_folds - 1``; a repetition is never divided.
    """
    rank = _rank(y, groups)
    counts = {label: int(rank[y == label].max()) + 1 for label in np.unique(y)}
    typical = int(np.median(list(counts.values())))
    n_folds = min(max(typical, min(2, max(counts.values()))), max_folds)
    folds: NDArray[np.int64] = rank.copy()
    for label, count in counts.items():
        if count > n_folds:
            folds[y == label] = rank[y == label] * n_folds // count
    return folds


def _rank(y: Ints, groups: Ints) -> Ints:
    """Return for each window how many repetitions of its class come before its own."""
    ranks = np.zeros(len(y), np.int64)
    for label in np.unique(y):
        ranks[y == label] = np.unique(groups[y == label], return_inverse=True)[1]
    return ranks


def _rank_from_end(y: Ints, groups: Ints) -> Ints:
    return _rank(y, -groups)


def _evaluate(
    X: Features,  # noqa: N803
    y: Ints,
    splits: Sequence[Split],
    fit: Fit,
    on_test: Callable[[], None] = lambda: None,
) -> Evaluation:
    def test(train: NDArray[np.bool_], left_out: NDArray[np.bool_]) -> tuple[Ints, Ints] | None:
        known = np.unique(y[train])
        tested = left_out & np.isin(y, known)
        if len(known) < 2 or not tested.any():
            return None
        return y[tested], np.asarray(fit(X[train], y[train]).predict(X[tested]))

    classes = np.unique(y)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    accuracies = []
    for outcome in Parallel(return_as='generator')(delayed(test)(*split) for split in splits):
        on_test()
        if outcome is None:
            continue
        truth, found = outcome
        np.add.at(confusion, (np.searchsorted(classes, truth), np.searchsorted(classes, found)), 1)
        accuracies.append(float(np.mean(truth == found)))
    return Evaluation(tuple(int(label) for label in classes), confusion, tuple(accuracies))
