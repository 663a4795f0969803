"""Cut recorded sessions into labelled windows for training, equal to the live windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Samples
from myogestic_ros.core.streams.batch_cutter import WindowBatch
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.target_stream import TargetStream
from myogestic_ros.sessions.reading.window_batches import (
    Paths,
    iter_session_batches,
    iter_window_batches,
    path_list,
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
    """Window within one repetition of one class.

    Attributes
    ----------
    data : ndarray of float32, shape (n_channels, n_samples)
        Samples in volt; a copy, which may be modified.
    times_s : ndarray of float64, shape (n_samples,)
        Acquisition time of each sample, s.
    class_index, class_name : int, str
        Class of the label in force.
    repetition : int
        Number of the repetition of this class in its session, from 0.
    session : str
        Path of the session.
    """

    data: Samples
    times_s: Times
    class_index: int
    class_name: str
    repetition: int
    session: str


def _times_s(batch: WindowBatch, index: int) -> Times:
    steps = np.arange(1 - batch.data.shape[2], 1, dtype=np.float64)
    return int(batch.stamps_ns[index]) * 1e-9 + steps / batch.sampling_rate


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
    """Yield the labelled windows of recorded sessions.

    A window is yielded only if all its samples belong to one repetition and none of them was lost.
    Sessions are read as a stream: memory use does not grow with their length.

    Parameters
    ----------
    paths : sequence of str or path
        Paths of the sessions.
    stream : str
        Name of the stream, for example ``'emg'``.
    window_ms, hop_ms : float
        Window length and hop, ms.
    classes : set of int, optional
        Class indices to yield; None or empty for all.
    settle_ms : float
        Time after each cue without windows, ms, to exclude the reaction time of the subject.
    filters : FilterSpec, optional
        Filters applied to the stream before it is cut; ``FilterSpec()`` for none. By default the
        stream is filtered as live during a training, and not filtered otherwise.
    complete_only : bool
        Yield only windows of completed repetitions; see `repetitions`.

    Yields
    ------
    LabeledWindow
        Window with data of shape ``(n_channels, n_samples)``.

    Raises
    ------
    SessionError
        If a session cannot be read, if the window length or the hop is not positive, or if two
        sessions give different names to one class or one name to different classes.
    """
    spec = StreamSpec(stream, window_ms, filters=filters)
    for labeled in iter_window_batches(
        paths, spec, hop_ms, classes, settle_ms=settle_ms, complete_only=complete_only
    ):
        label, batch = labeled.label, labeled.windows
        for index in range(len(batch)):
            yield LabeledWindow(
                np.array(batch.data[index]),
                _times_s(batch, index),
                label.index,
                label.name,
                label.repetition,
                labeled.session,
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
    """Yield the labelled windows of recorded sessions as tuples, as in MyoGestic.

    Parameters
    ----------
    paths, stream_name, window_ms, hop_ms, classes, filters, settle_ms, complete_only
        As for `iter_windows`; ``stream_name`` is its ``stream``.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
        Samples in volt.
    times : ndarray of float64, shape (n_samples,)
        Acquisition time of each sample, s.
    class_index : int
        Class index of the label in force.

    Raises
    ------
    SessionError
        As for `iter_windows`.
    """
    options: dict[str, Any] = {
        'filters': filters,
        'settle_ms': settle_ms,
        'complete_only': complete_only,
    }
    for window in iter_windows(paths, stream_name, window_ms, hop_ms, classes, **options):
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
    """Yield windows of one stream with the samples of target streams at their midpoint.

    A window is skipped if a target stream has no sample within half a window length of the
    midpoint (or within its median sampling interval, if that is longer).

    Parameters
    ----------
    paths : sequence of str or path
        Paths of the sessions.
    primary_stream_name : str
        Name of the stream to cut into windows. Labels are ignored.
    aligned_stream_names : list of str
        Names of the target streams (EmgFrame or JointState).
    window_ms, hop_ms : float
        Window length and hop, ms.
    n_alignment_samples : int
        Number of target samples around the midpoint to average.
    with_names : bool
        Yield each target as a dict of channel name to value.
    filters : FilterSpec, optional
        Filters of the primary stream, as for `iter_windows`. Target streams are not filtered.

    Yields
    ------
    window : ndarray of float32, shape (n_channels, n_samples)
        Samples in volt.
    aligned : dict of str to ndarray of float32, shape (n_target_channels,)
        Targets by name of the stream, in the unit of the stream (rad or m for JointState). With
        ``with_names``, a dict of str to float by name of the stream.
    times : ndarray of float64, shape (n_samples,)
        Acquisition time of each sample, s.

    Raises
    ------
    SessionError
        If a session cannot be read, if it lacks a stream, or if the window length or the hop is
        not positive.
    """
    spec = StreamSpec(primary_stream_name, window_ms, filters=filters)
    for path in path_list(paths):
        session = Session(path)
        targets = {name: TargetStream.from_session(session, name) for name in aligned_stream_names}
        for batch in iter_session_batches(session, spec, hop_ms):
            for index in range(len(batch)):
                times_s = _times_s(batch, index)
                midpoint_s = (times_s[0] + times_s[-1]) / 2
                half_s = (times_s[-1] - times_s[0]) / 2
                aligned: dict[str, Any] = {}
                for name, target in targets.items():
                    value = target.mean_around(midpoint_s, n_alignment_samples, half_s)
                    if value is None:
                        break
                    aligned[name] = target.to_dict(value) if with_names else value
                else:
                    yield np.array(batch.data[index]), aligned, times_s
