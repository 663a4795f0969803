"""How good a proportional decoder is: trained on some stretches of time, tested on others."""

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
"""A session is divided into so many stretches, each of which is left out in turn."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class RegressionScore:
    """R² and mean absolute error of each degree of freedom, on windows that were left out."""

    r2: list[float]
    mae: list[float]
    windows: int

    @property
    def mean_r2(self) -> float:
        """Mean of the R² of all degrees of freedom that moved."""
        known = [value for value in self.r2 if np.isfinite(value)]
        return float(np.mean(known)) if known else float('nan')


@dataclass(frozen=True)
class RegressionReport:
    """How good a proportional decoder is on some sessions.

    Attributes
    ----------
    decoder : str
        Its name.
    data : TargetSet
        What it was tested on.
    predicted : ndarray, shape (n_windows, n_dofs)
        With the stretch that a window lies in left out; NaN where it was not tested.
    each, half, sessions : RegressionScore or None
        One stretch left out at a time; the second half, trained on the first; one session left
        out at a time.
    """

    decoder: str
    data: TargetSet
    predicted: Floats
    each: RegressionScore | None
    half: RegressionScore | None
    sessions: RegressionScore | None

    def notes(self) -> list[str]:
        """Say what could not be tested, and why."""
        still = np.ptp(self.data.targets, axis=0) == 0
        return [
            f"'{name}' never moves in these sessions: it has no R²."
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
                'each_stretch': vars(self.each) if self.each else None,
                'second_half': vars(self.half) if self.half else None,
                'across_sessions': vars(self.sessions) if self.sessions else None,
                'notes': self.notes(),
            }
        )
        return found


def _apart(data: TargetSet, train: Flags, test: Flags) -> Flags:
    """Return which windows to train on: none that shares samples with one that is tested."""
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
    step: Callable[[], None] = lambda: None,
) -> RegressionReport:
    """Evaluate a proportional decoder.

    Parameters
    ----------
    decoder : str
        Its name.
    data : TargetSet
        Windows.
    fit : callable
        ``fit(X, targets)`` returns a trained regressor with ``predict(X)``.
    step : callable
        Called before each training.
    """
    place = np.zeros(len(data.times_s))
    for session in np.unique(data.sessions):
        own = data.sessions == session
        place[own] = np.arange(own.sum()) / own.sum()
    blocks = (place * BLOCKS).astype(np.int64)

    def run(tests: list[tuple[Flags, Flags]]) -> Floats:
        predicted = np.full(data.targets.shape, np.nan)
        for train, test in tests:
            step()
            chosen = _apart(data, train, test)
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
            ((data.sessions == s) & (place < 0.5), (data.sessions == s) & (place >= 0.5))
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
