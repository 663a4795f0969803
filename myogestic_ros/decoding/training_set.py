"""From recorded sessions to features with their classes: what decoders are trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.sessions.windows import LabeledWindow, iter_windows

__all__ = ['TrainingSet', 'load_training_set']

BATCH = 256
"""Windows whose features are computed at once; bounds the memory, whatever a session's length."""

Extract = Callable[[dict[str, Samples]], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class TrainingSet:
    """Features of all training windows.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
        What ``extract`` returned.
    classes : ndarray of int, shape (n_windows,)
        Class index of each window.
    repetitions : ndarray of int, shape (n_windows,)
        Number of the repetition it belongs to: each cue has its own, in order of time.
    class_names : dict of int to str
        Name of each class, no two alike.
    n_channels : dict of str to int
        Number of channels of each stream.
    """

    features: NDArray[np.floating[Any]]
    classes: NDArray[np.int64]
    repetitions: NDArray[np.int64]
    class_names: dict[int, str]
    n_channels: dict[str, int]

    def count_repetitions(self) -> dict[int, int]:
        """Return how many repetitions of each class there are."""
        return {
            index: len(np.unique(self.repetitions[self.classes == index]))
            for index in self.class_names
        }


def load_training_set(data: TrainingData, extract: Extract, settle_ms: float) -> TrainingSet:
    """Cut the windows of sessions and compute their features.

    Parameters
    ----------
    data : TrainingData
        Sessions, classes, streams, window and hop.
    extract : callable
        As the ``extract`` callback, and able to take many windows at once: arrays of shape
        ``(n_windows, n_channels, n_samples)`` to ``(n_windows, n_features)``.
    settle_ms : float
        What is left out at the beginning of each cue, ms: the hand follows the cue late.

    Raises
    ------
    TrainingError
        When there is no window, only one class, or the sessions do not fit together.
    """
    features: list[NDArray[np.floating[Any]]] = []
    classes: list[int] = []
    repetitions: list[int] = []
    names: dict[int, str] = {}
    known: dict[tuple[str, int, int], int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for batch in _batches(_windows(data, settle_ms)):
        for window, arrays in batch:
            _check_shapes(shapes, arrays, window.session)
            classes.append(window.class_index)
            names.setdefault(window.class_index, window.class_name)
            key = (window.session, window.class_index, window.repetition)
            repetitions.append(known.setdefault(key, len(known)))
        stacks = {s: np.stack([arrays[s] for _, arrays in batch]) for s in batch[0][1]}
        features.append(extract(stacks))
    if not classes:
        raise TrainingError(
            f'No training windows in {", ".join(data.paths) or "no session"}: expected labelled '
            f'cues{_of_classes(data)} longer than a window of {data.window_ms:g} ms, on stream '
            f"'{data.streams[0].name}'."
        )
    named = _unique_names(data, names)
    if len(named) < 2:
        raise TrainingError(
            f"All training windows are of one class, '{next(iter(named.values()))}'; expected at "
            f'least two. Record another class, or select more of them.'
        )
    return TrainingSet(
        np.concatenate(features),
        np.asarray(classes, np.int64),
        np.asarray(repetitions, np.int64),
        named,
        {stream: shape[0] for stream, shape in shapes.items()},
    )


Item = tuple[LabeledWindow, dict[str, Samples]]


def _windows(data: TrainingData, settle_ms: float) -> Iterator[Item]:
    """Yield each window with its arrays by stream name."""
    if len(data.streams) != 1:
        names = [spec.name for spec in data.streams]
        raise TrainingError(
            f'This decoder trains on one stream, got {names}; set one stream, or use a decoder '
            f'of your own with iter_aligned_windows.'
        )
    stream = data.streams[0]
    for window in iter_windows(
        data.paths,
        stream.name,
        stream.window_ms,
        data.hop_ms,
        classes=data.classes,
        settle_ms=settle_ms,
    ):
        yield window, {stream.name: window.data}


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _check_shapes(
    shapes: dict[str, tuple[int, ...]], arrays: dict[str, Samples], session: str
) -> None:
    for stream, array in arrays.items():
        expected = shapes.setdefault(stream, array.shape)
        if array.shape != expected:
            raise TrainingError(
                f"Stream '{stream}' of session {session} has windows of {array.shape[0]} channels "
                f'x {array.shape[1]} samples, the sessions before it of {expected[0]} x '
                f'{expected[1]}; train on sessions of one kind.'
            )


def _of_classes(data: TrainingData) -> str:
    return f' of the classes {sorted(data.classes)}' if data.classes else ''


def _unique_names(data: TrainingData, recorded: dict[int, str]) -> dict[int, str]:
    """Return a name for each class index: as announced, else as recorded; no two alike."""
    names: dict[int, str] = {}
    for index in sorted(recorded):
        announced = data.class_names[index] if 0 <= index < len(data.class_names) else ''
        name = announced or recorded[index] or f'class {index}'
        names[index] = name if name not in names.values() else f'{name} ({index})'
    return names
