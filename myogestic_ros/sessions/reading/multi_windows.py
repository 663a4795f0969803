"""Windows of several streams at once, cut out of recorded sessions as they are cut live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label, Samples
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.training_filters import training_filter
from myogestic_ros.core.streams.window_cutter import Tick, WindowCutter
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline, check_names
from myogestic_ros.sessions.reading.window_batches import Paths, listed

__all__ = ['LabeledWindows', 'iter_multi_windows']


@dataclass(frozen=True, slots=True)
class LabeledWindows:
    """Windows of several streams that end at one instant, within one repetition of one class.

    Attributes
    ----------
    windows : dict of str to ndarray of float32, shape (n_channels, n_samples)
        By name of the stream, as ``extract`` gets them live.
    time_s : float
        When the newest sample of the first stream was acquired, s.
    class_index, class_name : int, str
        The label in force.
    repetition : int
        Number of the repetition of this class within its session, from 0.
    session : str
        Path of the session.
    """

    windows: dict[str, Samples]
    time_s: float
    class_index: int
    class_name: str
    repetition: int
    session: str


def iter_multi_windows(
    paths: Paths,
    streams: Sequence[StreamSpec],
    hop_ms: float,
    classes: set[int] | None = None,
    *,
    settle_ms: float = 0.0,
) -> Iterator[LabeledWindows]:
    """Yield the windows of labelled sessions, of all streams at once.

    The first stream clocks them, and the others' end with their newest sample at that instant;
    each stream may have its own rate, and its own length of window. All samples lie in the time
    of one label, and none was lost among them.

    Parameters
    ----------
    paths : sequence of str or path
        Sessions.
    streams : sequence of StreamSpec
        As in ``data.streams`` of a training. Where one says nothing of filters, it is filtered,
        within a training, as it is live.
    hop_ms : float
        Step to the next windows, ms.
    classes : set of int, optional
        Indices of the classes to yield; None or empty: all.
    settle_ms : float
        Time after each cue that is left out, ms: people react late.

    Raises
    ------
    SessionError
        When a session cannot be read or lacks a stream, or two contradict each other.
    """
    if not hop_ms > 0:
        raise SessionError(f'Windows every {hop_ms:g} ms; expected more than 0 ms.')
    specs = [replace(s, filters=s.filters or training_filter(s.name)) for s in streams]
    names: dict[int, str] = {}
    for path in listed(paths):
        session = Session(path)
        labels = session.labels()
        check_names(names, labels, session.name)
        timeline = Timeline(labels)
        cutter = WindowCutter(specs, 1000.0 / hop_ms, coalesce=False)
        rates = {spec.name: spec.sampling_rate for spec in specs}
        for name, item in session.events([spec.name for spec in specs], rates):
            if isinstance(item, Label):
                continue
            for tick in cutter.push(name, item):
                start_ns = tick.stamp_ns - _span_ns(cutter, tick)
                label = timeline.over(start_ns, tick.stamp_ns, round(settle_ms * 1e6))
                if label is not None and (not classes or label.index in classes):
                    yield LabeledWindows(
                        tick.windows,
                        tick.stamp_ns * 1e-9,
                        label.index,
                        label.name,
                        label.repetition,
                        path,
                    )


def _span_ns(cutter: WindowCutter, tick: Tick) -> int:
    """Return how long before the tick the oldest of its samples may have been acquired, ns."""
    longest_s = 0.0
    for name, window in tick.windows.items():
        rate = cutter.validator(name).sampling_rate
        assert rate is not None
        # The newest sample of another stream may be up to one interval older than the tick.
        steps = window.shape[1] - (name == cutter.names[0])
        longest_s = max(longest_s, steps / rate)
    return round(longest_s * 1e9)
