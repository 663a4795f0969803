"""Cut several recorded streams into labelled windows that end at the same instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label, Samples
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import Tick, WindowCutter
from myogestic_ros.sessions.reading.window_batches import (
    Paths,
    iter_labeled_sessions,
    with_training_filter,
)

__all__ = ['LabeledWindows', 'iter_multi_windows']


@dataclass(frozen=True, slots=True)
class LabeledWindows:
    """Windows of several streams that end at one instant, within one repetition of one class.

    Attributes
    ----------
    windows : dict of str to ndarray of float32, shape (n_channels, n_samples)
        Windows by name of the stream, in volt, as the callback ``extract`` receives them.
    time_s : float
        Acquisition time of the newest sample of the first stream, s.
    class_index, class_name : int, str
        Class of the label in force.
    repetition : int
        Number of the repetition of this class in its session, from 0.
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
    """Yield the labelled windows of several streams of recorded sessions.

    The first stream determines the ticks. The windows of the other streams end with their newest
    sample at that instant; each stream may have its own sampling rate and window length. A tick is
    yielded only if all samples of its windows belong to one repetition and no sample was lost.

    Parameters
    ----------
    paths : sequence of str or path
        Paths of the sessions.
    streams : sequence of StreamSpec
        Streams, as in ``data.streams`` of a training. If a spec has no filters, the stream is
        filtered as live during a training, and not filtered otherwise.
    hop_ms : float
        Hop, ms.
    classes : set of int, optional
        Class indices to yield; None or empty for all.
    settle_ms : float
        Time after each cue without windows, ms, to exclude the reaction time of the subject.

    Yields
    ------
    LabeledWindows
        Windows of all streams at one tick.

    Raises
    ------
    SessionError
        If a session cannot be read or lacks a stream, if the hop is not positive, or if the class
        names of two sessions contradict each other.
    """
    if not hop_ms > 0:
        raise SessionError(f'Got a hop of {hop_ms:g} ms, expected more than 0 ms.')
    specs = [with_training_filter(stream) for stream in streams]
    settle_ns = round(settle_ms * 1e6)
    rates = {spec.name: spec.sampling_rate for spec in specs}
    for path, session, timeline in iter_labeled_sessions(paths):
        cutter = WindowCutter(specs, 1000.0 / hop_ms, coalesce=False)
        for name, item in session.events([spec.name for spec in specs], rates):
            if isinstance(item, Label):
                continue
            for tick in cutter.push(name, item):
                start_ns = tick.stamp_ns - _span_ns(cutter, tick)
                label = timeline.label_during(start_ns, tick.stamp_ns, settle_ns)
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
    """Return the maximum age of the oldest sample of a tick, ns."""
    longest_s = 0.0
    for name, window in tick.windows.items():
        rate = cutter.validator(name).sampling_rate
        assert rate is not None
        # The newest sample of another stream may be up to one interval older than the tick.
        steps = window.shape[1] - (name == cutter.names[0])
        longest_s = max(longest_s, steps / rate)
    return round(longest_s * 1e9)
