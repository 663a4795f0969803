"""Cross-validation of classifiers: trained on some repetitions, tested on others.

Data is always split by repetition, never by window: neighbouring windows share most of their
samples, so a split by window gives much too high an accuracy.
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
    """A trained classifier, such as any of scikit-learn."""

    def predict(self, X: Features) -> Any:  # noqa: N803 - as in scikit-learn
        """Return the class index of each row, shape (n_windows,)."""


Fit = Callable[[Features, Ints], Predictor]
"""Function that trains on features (n_windows, n_features) and classes (n_windows,)."""


@dataclass(frozen=True)
class Evaluation:
    """Result of one or more tests.

    Attributes
    ----------
    classes : tuple of int
        Class indices in ascending order.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Number of windows; rows are true classes, columns predicted classes.
    fold_accuracies : tuple of float
        Accuracy of each test alone, 0 to 1.
    """

    classes: tuple[int, ...]
    confusion: Ints
    fold_accuracies: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """True if nothing could be tested."""
        return not self.confusion.any()

    @property
    def accuracy(self) -> float:
        """Share of correctly classified windows, 0 to 1; NaN if none was tested."""
        total = int(self.confusion.sum())
        return int(np.trace(self.confusion)) / total if total else float('nan')

    @property
    def recalls(self) -> dict[int, float]:
        """Recall of each class that was tested, 0 to 1, by class index."""
        totals = self.confusion.sum(axis=1)
        return {
            label: int(self.confusion[row, row]) / int(totals[row])
            for row, label in enumerate(self.classes)
            if totals[row]
        }

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls, so that all classes have the same weight; NaN if none was tested."""
        recalls = self.recalls
        return sum(recalls.values()) / len(recalls) if recalls else float('nan')


def leave_one_repetition_out(
    X: Features,  # noqa: N803
    y: Ints,
    groups: Ints,
    fit: Fit,
    on_test: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Test on each repetition in turn, trained on all others; in parallel within `parallel`.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_features)
        Features.
    y : ndarray of int, shape (n_windows,)
        Class index of each window.
    groups : ndarray of int, shape (n_windows,)
        Repetition of each window; each number is one test (see `fold_numbers`).
    fit : callable
        ``fit(X, y)`` returns an object with ``predict(X)``.
    on_test : callable
        Called after each test.

    Notes
    -----
    Windows of classes that are missing in the training data are not tested.
    """
    splits = [(groups != group, groups == group) for group in np.unique(groups)]
    return _evaluate(X, y, splits, fit, on_test)


def last_repetition(X: Features, y: Ints, groups: Ints, fit: Fit) -> Evaluation:  # noqa: N803
    """Test on the last repetition of each class, trained on all earlier ones.

    Arguments as for `leave_one_repetition_out`.
    """
    last = _rank_from_end(y, groups) == 0
    return _evaluate(X, y, [(~last, last)], fit)


def first_repetitions(
    X: Features,  # noqa: N803
    y: Ints,
    groups: Ints,
    fit: Fit,
    n_repetitions: int = 1,
) -> Evaluation:
    """Test on the last repetition of each class, trained on its first ``n_repetitions``.

    Arguments as for `leave_one_repetition_out`.
    """
    last = _rank_from_end(y, groups) == 0
    return _evaluate(X, y, [((_rank(y, groups) < n_repetitions) & ~last, last)], fit)


def fold_numbers(y: Ints, groups: Ints, max_folds: int = 10) -> Ints:
    """Assign repetitions to folds for `leave_one_repetition_out`, so that each has every class.

    The first repetition of each class is assigned to fold 0, the second to fold 1, and so on,
    independent of their numbers. Additional repetitions of a class with more than the median number
    (often rest) are distributed evenly, in order.

    Parameters
    ----------
    y : ndarray of int, shape (n_windows,)
        Class index of each window.
    groups : ndarray of int, shape (n_windows,)
        Repetition of each window.
    max_folds : int
        Maximum number of folds.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        Fold of each window, 0 to ``n_folds - 1``; a repetition is in one fold only.
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
    """Return the number of earlier repetitions of its class for each window."""
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
