"""Windows for training, cut out of recorded sessions by the code that cuts them live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Samples
from myogestic_ros.core.streams.batch_cutter import WindowBatch
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.target_stream import TargetStream
from myogestic_ros.sessions.reading.window_batches import (
    Paths,
    iter_window_batches,
    listed,
    window_batches,
)

__all__ = [
    'LabeledWindow',
    'iter_aligned_windows',
    'iter_labeled_windows',
    'iter_windows',
]

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
    filters : FilterSpec, optional
        What the stream passes through before it is cut, `FilterSpec()` for nothing. None: within
        a training what it passes through live, else nothing.
    complete_only : bool
        Whether repetitions that were not completed are left out; see `repetitions`.

    Raises
    ------
    SessionError
        When a session cannot be read, or two give different names to one class, or one name
        to different classes.
    """
    for found in iter_window_batches(
        paths,
        stream,
        window_ms,
        hop_ms,
        classes,
        settle_ms=settle_ms,
        filters=filters,
        complete_only=complete_only,
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


def iter_labeled_windows(
    paths: Paths,
    stream_name: str,
    window_ms: float,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    filters: FilterSpec | None = None,
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
        filters=filters,
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
    filters : FilterSpec, optional
        As in `iter_windows`, of the primary stream; the others are not filtered.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
    aligned : dict of str to ndarray, shape (n_channels,)
    times : ndarray of float64, shape (n_samples,)
    """
    for path in listed(paths):
        session = Session(path)
        tracks = {name: TargetStream.of(session, name) for name in aligned_stream_names}
        for batch in window_batches(session, primary_stream_name, window_ms, hop_ms, filters):
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
