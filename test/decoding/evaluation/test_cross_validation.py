"""Cross-validation by repetition: splits and scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from myogestic_ros.decoding.evaluation.cross_validation import (
    Evaluation,
    first_repetitions,
    fold_numbers,
    last_repetition,
    leave_one_repetition_out,
)


class Recorder:
    """Predict the class in the first feature, and record the training data."""

    def __init__(self) -> None:
        self.trained_on: list[set[int]] = []

    def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:  # noqa: N803
        self.trained_on.append({int(v) for v in X[:, 1]})
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        return X[:, 0].astype(int)


def windows(*rows: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build windows from (class, repetition, predicted class); features contain the row number."""
    y, groups, found = (np.array(column) for column in zip(*rows, strict=True))
    return np.column_stack([found, groups]).astype(float), y, groups


def test_each_repetition_is_tested_after_training_on_the_others() -> None:
    X, y, groups = windows(  # noqa: N806
        (4, 0, 4), (7, 0, 7), (4, 1, 4), (7, 1, 4), (4, 2, 4), (7, 2, 7), (7, 2, 7), (7, 2, 4)
    )
    decoder = Recorder()
    result = leave_one_repetition_out(X, y, groups, decoder.fit)
    assert decoder.trained_on == [{1, 2}, {0, 2}, {0, 1}]
    assert result.classes == (4, 7)
    assert result.confusion.tolist() == [[3, 0], [2, 3]]
    assert result.fold_accuracies == (1.0, 0.5, 0.75)
    assert result.accuracy == pytest.approx(6 / 8)
    assert result.recalls == pytest.approx({4: 1.0, 7: 0.6})
    assert result.balanced_accuracy == pytest.approx(0.8)


def test_last_repetition_is_tested_after_first_ones() -> None:
    X, y, groups = windows(  # noqa: N806
        (0, 0, 0), (0, 1, 0), (0, 5, 1), (1, 0, 1), (1, 1, 1), (1, 2, 1)
    )
    decoder = Recorder()
    last = last_repetition(X, y, groups, decoder.fit)
    first = first_repetitions(X, y, groups, decoder.fit)
    assert decoder.trained_on == [{0, 1}, {0}]
    assert last.confusion.tolist() == first.confusion.tolist() == [[0, 1], [0, 1]]


def test_class_with_one_repetition_is_not_tested() -> None:
    X, y, groups = windows((0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1), (2, 0, 0))  # noqa: N806
    result = leave_one_repetition_out(X, y, groups, Recorder().fit)
    assert result.accuracy == 1.0
    assert result.recalls == {0: 1.0, 1: 1.0}


def test_single_repetitions_give_an_empty_evaluation() -> None:
    X, y, groups = windows((0, 0, 0), (1, 0, 1))  # noqa: N806
    result = leave_one_repetition_out(X, y, groups, Recorder().fit)
    assert result.is_empty
    assert math.isnan(result.accuracy)
    assert math.isnan(result.balanced_accuracy)
    assert isinstance(result, Evaluation)


def test_every_fold_has_every_class() -> None:
    # Rest is repeated six times between the gestures; repetitions are numbered across classes.
    y = np.array([0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2])
    groups = np.arange(12)
    folds = fold_numbers(y, groups)
    assert folds.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize('n_repetitions', [1, 2, 6, 25])
def test_repetition_is_in_one_fold_only(n_repetitions: int) -> None:
    y = np.repeat([3, 9], 10 * n_repetitions)
    groups = np.tile(np.repeat(np.arange(n_repetitions), 10), 2)
    folds = fold_numbers(y, groups, max_folds=8)
    assert sorted(set(folds.tolist())) == list(range(min(8, n_repetitions)))
    for label in (3, 9):
        for group in range(n_repetitions):
            assert len(np.unique(folds[(y == label) & (groups == group)])) == 1
