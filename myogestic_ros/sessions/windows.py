"""Windows for training, cut out of recorded sessions by the code that cuts them live."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label, Samples
from myogestic_ros.core.windows import StreamSpec, Tick, WindowCutter
from myogestic_ros.sessions.reader import Session

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


class _Timeline:
    """Which label is in force when."""

    def __init__(self, labels: list[Label]) -> None:
        # The same label said twice in a row is no change.
        self.labels = [
            label
            for before, label in zip([None, *labels], labels, strict=False)
            if before is None or _what(before) != _what(label)
        ]
        self._starts = [label.stamp_ns for label in self.labels]

    def over(self, start_ns: int, end_ns: int, settle_ns: int) -> Label | None:
        """Return the label that is in force all the time, and has been for ``settle_ns``."""
        index = bisect_right(self._starts, end_ns) - 1
        if index < 0:
            return None
        label = self.labels[index]
        if label.index == NO_CLASS or start_ns < label.stamp_ns + settle_ns:
            return None
        return label


def _what(label: Label) -> tuple[int, str, int]:
    return label.index, label.name, label.repetition


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

    Raises
    ------
    SessionError
        When a session cannot be read, or two give different names to one class.
    """
    names: dict[int, str] = {}
    for path in paths:
        session = Session(str(path))
        labels = session.labels()
        _check_names(names, labels, session)
        timeline = _Timeline(labels)
        cutter = WindowCutter([StreamSpec(stream, window_ms)], 1000.0 / hop_ms, coalesce=False)
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
                yield LabeledWindow(
                    data, times_s, label.index, label.name, label.repetition, str(path)
                )


def _check_names(names: dict[int, str], labels: list[Label], session: Session) -> None:
    for label in labels:
        if label.index == NO_CLASS or not label.name:
            continue
        known = names.setdefault(label.index, label.name)
        if known != label.name:
            raise SessionError(
                f"Session '{session.name}' calls class {label.index} '{label.name}', another one "
                f"calls it '{known}'; sessions that are trained on together must agree."
            )


def iter_labeled_windows(
    paths: Paths,
    stream_name: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
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
    for window in iter_windows(paths, stream_name, window_ms, hop_ms, classes):
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
    for path in paths:
        session = Session(str(path))
        tracks = {name: _track(session, name) for name in aligned_stream_names}
        spec = StreamSpec(primary_stream_name, window_ms)
        cutter = WindowCutter([spec], 1000.0 / hop_ms, coalesce=False)
        for chunk in session.chunks(primary_stream_name):
            for tick in cutter.push(primary_stream_name, chunk):
                data = tick.windows[primary_stream_name]
                times_s = _times_s(tick, data.shape[1], chunk.sampling_rate)
                middle_s = (times_s[0] + times_s[-1]) / 2
                aligned: dict[str, Any] = {}
                for name, (track_s, values) in tracks.items():
                    value = _around(track_s, values, middle_s, n_alignment_samples)
                    aligned[name] = (_names(session, name, value), value) if with_names else value
                yield data, aligned, times_s


def _track(session: Session, stream: str) -> tuple[Times, Samples]:
    """Return time (n_samples,) and values (n_samples, n_channels) of a whole, slow, stream."""
    chunks = list(session.chunks(stream))
    if not chunks:
        raise SessionError(f"Session '{session.name}' has no samples of stream '{stream}'.")
    times = [c.stamp_ns * 1e-9 + np.arange(c.n_samples) / c.sampling_rate for c in chunks]
    return np.concatenate(times), np.concatenate([c.data for c in chunks])


def _around(times_s: Times, values: Samples, at_s: float, n_samples: int) -> Samples:
    nearest = int(np.searchsorted(times_s, at_s))
    if nearest > 0 and (
        nearest == len(times_s) or at_s - times_s[nearest - 1] <= times_s[nearest] - at_s
    ):
        nearest -= 1
    start = min(max(0, nearest - (n_samples - 1) // 2), max(0, len(times_s) - n_samples))
    mean: Samples = values[start : start + n_samples].mean(axis=0)
    return mean


def _names(session: Session, stream: str, value: Samples) -> list[str]:
    facts = session.stream_facts(stream)
    if facts is not None and facts.n_channels == len(value):
        return list(facts.channel_names)
    return [f'{stream}[{channel}]' for channel in range(len(value))]
