"""Evaluation set: features of all windows of sessions, including transitions between cues."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import NO_CLASS, Label, Samples
from myogestic_ros.core.streams.batch_cutter import WindowBatch
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline, check_class_names
from myogestic_ros.sessions.reading.window_batches import iter_session_batches

__all__ = ['Cue', 'EvaluationSet', 'load_evaluation_set']

Features = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Extract = Callable[[dict[str, Samples]], Features]


@dataclass(frozen=True)
class Cue:
    """One repetition of one class.

    Attributes
    ----------
    session : int
        Number of the session.
    class_index, repetition : int
        Class index and number of the repetition.
    follows_other : bool
        True if another class precedes it without a gap.
    """

    session: int
    class_index: int
    repetition: int
    follows_other: bool = False


@dataclass(frozen=True)
class EvaluationSet:
    """Features of all windows, with the cue of each.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features)
        Result of ``extract``.
    cues : ndarray of int, shape (n_windows,)
        Number of the cue at the newest sample; -1: none.
    steady : ndarray of bool, shape (n_windows,)
        True if all samples belong to that cue, after its settling time.
    since_cue_s, times_s : ndarray, shape (n_windows,)
        Time of the newest sample since the beginning of its cue and of its session, s.
    cue_list : list of Cue
        All cues by number.
    class_names : dict of int to str
        Name of each class that has steady windows.
    session_names : list of str
        Session names by number.
    hop_s : float
        Hop between windows, s.
    settle_s : float
        Settling time at the beginning of a cue, s.
    """

    features: Features
    cues: Ints
    steady: Flags
    since_cue_s: Floats
    times_s: Floats
    cue_list: list[Cue]
    class_names: dict[int, str]
    session_names: list[str]
    hop_s: float
    settle_s: float

    @property
    def classes(self) -> Ints:
        """Class of each window, ``NO_CLASS`` where there is none; shape (n_windows,)."""
        table = np.array([*(cue.class_index for cue in self.cue_list), NO_CLASS], np.int64)
        found: Ints = table[self.cues]
        return found

    @property
    def sessions(self) -> Ints:
        """Number of the session of each window that has a cue, else -1; shape (n_windows,)."""
        table = np.array([*(cue.session for cue in self.cue_list), -1], np.int64)
        found: Ints = table[self.cues]
        return found

    def count_repetitions(self) -> dict[int, int]:
        """Return the number of repetitions with steady windows for each class."""
        with_windows = set(self.cues[self.steady].tolist())
        return {
            index: sum(self.cue_list[number].class_index == index for number in with_windows)
            for index in self.class_names
        }


def load_evaluation_set(
    paths: Sequence[str | PathLike[str]],
    stream: str,
    extract: Extract,
    *,
    window_ms: float,
    hop_ms: float,
    settle_ms: float,
    classes: Collection[int] = (),
    filters: FilterSpec | None = None,
) -> EvaluationSet:
    """Cut all windows of sessions and compute their features.

    Parameters
    ----------
    paths : sequence of path
        Folders of the sessions.
    stream : str
        Name of the stream.
    extract : callable
        The ``extract`` callback; it must accept many windows at once.
    window_ms, hop_ms, settle_ms : float
        Length of a window, hop to the next, and settling time at the beginning of a cue, ms. For
        cues that are too short, the second half of the windows is steady.
    classes : collection of int
        Class indices to use; empty: all.
    filters : FilterSpec, optional
        Filters to apply first; None: none.

    Raises
    ------
    TrainingError
        If there are no labelled windows, only one class, or different channels.
    SessionError
        If a session cannot be read, or class names differ between sessions.
    """
    if not (window_ms > 0 and hop_ms > 0 and settle_ms >= 0):
        raise TrainingError(
            f'Got a window of {window_ms:g} ms, a hop of {hop_ms:g} ms and a settling time of '
            f'{settle_ms:g} ms; expected window and hop above 0 ms, and settling time of at least '
            f'0 ms.'
        )
    reader = _Reader(stream, hop_ms, settle_ms, classes)
    features: list[Features] = []
    spec = StreamSpec(stream, window_ms, filters=filters)
    for number, path in enumerate(paths):
        session = Session(Path(path))
        reader.begin(session, number)
        for batch in iter_session_batches(session, spec, hop_ms):
            reader.take(batch)
            features.append(np.asarray(extract({stream: batch.data})))
    cues = np.array([window.cue for window in reader.found], np.int64)
    steady = _with_short_cues(
        cues,
        np.array([window.steady for window in reader.found], np.bool_),
        np.array([window.whole for window in reader.found], np.bool_),
    )
    used = {reader.cues[number].class_index for number in set(cues[steady].tolist())}
    listed = ', '.join(reader.session_names)
    if not used:
        raise TrainingError(
            f"There is nothing to test in {listed}: no labelled cue on stream '{stream}' is longer "
            f'than a window of {window_ms:g} ms. Set labels while recording (recorder/set_label).'
        )
    if len(used) < 2:
        raise TrainingError(
            f"All labelled windows of {listed} are of one class, '{reader.names[used.pop()]}'; "
            f'expected at least two classes. Record another class, or select more classes.'
        )
    return EvaluationSet(
        np.concatenate(features),
        cues,
        steady,
        np.array([window.since_cue_s for window in reader.found]),
        np.array([window.time_s for window in reader.found]),
        reader.cues,
        {index: reader.names[index] or f'class {index}' for index in sorted(used)},
        reader.session_names,
        hop_ms * 1e-3,
        settle_ms * 1e-3,
    )


class _Window(NamedTuple):
    cue: int
    steady: bool
    whole: bool
    since_cue_s: float
    time_s: float


class _Reader:
    """Assigns windows to cues, session by session, and numbers the cues."""

    def __init__(
        self, stream: str, hop_ms: float, settle_ms: float, classes: Collection[int]
    ) -> None:
        self.found: list[_Window] = []
        self.cues: list[Cue] = []
        self.names: dict[int, str] = {}
        self.session_names: list[str] = []
        self._stream = stream
        self._joined_ns = 2.5e6 * hop_ms  # windows closer than this are adjacent
        self._settle_ns = round(settle_ms * 1e6)
        self._classes = set(classes)
        self._format: tuple[int, float] | None = None

    def begin(self, session: Session, number: int) -> None:
        """Start the next session, with its number."""
        labels = session.labels()
        check_class_names(self.names, labels, session.name)
        for label in labels:
            self.names.setdefault(label.index, label.name)
        self.session_names.append(session.name)
        self._session, self._timeline = number, Timeline(labels)
        self._numbers: dict[tuple[int, int], int] = {}
        self._begin_ns, self._before, self._before_ns = 0, NO_CLASS, 0

    def take(self, batch: WindowBatch) -> None:
        """Add the windows of a batch."""
        self._check(batch)
        span_ns = round((batch.data.shape[2] - 1) * 1e9 / batch.sampling_rate)
        over = self._timeline.label_during
        for at_ns in batch.stamps_ns.tolist():
            self._begin_ns = self._begin_ns or at_ns
            under, _ = self._timeline.label_at(at_ns)
            used = under is not None and self._is_used(under)
            cue = -1
            if under is not None and used:
                key = (under.index, under.repetition)
                if key not in self._numbers:
                    self._numbers[key] = len(self.cues)
                    joined = at_ns - self._before_ns < self._joined_ns
                    follows = joined and self._before not in (NO_CLASS, under.index)
                    self.cues.append(Cue(self._session, under.index, under.repetition, follows))
                cue = self._numbers[key]
            self._before = under.index if under is not None else NO_CLASS
            self._before_ns = at_ns
            self.found.append(
                _Window(
                    cue,
                    used and over(at_ns - span_ns, at_ns, self._settle_ns) is not None,
                    used and over(at_ns - span_ns, at_ns, 0) is not None,
                    (at_ns - under.stamp_ns) * 1e-9 if under is not None else np.inf,
                    (at_ns - self._begin_ns) * 1e-9,
                )
            )

    def _is_used(self, label: Label) -> bool:
        return label.index != NO_CLASS and (not self._classes or label.index in self._classes)

    def _check(self, batch: WindowBatch) -> None:
        found = (batch.data.shape[1], batch.sampling_rate)
        self._format = self._format or found
        if found != self._format:
            channels, rate = self._format
            raise TrainingError(
                f"The sessions do not match: stream '{self._stream}' of session "
                f"'{self.session_names[-1]}' has {found[0]} channels at {found[1]:g} Hz, the earlier sessions "
                f'{channels} at {rate:g} Hz; select sessions with the same channels and sampling rate.'
            )


def _with_short_cues(cues: Ints, steady: Flags, whole: Flags) -> Flags:
    """Return the steady windows, including the second halves of cues that are too short."""
    result = steady.copy()
    for cue in np.setdiff1d(cues[whole], cues[steady]):
        windows = np.flatnonzero((cues == cue) & whole)
        result[windows[len(windows) // 2 :]] = True
    return result & (cues >= 0)
