"""Cross-validation of proportional decoders: trained on some blocks of time, tested on others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.datasets.target_set import TargetSet
from myogestic_ros.decoding.evaluation.report import plain

__all__ = ['RegressionReport', 'RegressionScore', 'evaluate_regressor']

BLOCKS = 5
"""Number of blocks of a session; each is left out in turn."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class RegressionScore:
    """Score on windows that were left out of the training.

    Attributes
    ----------
    r2 : list of float
        Coefficient of determination of each DoF; NaN for a DoF that does not move.
    mae : list of float
        Mean absolute error of each DoF, in the unit of the targets.
    windows : int
        Number of windows.
    """

    r2: list[float]
    mae: list[float]
    windows: int

    @property
    def mean_r2(self) -> float:
        """Mean R² of all DoFs that move; NaN if none does."""
        known = [value for value in self.r2 if np.isfinite(value)]
        return float(np.mean(known)) if known else float('nan')


@dataclass(frozen=True)
class RegressionReport:
    """Evaluation of a proportional decoder.

    Attributes
    ----------
    decoder : str
        Name of the decoder.
    data : TargetSet
        Windows and targets.
    predicted : ndarray, shape (n_windows, n_dofs)
        Predictions with the block of the window left out; NaN for windows not tested.
    each, half, sessions : RegressionScore or None
        Score with one block left out at a time; on the second half, trained on the first; with one
        session left out at a time (None for a single session).
    """

    decoder: str
    data: TargetSet
    predicted: Floats
    each: RegressionScore | None
    half: RegressionScore | None
    sessions: RegressionScore | None

    def notes(self) -> list[str]:
        """Return sentences about classes or DoFs that could not be tested."""
        still = np.ptp(self.data.targets, axis=0) == 0
        return [
            f"DoF '{name}' does not move in these sessions, so it has no R²."
            for name, constant in zip(self.data.dof_names, still, strict=True)
            if constant
        ]

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON types; NaN becomes None."""
        found: dict[str, Any] = plain(
            {
                'decoder': self.decoder,
                'kind': 'regression',
                'sessions': self.data.session_names,
                'dofs': self.data.dof_names,
                'windows': len(self.data.targets),
                'each_block': vars(self.each) if self.each else None,
                'second_half': vars(self.half) if self.half else None,
                'across_sessions': vars(self.sessions) if self.sessions else None,
                'notes': self.notes(),
            }
        )
        return found


def _without_overlap(data: TargetSet, train: Flags, test: Flags) -> Flags:
    """Return the training windows that share no samples with a tested window."""
    result = train.copy()
    for session in np.unique(data.sessions[test]):
        own = data.sessions == session
        tested = data.times_s[own & test]
        near = np.searchsorted(tested, data.times_s)
        before = np.abs(data.times_s - tested[np.maximum(near - 1, 0)])
        after = np.abs(data.times_s - tested[np.minimum(near, len(tested) - 1)])
        result &= ~(own & (np.minimum(before, after) < data.window_s))
    return result


def _score(truth: Floats, found: Floats) -> RegressionScore | None:
    known = np.isfinite(found).all(axis=1)
    if not known.any():
        return None
    truth, found = truth[known], found[known]
    residual = ((truth - found) ** 2).sum(axis=0)
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    r2 = np.where(spread > 0, 1 - residual / np.where(spread > 0, spread, 1.0), np.nan)
    mae = np.abs(truth - found).mean(axis=0)
    return RegressionScore(r2.tolist(), mae.tolist(), len(truth))


def evaluate_regressor(
    decoder: str,
    data: TargetSet,
    fit: Callable[[Any, Any], Any],
    on_fit: Callable[[], None] = lambda: None,
) -> RegressionReport:
    """Evaluate a proportional decoder.

    Parameters
    ----------
    decoder : str
        Name of the decoder.
    data : TargetSet
        Windows and targets.
    fit : callable
        ``fit(X, targets)`` returns a trained regressor with ``predict(X)``.
    on_fit : callable
        Called before each training.
    """
    position = np.zeros(len(data.times_s))
    for session in np.unique(data.sessions):
        own = data.sessions == session
        position[own] = np.arange(own.sum()) / own.sum()
    blocks = (position * BLOCKS).astype(np.int64)

    def run(tests: list[tuple[Flags, Flags]]) -> Floats:
        predicted = np.full(data.targets.shape, np.nan)
        for train, test in tests:
            on_fit()
            chosen = _without_overlap(data, train, test)
            if chosen.sum() < 2 or not test.any():
                continue
            found = np.asarray(
                fit(data.features[chosen], data.targets[chosen]).predict(data.features[test])
            )
            predicted[test] = found.reshape(int(test.sum()), -1)
        return predicted

    each = run(
        [
            ((data.sessions == s) & (blocks != b), (data.sessions == s) & (blocks == b))
            for s in np.unique(data.sessions)
            for b in range(BLOCKS)
        ]
    )
    half = run(
        [
            ((data.sessions == s) & (position < 0.5), (data.sessions == s) & (position >= 0.5))
            for s in np.unique(data.sessions)
        ]
    )
    across = None
    if len(data.session_names) > 1:
        across = _score(
            data.targets,
            run([(data.sessions != s, data.sessions == s) for s in np.unique(data.sessions)]),
        )
    return RegressionReport(
        decoder, data, each, _score(data.targets, each), _score(data.targets, half), across
    )
