"""How good a proportional decoder is: trained on some stretches of time, tested on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.filters import FilterSpec
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.evaluation_report import plain
from myogestic_ros.decoding.evaluation_set import BATCH, Extract
from myogestic_ros.sessions.windows import iter_aligned_windows

__all__ = [
    'RegressionReport',
    'RegressionScore',
    'TargetSet',
    'evaluate_regressor',
    'load_target_set',
]

BLOCKS = 5
"""A session is divided into so many stretches, each of which is left out in turn."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class TargetSet:
    """Features of windows with what was to be decoded at their middle.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
    targets : ndarray, shape (n_windows, n_dofs)
        In the unit that was recorded.
    times_s : ndarray, shape (n_windows,)
        Time of the newest sample, s.
    sessions : ndarray of int, shape (n_windows,)
        Number of the session.
    dof_names, session_names : list of str
    window_s : float
        Length of a window, s.
    """

    features: NDArray[np.floating[Any]]
    targets: Floats
    times_s: Floats
    sessions: Ints
    dof_names: list[str]
    session_names: list[str]
    window_s: float


def load_target_set(
    paths: Sequence[str | PathLike[str]],
    stream: str,
    target: str,
    extract: Extract,
    *,
    window_ms: float,
    hop_ms: float,
    filters: FilterSpec | None = None,
) -> TargetSet:
    """Cut the windows of sessions that hold a stream of targets, and compute their features.

    Raises
    ------
    SessionError
        When a session cannot be read, or has no such stream.
    TrainingError
        When there is no window, or the sessions do not have the same degrees of freedom.
    """
    features, targets, times, sessions = [], [], [], []
    names: list[str] = []
    for number, path in enumerate(paths):
        found = iter_aligned_windows(
            [str(path)], stream, [target], window_ms, hop_ms, with_names=True, filters=filters
        )
        for stack, values, dofs, ends in _batches(found, target):
            names = names or dofs
            if dofs != names:
                raise TrainingError(
                    f"The sessions do not go together: '{target}' of session '{Path(path).name}' "
                    f'has {", ".join(dofs)}, that of those before {", ".join(names)}.'
                )
            features.append(np.asarray(extract({stream: stack})))
            targets.append(values)
            times.append(ends)
            sessions.append(np.full(len(ends), number))
    if not features:
        raise TrainingError(
            f"There is nothing to test: no window of '{stream}' has a value of '{target}' at its "
            f'middle.'
        )
    return TargetSet(
        np.concatenate(features),
        np.concatenate(targets).astype(np.float64),
        np.concatenate(times),
        np.concatenate(sessions),
        names,
        [Path(path).name for path in paths],
        window_ms * 1e-3,
    )


def _batches(
    windows: Iterator[tuple[Samples, dict[str, Any], Floats]], target: str
) -> Iterator[tuple[Samples, Samples, list[str], Floats]]:
    """Yield (windows, targets, names of the targets, ends) of some windows at a time."""
    while batch := list(islice(windows, BATCH)):
        names = list(batch[0][1][target][0])
        yield (
            np.stack([window for window, _, _ in batch]),
            np.stack([aligned[target][1] for _, aligned, _ in batch]),
            names,
            np.array([times[-1] for _, _, times in batch]),
        )


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
