"""Training set of a proportional decoder: features of windows and target values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_aligned_windows

__all__ = ['TargetSet', 'load_targets']

BATCH = 256
"""Number of windows per call of ``extract``; limits the memory for sessions of any length."""

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TargetSet:
    """Features of windows, with the values of the target streams at their middle.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
        Result of ``extract``, session after session, in order of time.
    targets : ndarray, shape (n_windows, n_dofs)
        Target values in the recorded unit.
    times_s : ndarray, shape (n_windows,)
        Time of the newest sample of each window, s.
    sessions : ndarray of int, shape (n_windows,)
        Number of the session of each window.
    dof_names, session_names : list of str
        Names of the targets and of the sessions.
    window_s : float
        Length of a window, s.
    n_channels : dict of str to int
        Number of channels of each stream that features are computed from.
    """

    features: Features
    targets: Floats
    times_s: Floats
    sessions: NDArray[np.int64]
    dof_names: list[str]
    session_names: list[str]
    window_s: float
    n_channels: dict[str, int]


@dataclass(frozen=True)
class _Batch:
    session: str
    windows: Samples
    dofs: list[str]
    targets: Floats
    ends_s: Floats


def load_targets(
    data: TrainingData, extract: Callable[[dict[str, Samples]], Features]
) -> TargetSet:
    """Cut the windows of sessions, compute their features and read the targets.

    Parameters
    ----------
    data : TrainingData
        Sessions, stream, window, hop and names of the target streams; without targets, all other
        streams of the first session are used.
    extract : callable
        The ``extract`` callback; it must accept many windows at once.

    Raises
    ------
    SessionError
        If a session cannot be read, or has no such stream.
    TrainingError
        If there are no windows, or a session lacks a target or has other channels.
    """
    stream = data.streams[0]
    if not data.paths:
        raise TrainingError(
            'No session is selected; expected sessions with EMG and a target stream.'
        )
    others = list(data.targets) or _other_streams(Session(data.paths[0]), stream.name)
    names = [Path(path).name for path in data.paths]
    features, targets, times_s, sessions = [], [], [], []
    first: _Batch | None = None
    for number, path in enumerate(data.paths):
        for batch in _batches(data, path, others):
            first = first or batch
            _check_consistent(first, batch)
            features.append(np.asarray(extract({stream.name: batch.windows})))
            targets.append(batch.targets)
            times_s.append(batch.ends_s)
            sessions.append(np.full(len(batch.ends_s), number))
    if first is None:
        raise TrainingError(
            f"No window of stream '{stream.name}' in {', '.join(names)} has a value of "
            f'{", ".join(others)} at its middle; record both streams at the same time.'
        )
    return TargetSet(
        np.concatenate(features),
        np.concatenate(targets),
        np.concatenate(times_s),
        np.concatenate(sessions),
        first.dofs,
        names,
        data.window_ms * 1e-3,
        {stream.name: first.windows.shape[1]},
    )


def _batches(data: TrainingData, path: str, others: list[str]) -> Iterator[_Batch]:
    """Yield batches of windows of one session with their targets."""
    stream = data.streams[0]
    windows = iter_aligned_windows(
        [path],
        stream.name,
        others,
        stream.window_ms,
        data.hop_ms,
        with_names=True,
        filters=stream.filters,
    )
    while found := list(islice(windows, BATCH)):
        yield _Batch(
            Path(path).name,
            np.stack([window for window, _, _ in found]),
            [str(name) for other in others for name in found[0][1][other]],
            np.array([[v for o in others for v in at[o].values()] for _, at, _ in found]),
            np.array([times_s[-1] for _, _, times_s in found]),
        )


def _check_consistent(first: _Batch, batch: _Batch) -> None:
    """Raise TrainingError if two sessions have different targets, channels or rates."""
    if batch.dofs != first.dofs:
        raise TrainingError(
            f"The sessions do not match: '{batch.session}' has the degrees of freedom "
            f"{', '.join(batch.dofs)}, '{first.session}' has {', '.join(first.dofs)}; expected the same "
            f'in the same order. Select matching sessions, or a target that they have in common.'
        )
    if batch.windows.shape[1:] != first.windows.shape[1:]:
        (channels, samples), (expected, length) = batch.windows.shape[1:], first.windows.shape[1:]
        raise TrainingError(
            f"The sessions do not match: windows of '{batch.session}' have {channels} channels x "
            f"{samples} samples, those of '{first.session}' {expected} x {length}; expected the same. "
            f'Select sessions with the same channels and sampling rate.'
        )


def _other_streams(session: Session, stream: str) -> list[str]:
    """Return all other streams of a session that have data."""
    own = session.stream_topic(stream)
    others = [topic for topic in session.streams() if topic != own]
    found = [topic for topic in others if next(session.chunks(topic), None) is not None]
    if not found:
        raise TrainingError(
            f"Session '{session.name}' has no stream except '{stream}'; a proportional decoder "
            f'needs a target stream (a glove, a force) in the same session. Record both streams.'
        )
    return found
