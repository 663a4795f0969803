"""Windows for training, many at once: views into the signal, cut by the code that cuts them live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label
from myogestic_ros.core.streams.batch_cutter import BatchCutter, WindowBatch
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.training_filters import training_filter
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.timeline import Timeline, check_names

__all__ = ['LabeledBatch', 'Paths', 'iter_window_batches', 'listed', 'window_batches']

Paths = Sequence[str | PathLike[str]]


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
    complete_only: bool = False,
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
    for path in listed(paths):
        session = Session(path)
        labels = session.labels()
        check_names(names, labels, session.name)
        timeline = Timeline(labels)
        broken: set[int] = set()
        if complete_only:
            broken = {r.start_ns for r in repetitions(session) if not r.complete}
        for batch in window_batches(session, stream, window_ms, hop_ms, filters):
            span_ns = round((batch.data.shape[2] - 1) * 1e9 / batch.sampling_rate)
            stamps_ns = batch.stamps_ns.tolist()
            found = [timeline.over(at - span_ns, at, settle_ns) for at in stamps_ns]
            stop = 0
            for label, run in groupby(found):
                start, stop = stop, stop + sum(1 for _ in run)
                if label is None or label.stamp_ns in broken:
                    continue
                if not classes or label.index in classes:
                    yield LabeledBatch(batch[start:stop], label, path)


def window_batches(
    session: Session,
    stream: str,
    window_ms: float,
    hop_ms: float,
    filters: FilterSpec | None,
) -> Iterator[WindowBatch]:
    """Yield all windows of one stream of one session, whatever its labels.

    Raises
    ------
    SessionError
        When the session cannot be read, or a length is not positive.
    """
    if not (window_ms > 0 and hop_ms > 0):
        raise SessionError(
            f'Windows of {window_ms:g} ms every {hop_ms:g} ms; expected more than 0 ms for both.'
        )
    spec = StreamSpec(stream, window_ms, filters=filters or training_filter(stream))
    cutter = BatchCutter(spec, 1000.0 / hop_ms)
    for block in session.blocks(stream):
        yield from cutter.push(block)


def listed(paths: Paths) -> list[str]:
    """Return the paths of sessions as strings."""
    if isinstance(paths, str | PathLike):  # a str would be taken letter by letter
        raise SessionError(f"Sessions are given as '{paths}'; expected a list of paths.")
    return [str(path) for path in paths]
