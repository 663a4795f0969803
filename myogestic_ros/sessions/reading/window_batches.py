"""Cut recorded streams into batches of windows: views of the signal, equal to the live windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from os import PathLike

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label
from myogestic_ros.core.streams.batch_cutter import BatchCutter, WindowBatch
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.training_filters import training_filter
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.timeline import Timeline, check_class_names

__all__ = [
    'LabeledBatch',
    'Paths',
    'iter_labeled_sessions',
    'iter_session_batches',
    'iter_window_batches',
    'path_list',
    'with_training_filter',
]

Paths = Sequence[str | PathLike[str]]


@dataclass(frozen=True, slots=True)
class LabeledBatch:
    """Consecutive windows within one repetition of one class.

    Attributes
    ----------
    windows : WindowBatch
        Windows; a view, overlapping windows share memory.
    label : Label
        Label of the repetition, with its repetition number.
    session : str
        Path of the session.
    """

    windows: WindowBatch
    label: Label
    session: str


def iter_window_batches(
    paths: Paths,
    stream: StreamSpec,
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
    complete_only: bool = False,
) -> Iterator[LabeledBatch]:
    """Yield the labelled windows of sessions in batches.

    The windows and their order are those of `iter_windows`. Sessions are read as a stream: memory
    use does not grow with their length.

    Parameters
    ----------
    paths : sequence of str or path
        Paths of the sessions.
    stream : StreamSpec
        Name, window length and filters of the stream; its channels and its rate are not checked.
    hop_ms : float
        Hop, ms.
    classes : set of int, optional
        Class indices to yield; None or empty for all.
    settle_ms : float
        Time after each cue without windows, ms.
    complete_only : bool
        Yield only windows of completed repetitions.

    Yields
    ------
    LabeledBatch
        Consecutive windows of one repetition.

    Raises
    ------
    SessionError
        As for `iter_windows`.
    """
    settle_ns = round(settle_ms * 1e6)
    for path, session, timeline in iter_labeled_sessions(paths):
        incomplete: set[int] = set()
        if complete_only:
            incomplete = {r.start_ns for r in repetitions(session) if not r.complete}
        for batch in iter_session_batches(session, stream, hop_ms):
            span_ns = round((batch.data.shape[2] - 1) * 1e9 / batch.sampling_rate)
            stamps_ns = batch.stamps_ns.tolist()
            labels = [timeline.label_during(at - span_ns, at, settle_ns) for at in stamps_ns]
            stop = 0
            for label, run in groupby(labels):
                start, stop = stop, stop + sum(1 for _ in run)
                if label is None or label.stamp_ns in incomplete:
                    continue
                if not classes or label.index in classes:
                    yield LabeledBatch(batch[start:stop], label, path)


def iter_labeled_sessions(paths: Paths) -> Iterator[tuple[str, Session, Timeline]]:
    """Yield path, session and label timeline of each session.

    Raises
    ------
    SessionError
        If a session cannot be read, or if the class names of two sessions contradict each other.
    """
    names: dict[int, str] = {}
    for path in path_list(paths):
        session = Session(path)
        labels = session.labels()
        check_class_names(names, labels, session.name)
        yield path, session, Timeline(labels)


def iter_session_batches(
    session: Session, stream: StreamSpec, hop_ms: float
) -> Iterator[WindowBatch]:
    """Yield all windows of a stream of a session in batches, regardless of the labels.

    Parameters
    ----------
    session : Session
        Session.
    stream : StreamSpec
        Name, window length and filters of the stream; its channels and its rate are not checked.
    hop_ms : float
        Hop, ms.

    Raises
    ------
    SessionError
        If the session cannot be read, or the window length or the hop is not positive.
    """
    if not (stream.window_ms > 0 and hop_ms > 0):
        raise SessionError(
            f'Got windows of {stream.window_ms:g} ms with a hop of {hop_ms:g} ms, expected '
            f'more than 0 ms for both.'
        )
    spec = replace(with_training_filter(stream), channels=None, sampling_rate=None)
    cutter = BatchCutter(spec, 1000.0 / hop_ms)
    for block in session.blocks(stream.name):
        yield from cutter.push(block)


def with_training_filter(stream: StreamSpec) -> StreamSpec:
    """Return a spec whose filters default to those of the training; see `training_filter`."""
    return replace(stream, filters=stream.filters or training_filter(stream.name))


def path_list(paths: Paths) -> list[str]:
    """Return the paths of sessions as strings.

    Raises
    ------
    SessionError
        If ``paths`` is a single path: a string would be iterated character by character.
    """
    if isinstance(paths, str | PathLike):
        raise SessionError(f"Got the path '{paths}', expected a list of paths.")
    return [str(path) for path in paths]
