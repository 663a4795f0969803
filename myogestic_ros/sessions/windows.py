"""Windows for training, cut out of recorded sessions by the code that cuts them live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.windows import StreamSpec, Tick, WindowCutter
from myogestic_ros.sessions.reader import Session
from myogestic_ros.sessions.repetitions import repetitions
from myogestic_ros.sessions.timeline import Timeline, check_names
from myogestic_ros.sessions.track import Track

__all__ = ['LabeledWindow', 'iter_aligned_windows', 'iter_labeled_windows', 'iter_windows']

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


def _times_s(tick: Tick, n_samples: int, sampling_rate: float) -> Times:
    steps = np.arange(1 - n_samples, 1, dtype=np.float64)
    return tick.stamp_ns * 1e-9 + steps / sampling_rate


def iter_windows(
    paths: Paths,
    stream: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
    complete_only: bool = False,
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
    complete_only : bool
        Whether repetitions that were not completed are left out; see `repetitions`.

    Raises
    ------
    SessionError
        When a session cannot be read, or two give different names to one class, or one name
        to different classes.
    """
    names: dict[int, str] = {}
    for path in _listed(paths):
        session = Session(path)
        labels = session.labels()
        check_names(names, labels, session.name)
        timeline = Timeline(labels)
        broken: set[int] = set()
        if complete_only:
            broken = {r.start_ns for r in repetitions(session) if not r.complete}
        cutter = _cutter(stream, window_ms, hop_ms)
        for chunk in session.chunks(stream):
            for tick in cutter.push(stream, chunk):
                data = tick.windows[stream]
                times_s = _times_s(tick, data.shape[1], chunk.sampling_rate)
                span_ns = round((data.shape[1] - 1) * 1e9 / chunk.sampling_rate)
                label = timeline.over(
                    tick.stamp_ns - span_ns, tick.stamp_ns, round(settle_ms * 1e6)
                )
                if label is None or (classes and label.index not in classes):
                    continue
                if label.stamp_ns in broken:
                    continue
                yield LabeledWindow(data, times_s, label.index, label.name, label.repetition, path)


def _listed(paths: Paths) -> list[str]:
    if isinstance(paths, str | PathLike):  # a str would be taken letter by letter
        raise SessionError(f"Sessions are given as '{paths}'; expected a list of paths.")
    return [str(path) for path in paths]


def _cutter(stream: str, window_ms: float, hop_ms: float) -> WindowCutter:
    if not (window_ms > 0 and hop_ms > 0):
        raise SessionError(
            f'Windows of {window_ms:g} ms every {hop_ms:g} ms; expected more than 0 ms for both.'
        )
    return WindowCutter([StreamSpec(stream, window_ms)], 1000.0 / hop_ms, coalesce=False)


def iter_labeled_windows(
    paths: Paths,
    stream_name: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
    complete_only: bool = False,
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
    for window in iter_windows(
        paths,
        stream_name,
        window_ms,
        hop_ms,
        classes,
        settle_ms=settle_ms,
        complete_only=complete_only,
    ):
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
        Whether each aligned value is a pair of channel names and values.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
    aligned : dict of str to ndarray, shape (n_channels,)
    times : ndarray of float64, shape (n_samples,)
    """
    for path in _listed(paths):
        session = Session(path)
        tracks = {name: Track.of(session, name) for name in aligned_stream_names}
        cutter = _cutter(primary_stream_name, window_ms, hop_ms)
        for chunk in session.chunks(primary_stream_name):
            for tick in cutter.push(primary_stream_name, chunk):
                data = tick.windows[primary_stream_name]
                times_s = _times_s(tick, data.shape[1], chunk.sampling_rate)
                middle_s = (times_s[0] + times_s[-1]) / 2
                half_s = (times_s[-1] - times_s[0]) / 2
                aligned: dict[str, Any] = {}
                for name, track in tracks.items():
                    value = track.around(middle_s, n_alignment_samples, half_s)
                    if value is None:
                        break
                    aligned[name] = (track.names, value) if with_names else value
                else:
                    yield data, aligned, times_s
