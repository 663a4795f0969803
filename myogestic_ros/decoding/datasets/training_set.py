"""Training set of a classifier: features and classes of the windows of sessions."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import NO_CLASS, Samples
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.window_batches import LabeledBatch, iter_window_batches

__all__ = ['TrainingSet', 'load_training_set']

MAX_QUEUED_BATCHES = 4
"""Maximum number of queued batches per thread; limits the memory for sessions of any length."""

Features = NDArray[np.floating[Any]]
Extract = Callable[[dict[str, Samples]], Features]
Cue = tuple[str, int, int]
"""Session, class index and repetition."""


@dataclass(frozen=True)
class TrainingSet:
    """Features of all training windows.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
        Result of ``extract``.
    classes : ndarray of int, shape (n_windows,)
        Class index of each window.
    repetitions : ndarray of int, shape (n_windows,)
        Number of the cue that it belongs to, in order of time.
    class_names : dict of int to str
        Name of each class; the names are unique.
    n_channels : dict of str to int
        Number of channels of each stream.
    short_cues : int
        Number of cues that are not longer than the settling time and a window.
    """

    features: Features
    classes: NDArray[np.int64]
    repetitions: NDArray[np.int64]
    class_names: dict[int, str]
    n_channels: dict[str, int]
    short_cues: int

    def count_repetitions(self) -> dict[int, int]:
        """Return the number of repetitions of each class, by class index."""
        return {
            index: len(np.unique(self.repetitions[self.classes == index]))
            for index in self.class_names
        }


def load_training_set(data: TrainingData, extract: Extract, settle_ms: float) -> TrainingSet:
    """Cut the windows of sessions and compute their features.

    Parameters
    ----------
    data : TrainingData
        Sessions, classes, stream, window and hop.
    extract : callable
        The ``extract`` callback; it must accept many windows at once: arrays of shape
        ``(n_windows, n_channels, n_samples)`` to ``(n_windows, n_features)``.
    settle_ms : float
        Time left out at the beginning of each cue, for the reaction of the subject, ms. For cues
        that are too short, the second half of their windows is used.

    Raises
    ------
    TrainingError
        If there are no windows, only one class, or sessions with different channels.
    """
    if len(data.streams) != 1:
        raise TrainingError(
            f'This decoder trains on one stream, got {[spec.name for spec in data.streams]}; '
            f'select one stream, or write a decoder for several.'
        )
    found = _Collector(data.streams[0].name, extract)
    found.add(_batches(data, data.paths, settle_ms))
    short = _cues(data) - set(found.cues)
    found.add(_second_halves(data, short))
    return found.training_set(data)


class _Collector:
    """Computes and collects the features of windows."""

    def __init__(self, stream: str, extract: Extract) -> None:
        self.cues: list[Cue] = []
        self._stream = stream
        self._extract = extract
        self._features: list[Features] = []
        self._names: dict[int, str] = {}
        self._shape: tuple[int, ...] | None = None
        self._short: set[Cue] = set()
        self._rounds = 0

    def add(self, batches: Iterable[LabeledBatch]) -> None:
        """Add windows; those of the second call are of short cues.

        One thread reads, others compute the features: NumPy releases the interpreter lock.
        """
        self._rounds += 1
        workers = os.cpu_count() or 1
        waiting: deque[Future[Features]] = deque()
        with ThreadPoolExecutor(workers, 'features') as pool:
            for batch in batches:
                self._check_shape(batch)
                cue = _cue(batch)
                self.cues += [cue] * len(batch.windows)
                self._names.setdefault(batch.label.index, batch.label.name)
                if self._rounds > 1:
                    self._short.add(cue)
                waiting.append(pool.submit(self._extract, {self._stream: batch.windows.data}))
                if len(waiting) >= MAX_QUEUED_BATCHES * workers:
                    self._features.append(waiting.popleft().result())
            self._features += [future.result() for future in waiting]

    def _check_shape(self, batch: LabeledBatch) -> None:
        shape = batch.windows.data.shape[1:]
        self._shape = self._shape or shape
        if shape != self._shape:
            raise TrainingError(
                f"Stream '{self._stream}' of session {batch.session} has windows of {shape[0]} "
                f'channels x {shape[1]} samples, the earlier sessions of {self._shape[0]} x '
                f'{self._shape[1]}; train on sessions with the same channels and sampling rate.'
            )

    def training_set(self, data: TrainingData) -> TrainingSet:
        """Return the collected training set."""
        if self._shape is None:
            classes = f' of the classes {sorted(data.classes)}' if data.classes else ''
            raise TrainingError(
                f'No training windows in {", ".join(data.paths) or "no session"}: expected '
                f'labelled cues{classes} longer than a window of {data.window_ms:g} ms, on '
                f"stream '{self._stream}'."
            )
        names = _unique_names(data, self._names)
        if len(names) < 2:
            raise TrainingError(
                f"All training windows are of one class, '{next(iter(names.values()))}'; expected "
                f'at least two. Record another class, or select more of them.'
            )
        order = {str(path): number for number, path in enumerate(data.paths)}
        ordered = sorted(set(self.cues), key=lambda cue: (order[cue[0]], cue[2], cue[1]))
        number = {cue: number for number, cue in enumerate(ordered)}
        return TrainingSet(
            np.concatenate(self._features),
            np.array([index for _, index, _ in self.cues], np.int64),
            np.array([number[cue] for cue in self.cues], np.int64),
            names,
            {self._stream: self._shape[0]},
            len(self._short),
        )


def _cue(batch: LabeledBatch) -> Cue:
    return batch.session, batch.label.index, batch.label.repetition


def _batches(data: TrainingData, paths: Iterable[str], settle_ms: float) -> Iterator[LabeledBatch]:
    return iter_window_batches(
        list(paths), data.streams[0], data.hop_ms, classes=data.classes, settle_ms=settle_ms
    )


def _cues(data: TrainingData) -> set[Cue]:
    """Return all cues of the selected classes in the sessions."""
    return {
        (str(path), label.index, label.repetition)
        for path in data.paths
        for label in Session(path).labels()
        if label.index != NO_CLASS and (not data.classes or label.index in data.classes)
    }


def _second_halves(data: TrainingData, cues: set[Cue]) -> Iterator[LabeledBatch]:
    """Yield the second half of the windows of each cue."""
    found: defaultdict[Cue, list[LabeledBatch]] = defaultdict(list)
    for path in sorted({path for path, _, _ in cues}):
        for batch in _batches(data, [path], 0.0):
            if _cue(batch) in cues:
                found[_cue(batch)].append(batch)
    for batches in found.values():
        skip = sum(len(batch.windows) for batch in batches) // 2
        for batch in batches:
            n = len(batch.windows)
            if skip < n:
                yield LabeledBatch(batch.windows[skip:], batch.label, batch.session)
            skip = max(0, skip - n)


def _unique_names(data: TrainingData, recorded: dict[int, str]) -> dict[int, str]:
    """Return unique class names by index: those of the training data, otherwise as recorded."""
    names: dict[int, str] = {}
    for index in sorted(recorded):
        configured = data.class_names[index] if 0 <= index < len(data.class_names) else ''
        name = configured or recorded[index] or f'class {index}'
        names[index] = name if name not in names.values() else f'{name} ({index})'
    return names
