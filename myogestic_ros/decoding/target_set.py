"""From recorded sessions to features with what they are to predict: for proportional decoders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.sessions.reader import Session
from myogestic_ros.sessions.windows import iter_aligned_windows

__all__ = ['TargetSet', 'load_targets']

BATCH = 256
"""Windows whose features are computed at once; bounds the memory, whatever a session's length."""

Features = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TargetSet:
    """Features of all training windows, and what other streams had at their middle.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
        What ``extract`` returned, in order of time.
    values : ndarray of float64, shape (n_windows, n_targets)
        The targets, in their own unit.
    names : list of str
        Name of each target.
    n_channels : dict of str to int
        Number of channels of each stream.
    """

    features: Features
    values: NDArray[np.float64]
    names: list[str]
    n_channels: dict[str, int]


def load_targets(
    data: TrainingData, extract: Callable[[dict[str, Samples]], Features]
) -> TargetSet:
    """Cut the windows of sessions, and take the targets from the other streams they hold.

    Raises
    ------
    TrainingError
        When a session has no other stream, or there is no window.
    """
    stream = data.streams[0]
    if not data.paths:
        raise TrainingError('No session to train on; expected one with EMG and a target.')
    session = Session(data.paths[0])
    others = list(data.targets) or _other_streams(session, stream.name)
    if not others:
        raise TrainingError(
            f"A proportional decoder learns from a stream beside '{stream.name}' (a glove, a "
            f"force) that is recorded in the same session; session '{session.name}' has none."
        )
    features, values, names, n_channels = [], [], [], 0
    windows = iter_aligned_windows(
        list(data.paths), stream.name, others, stream.window_ms, data.hop_ms, with_names=True
    )
    while batch := list(islice(windows, BATCH)):
        n_channels = batch[0][0].shape[0]
        names = [str(name) for other in others for name in batch[0][1][other]]
        features.append(extract({stream.name: np.stack([window for window, _, _ in batch])}))
        values += [[v for o in others for v in aligned[o].values()] for _, aligned, _ in batch]
    if not features:
        raise TrainingError(
            f"There is no window of '{stream.name}' that has a value of {', '.join(others)} at its "
            f'middle.'
        )
    found = np.asarray(values, np.float64)
    return TargetSet(np.concatenate(features), found, names, {stream.name: n_channels})


def _other_streams(session: Session, stream: str) -> list[str]:
    """Return the streams beside one; a topic on which nobody spoke is none."""
    own = session.topic_of(stream)
    others = [topic for topic in session.streams() if topic != own]
    return [topic for topic in others if next(session.chunks(topic), None) is not None]
