"""Windows for training, cut out of recorded sessions by the code that cuts them live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.filters import FilterSpec
from myogestic_ros.core.signals import Label, Samples
from myogestic_ros.core.training_filters import training_filters_of
from myogestic_ros.core.window_batches import BatchCutter, WindowBatch
from myogestic_ros.core.windows import StreamSpec
from myogestic_ros.sessions.reader import Session
from myogestic_ros.sessions.timeline import Timeline, check_names
from myogestic_ros.sessions.track import Track

__all__ = [
    'LabeledBatch',
    'LabeledWindow',
    'iter_aligned_windows',
    'iter_labeled_windows',
    'iter_window_batches',
    'iter_windows',
]

Paths = Sequence[str | PathLike[str]]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabeledWindow:
    """A window that lies within one repetition of one class.

    Attributes
    ----------
    data : ndarray of float32, shape (n_channels, n_samples)
        In volt; owned by whoever gets it.
    times_s : ndarray of float64, shape (n_samples,)
        When each sample was acquired, s.
    class_index, class_name : int, str
        The label in force.
    repetition : int
        Number of the repetition of this class within its session, from 0.
    session : str
        Path of the session.
    """

    data: Samples
    times_s: Times
    class_index: int
    class_name: str
    repetition: int
    session: str


@dataclass(frozen=True, slots=True)
class LabeledBatch:
    """Consecutive windows that lie within one repetition of one class.

    Attributes
    ----------
    windows : WindowBatch
        The windows, as a view: what two of them share lies in memory once.
    label : Label
        The label in force, its repetition numbered.
    session : str
        Path of the session.
    """

    windows: WindowBatch
    label: Label
    session: str


def iter_window_batches(
    paths: Paths,
    stream: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
    filters: FilterSpec | None = None,
) -> Iterator[LabeledBatch]:
    """Yield the windows of labelled sessions, many at once.

    The windows are those of `iter_windows`, in the same order. Sessions are read as a stream: what
    is held in memory does not grow with their length.

    Parameters, Raises
    ------------------
    As `iter_windows`.
    """
    names: dict[int, str] = {}
    settle_ns = round(settle_ms * 1e6)
    for path in _listed(paths):
        session = Session(path)
        labels = session.labels()
        check_names(names, labels, session.name)
        timeline = Timeline(labels)
        for batch in _batches(session, stream, window_ms, hop_ms, filters):
            span_ns = round((batch.data.shape[2] - 1) * 1e9 / batch.sampling_rate)
            stamps_ns = batch.stamps_ns.tolist()
            found = [timeline.over(at - span_ns, at, settle_ns) for at in stamps_ns]
            stop = 0
            for label, run in groupby(found):
                start, stop = stop, stop + sum(1 for _ in run)
                if label is not None and (not classes or label.index in classes):
                    yield LabeledBatch(batch[start:stop], label, path)


def _batches(
    session: Session,
    stream: str,
    window_ms: float,
    hop_ms: float,
    filters: FilterSpec | None,
) -> Iterator[WindowBatch]:
    if not (window_ms > 0 and hop_ms > 0):
        raise SessionError(
            f'Windows of {window_ms:g} ms every {hop_ms:g} ms; expected more than 0 ms for both.'
        )
    spec = StreamSpec(stream, window_ms, filters=filters or training_filters_of(stream))
    cutter = BatchCutter(spec, 1000.0 / hop_ms)
    for block in session.blocks(stream):
        yield from cutter.push(block)


def _times_s(batch: WindowBatch, number: int) -> Times:
    steps = np.arange(1 - batch.data.shape[2], 1, dtype=np.float64)
    return int(batch.stamps_ns[number]) * 1e-9 + steps / batch.sampling_rate


def iter_windows(
    paths: Paths,
    stream: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
    filters: FilterSpec | None = None,
) -> Iterator[LabeledWindow]:
    """Yield the windows of labelled sessions.

    A window belongs to a label when all its samples do: it never spans a change of label, nor
    samples that were lost. Sessions are read as a stream, never as a whole.

    Parameters
    ----------
    paths : sequence of str or path
        Sessions.
    stream : str
        Name of the stream.
    window_ms, hop_ms : float
        Length of a window and step to the next, ms.
    classes : set of int, optional
        Indices of the classes to yield; None or empty: all.
    settle_ms : float
        Time after each cue that is left out, ms: people react late.
    filters : FilterSpec, optional
        What the stream passes through before it is cut, `FilterSpec()` for nothing. None: within
        a training what it passes through live, else nothing.

    Raises
    ------
    SessionError
        When a session cannot be read, or two give different names to one class, or one name
        to different classes.
    """
    for found in iter_window_batches(
        paths, stream, window_ms, hop_ms, classes, settle_ms=settle_ms, filters=filters
    ):
        label, batch = found.label, found.windows
        for number in range(len(batch)):
            yield LabeledWindow(
                np.array(batch.data[number]),
                _times_s(batch, number),
                label.index,
                label.name,
                label.repetition,
                found.session,
            )


def _listed(paths: Paths) -> list[str]:
    if isinstance(paths, str | PathLike):  # a str would be taken letter by letter
        raise SessionError(f"Sessions are given as '{paths}'; expected a list of paths.")
    return [str(path) for path in paths]


def iter_labeled_windows(
    paths: Paths,
    stream_name: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    filters: FilterSpec | None = None,
) -> Iterator[tuple[Samples, Times, int]]:
    """Yield ``(window, times, class index)`` of labelled sessions; see `iter_windows`.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
        In volt.
    times : ndarray of float64, shape (n_samples,)
        In s.
    class_index : int
        The label in force.
    """
    for window in iter_windows(paths, stream_name, window_ms, hop_ms, classes, filters=filters):
        yield window.data, window.times_s, window.class_index


def iter_aligned_windows(
    paths: Paths,
    primary_stream_name: str,
    aligned_stream_names: list[str],
    window_ms: float,
    hop_ms: float,
    n_alignment_samples: int = 1,
    *,
    with_names: bool = False,
    filters: FilterSpec | None = None,
) -> Iterator[tuple[Samples, dict[str, Any], Times]]:
    """Yield windows of one stream with the samples of others at their midpoint.

    A window is left out when one of the others was silent then: it has no sample within half a
    window (or its usual interval, when that is longer) of the midpoint.

    Parameters
    ----------
    paths, primary_stream_name, window_ms, hop_ms
        As in `iter_windows`; labels play no part.
    aligned_stream_names : list of str
        Streams (EmgFrame or JointState) that give the target.
    n_alignment_samples : int
        How many samples around the midpoint are averaged.
    with_names : bool
        Whether each aligned value is a dict of channel name to value.
    filters
        As in `iter_windows`, of the primary stream; the others are not filtered.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
    aligned : dict of str to ndarray, shape (n_channels,)
    times : ndarray of float64, shape (n_samples,)
    """
    for path in _listed(paths):
        session = Session(path)
        tracks = {name: Track.of(session, name) for name in aligned_stream_names}
        for batch in _batches(session, primary_stream_name, window_ms, hop_ms, filters):
            for number in range(len(batch)):
                times_s = _times_s(batch, number)
                middle_s = (times_s[0] + times_s[-1]) / 2
                half_s = (times_s[-1] - times_s[0]) / 2
                aligned: dict[str, Any] = {}
                for name, track in tracks.items():
                    value = track.around(middle_s, n_alignment_samples, half_s)
                    if value is None:
                        break
                    aligned[name] = track.named(value) if with_names else value
                else:
                    yield np.array(batch.data[number]), aligned, times_s
