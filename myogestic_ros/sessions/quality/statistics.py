"""A session looked through once: what it holds, and what in it is not as it should be."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sessions.quality.envelope import Envelope
from myogestic_ros.sessions.reading.reader import EMG_FRAME, JOINT_STATE, Session
from myogestic_ros.sessions.reading.timeline import ROUNDING_NS, Timeline, insert_planned_ends

__all__ = ['FILE_STARTS', 'Gap', 'Span', 'StreamSurvey', 'Survey', 'survey']

Values = NDArray[np.float64]

FILE_STARTS = 'file_starts'
"""Among the info of an imported session: the indices of the samples that its files began with."""


@dataclass(frozen=True)
class Gap:
    """Where the sample indices jump: when after the first sample (s), to which, and by how many.

    A negative number is missing where they jump back: the driver began anew.
    """

    at_s: float
    sample: int
    missing: int


@dataclass(frozen=True)
class Span:
    """A label, from when to when it was in force after the first sample (s), and its samples."""

    label: Label
    start_s: float
    end_s: float
    n_samples: int = 0


@dataclass
class StreamSurvey:
    """What was found in one stream.

    Attributes
    ----------
    topic, msgtype : str
        Where it is, and of which type.
    info : StreamInfo or None
        What its driver says of it.
    n_frames, n_samples : int
        How much there is.
    start_ns, end_ns : int
        Times of the first sample and after the last, ns.
    formats : list of (int, float)
        Channels and rate (Hz), in the order in which they occur; more than one: it changed.
    gaps : list of Gap
        Where sample indices jump, but for the pauses.
    pauses : int
        Jumps between the files of an imported recording; nothing was lost there.
    backwards : int
        Frames that are stamped before the one before.
    non_finite : ndarray of int, shape (n_channels,)
        Samples that are no finite numbers.
    low, high, mean : ndarray, shape (n_channels,)
        Extremes and mean, V.
    measured_hz : float
        Rate that the stamps tell; NaN when there are too few.
    envelope : Envelope or None
        Its course over time.
    """

    topic: str
    msgtype: str
    info: StreamInfo | None = None
    n_frames: int = 0
    n_samples: int = 0
    start_ns: int = 0
    end_ns: int = 0
    formats: list[tuple[int, float]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pauses: int = 0
    backwards: int = 0
    non_finite: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    low: Values = field(default_factory=lambda: np.zeros(0))
    high: Values = field(default_factory=lambda: np.zeros(0))
    mean: Values = field(default_factory=lambda: np.zeros(0))
    measured_hz: float = float('nan')
    envelope: Envelope | None = None

    @property
    def lost(self) -> int:
        """Samples that are missing."""
        return sum(gap.missing for gap in self.gaps if gap.missing > 0)

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) * 1e-9

    @property
    def flat(self) -> list[int]:
        """Channels that never change."""
        return np.flatnonzero(self.low == self.high).tolist() if self.n_samples > 1 else []

    def channel_name(self, channel: int) -> str:
        names = self.info.channel_names if self.info else ()
        return names[channel] if channel < len(names) else f'channel {channel + 1}'


@dataclass(frozen=True)
class Survey:
    """What a session holds; the first of the streams of EMG is the one that labels go with."""

    session: Session
    streams: list[StreamSurvey]
    labels: list[Label]
    spans: list[Span]
    start_ns: int

    @property
    def primary(self) -> StreamSurvey | None:
        """The stream that labels go with."""
        emg = [s for s in self.streams if s.msgtype == EMG_FRAME and s.n_samples]
        return next((s for s in emg if s.topic.endswith('/emg')), emg[0] if emg else None)

    def class_spans(self) -> dict[tuple[int, str], list[Span]]:
        """Return the spans of each class, (index, name), by index."""
        found: dict[tuple[int, str], list[Span]] = {}
        for span in self.spans:
            if span.label.index != NO_CLASS:
                found.setdefault((span.label.index, span.label.name), []).append(span)
        return dict(sorted(found.items()))


class _Accumulator:
    """Take the chunks of one stream."""

    def __init__(self, found: StreamSurvey, pauses: set[int]) -> None:
        self.found = found
        self._pauses = pauses
        self._next = 0
        self._last_ns = 0
        self._sums: Any = np.zeros(0)
        self._origin = (0, 0)  # index and stamp where the longest stretch of indices began
        self._best = (0.0, float('nan'))

    def add(self, chunk: Chunk) -> None:
        found, data = self.found, chunk.data
        form = (chunk.n_channels, chunk.sampling_rate)
        if not found.n_frames:
            found.start_ns = chunk.stamp_ns
            found.envelope = Envelope(chunk.n_channels, chunk.stamp_ns)
            found.non_finite = np.zeros(chunk.n_channels, np.int64)
            found.low = np.full(chunk.n_channels, np.inf)
            found.high = np.full(chunk.n_channels, -np.inf)
            self._sums = np.zeros(chunk.n_channels)
            self._next, self._origin = chunk.first_sample, (chunk.first_sample, chunk.stamp_ns)
        elif chunk.stamp_ns < self._last_ns:
            found.backwards += 1
        if form not in found.formats:
            found.formats.append(form)
        if chunk.first_sample != self._next and chunk.first_sample in self._pauses:
            found.pauses += 1
        elif chunk.first_sample != self._next:
            at_s = (chunk.stamp_ns - found.start_ns) * 1e-9
            found.gaps.append(Gap(at_s, chunk.first_sample, chunk.first_sample - self._next))
            if chunk.first_sample < self._next:
                self._origin = (chunk.first_sample, chunk.stamp_ns)
        self._measure(chunk)
        self._next, self._last_ns = chunk.end_sample, chunk.stamp_ns
        end_ns = sample_time_ns(chunk.stamp_ns, chunk.n_samples, chunk.sampling_rate)
        found.end_ns = max(found.end_ns, end_ns)
        found.n_frames += 1
        found.n_samples += chunk.n_samples
        if form[0] != len(found.low) or not chunk.n_samples or found.envelope is None:
            return
        finite = np.isfinite(data)
        if not finite.all():
            found.non_finite += (~finite).sum(axis=0)
            data = np.where(finite, data, np.float32(0))
        found.low = np.minimum(found.low, data.min(axis=0))
        found.high = np.maximum(found.high, data.max(axis=0))
        self._sums += data.sum(axis=0, dtype=np.float64)
        found.envelope.add(chunk)

    def _measure(self, chunk: Chunk) -> None:
        """Tell the rate from the longest time over which indices ran on."""
        index, stamp_ns = self._origin
        seconds = (chunk.stamp_ns - stamp_ns) * 1e-9
        if seconds > self._best[0]:
            self._best = (seconds, (chunk.first_sample - index) / seconds)

    def end(self) -> None:
        found = self.found
        seconds, rate = self._best
        found.measured_hz = rate if found.n_frames >= 10 and seconds >= 0.5 else float('nan')
        found.mean = self._sums / max(1, found.n_samples)


def survey(session: Session) -> Survey:
    """Look through a session once, never holding more of it than a chunk.

    Raises
    ------
    SessionError
        When it cannot be read to its end.
    """
    topics = {t: m for t, m in session.bag.topics.items() if m in (EMG_FRAME, JOINT_STATE)}
    labels = session.labels()
    timeline = insert_planned_ends(Timeline(labels).labels)
    starts = [label.stamp_ns for label in timeline]
    pauses = _pauses(session)
    taken = {
        topic: _Accumulator(StreamSurvey(topic, msgtype, session.stream_info(topic)), pauses)
        for topic, msgtype in topics.items()
    }
    counts = np.zeros(len(timeline) + 1, np.int64)
    emg = [topic for topic, msgtype in topics.items() if msgtype == EMG_FRAME]
    counted = next((topic for topic in emg if topic.endswith('/emg')), emg[0] if emg else '')
    for topic, item in session.events(list(topics)) if topics else ():
        if isinstance(item, Label):
            continue
        taken[topic].add(item)
        if topic == counted and item.n_samples:
            _count(counts, starts, item)
    streams = []
    for accumulator in taken.values():
        accumulator.end()
        streams.append(accumulator.found)
    held = [s for s in streams if s.n_samples]
    start_ns = min((s.start_ns for s in held), default=session.bag.start_ns)
    end_ns = max((s.end_ns for s in held), default=start_ns)
    spans = [
        Span(
            label,
            (label.stamp_ns - start_ns) * 1e-9,
            (max(label.stamp_ns, following) - start_ns) * 1e-9,
            int(counts[place + 1]),
        )
        for place, (label, following) in enumerate(
            zip(timeline, [*starts[1:], end_ns], strict=False)
        )
    ]
    return Survey(session, streams, labels, spans, start_ns)


def _pauses(session: Session) -> set[int]:
    """Return the first samples of the files that an imported session was made of."""
    try:
        return set(json.loads(session.info.extra.get(FILE_STARTS, '[]')))
    except (ValueError, TypeError):
        return set()


def _count(counts: NDArray[np.int64], starts: list[int], chunk: Chunk) -> None:
    """Add a chunk's samples to the labels they belong to; counts[0]: to none."""
    end_ns = sample_time_ns(chunk.stamp_ns, chunk.n_samples - 1, chunk.sampling_rate)
    first = bisect_right(starts, chunk.stamp_ns + ROUNDING_NS)
    if first == bisect_right(starts, end_ns + ROUNDING_NS):
        counts[first] += chunk.n_samples
        return
    steps = np.arange(chunk.n_samples) * 1e9 / chunk.sampling_rate
    times_ns = chunk.stamp_ns + np.rint(steps).astype(np.int64)
    np.add.at(counts, np.searchsorted(starts, times_ns + ROUNDING_NS, side='right'), 1)
