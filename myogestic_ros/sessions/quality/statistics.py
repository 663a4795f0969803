"""Statistics of a recorded session, computed in one pass."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.core.untrusted import parse_json
from myogestic_ros.sessions.quality.envelope import Envelope
from myogestic_ros.sessions.reading.reader import EMG_FRAME, JOINT_STATE, Session
from myogestic_ros.sessions.reading.timeline import ROUNDING_NS, Timeline, insert_planned_ends

__all__ = [
    'FILE_STARTS',
    'Gap',
    'SessionStatistics',
    'Span',
    'StreamStatistics',
    'session_statistics',
]

Values = NDArray[np.float64]

FILE_STARTS = 'file_starts'
"""Key in ``extra`` of an imported session: indices of the first samples of its files, as JSON."""


@dataclass(frozen=True)
class Gap:
    """Gap in the sample index.

    Attributes
    ----------
    at_s : float
        Time relative to the first sample, s.
    sample : int
        Index of the first sample after the gap.
    missing : int
        Number of missing samples; negative if the index was reset, as by a restart of the driver.
    """

    at_s: float
    sample: int
    missing: int


@dataclass(frozen=True)
class Span:
    """Time interval of a label relative to the first sample, s, and its number of samples."""

    label: Label
    start_s: float
    end_s: float
    n_samples: int = 0


@dataclass
class StreamStatistics:
    """Statistics of a stream.

    Attributes
    ----------
    topic, msgtype : str
        Topic and message type.
    info : StreamInfo or None
        Stream info published by the driver.
    n_frames, n_samples : int
        Number of messages and of samples.
    start_ns, end_ns : int
        Time of the first sample, and end of the last one, ns.
    formats : list of (int, float)
        Number of channels and sampling rate (Hz) in the order of occurrence; more than one if
        the format changes.
    gaps : list of Gap
        Gaps in the sample index, without pauses.
    pauses : int
        Number of boundaries between the files of an imported recording.
    backwards : int
        Number of frames with a stamp before that of the previous frame.
    non_finite : ndarray of int, shape (n_channels,)
        Number of samples that are NaN or infinite.
    low, high, mean : ndarray, shape (n_channels,)
        Minimum, maximum and mean, V.
    measured_hz : float
        Sampling rate estimated from the stamps, Hz; NaN for less than 10 frames or 0.5 s.
    envelope : Envelope or None
        Minimum, maximum and RMS over time.
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
        """Number of missing samples."""
        return sum(gap.missing for gap in self.gaps if gap.missing > 0)

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the end of the last one, s."""
        return (self.end_ns - self.start_ns) * 1e-9

    @property
    def flat(self) -> list[int]:
        """Indices of constant channels."""
        return np.flatnonzero(self.low == self.high).tolist() if self.n_samples > 1 else []

    def channel_name(self, channel: int) -> str:
        """Return the name of a channel, or its number from 1."""
        names = self.info.channel_names if self.info else ()
        return names[channel] if channel < len(names) else f'channel {channel + 1}'


@dataclass(frozen=True)
class SessionStatistics:
    """Statistics of a session.

    Attributes
    ----------
    session : Session
        Session.
    streams : list of StreamStatistics
        Statistics of each stream.
    labels : list of Label
        Labels, sorted by stamp.
    spans : list of Span
        Time interval of each label, including those without a class.
    start_ns : int
        Time of the first sample, ns.
    """

    session: Session
    streams: list[StreamStatistics]
    labels: list[Label]
    spans: list[Span]
    start_ns: int

    @property
    def primary(self) -> StreamStatistics | None:
        """EmgFrame stream whose samples are counted for labels: ``emg``, or else the first."""
        emg = [s for s in self.streams if s.msgtype == EMG_FRAME and s.n_samples]
        return next((s for s in emg if s.topic.endswith('/emg')), emg[0] if emg else None)

    def class_spans(self) -> dict[tuple[int, str], list[Span]]:
        """Return the spans of each class by (index, name), sorted by index."""
        found: dict[tuple[int, str], list[Span]] = {}
        for span in self.spans:
            if span.label.index != NO_CLASS:
                found.setdefault((span.label.index, span.label.name), []).append(span)
        return dict(sorted(found.items()))


class _Accumulator:
    """Statistics of a stream, updated chunk by chunk."""

    def __init__(self, found: StreamStatistics, pauses: set[int]) -> None:
        self.found = found
        self._pauses = pauses
        self._next = 0
        self._last_ns = 0
        self._sums: Any = np.zeros(0)
        self._origin = (0, 0)  # index and stamp of the first sample since the last reset
        self._longest = (0.0, float('nan'))

    def add(self, chunk: Chunk) -> None:
        found, data = self.found, chunk.data
        stream_format = (chunk.n_channels, chunk.sampling_rate)
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
        if stream_format not in found.formats:
            found.formats.append(stream_format)
        if chunk.first_sample != self._next and chunk.first_sample in self._pauses:
            found.pauses += 1
        elif chunk.first_sample != self._next:
            at_s = (chunk.stamp_ns - found.start_ns) * 1e-9
            found.gaps.append(Gap(at_s, chunk.first_sample, chunk.first_sample - self._next))
            if chunk.first_sample < self._next:
                self._origin = (chunk.first_sample, chunk.stamp_ns)
        self._update_rate(chunk)
        self._next, self._last_ns = chunk.end_sample, chunk.stamp_ns
        end_ns = sample_time_ns(chunk.stamp_ns, chunk.n_samples, chunk.sampling_rate)
        found.end_ns = max(found.end_ns, end_ns)
        found.n_frames += 1
        found.n_samples += chunk.n_samples
        if stream_format[0] != len(found.low) or not chunk.n_samples or found.envelope is None:
            return
        finite = np.isfinite(data)
        if not finite.all():
            found.non_finite += (~finite).sum(axis=0)
            data = np.where(finite, data, np.float32(0))
        found.low = np.minimum(found.low, data.min(axis=0))
        found.high = np.maximum(found.high, data.max(axis=0))
        self._sums += data.sum(axis=0, dtype=np.float64)
        found.envelope.add(chunk)

    def _update_rate(self, chunk: Chunk) -> None:
        """Estimate the sampling rate over the longest time without a reset of the index."""
        index, stamp_ns = self._origin
        seconds = (chunk.stamp_ns - stamp_ns) * 1e-9
        if seconds > self._longest[0]:
            self._longest = (seconds, (chunk.first_sample - index) / seconds)

    def finish(self) -> None:
        found = self.found
        seconds, rate = self._longest
        found.measured_hz = rate if found.n_frames >= 10 and seconds >= 0.5 else float('nan')
        found.mean = self._sums / max(1, found.n_samples)


def session_statistics(session: Session) -> SessionStatistics:
    """Compute the statistics of a session in one pass, with a chunk in memory at a time.

    Raises
    ------
    SessionError
        If the session cannot be read to its end.
    """
    topics = {t: m for t, m in session.bag.topics.items() if m in (EMG_FRAME, JOINT_STATE)}
    labels = session.labels()
    timeline = insert_planned_ends(Timeline(labels).labels)
    starts = [label.stamp_ns for label in timeline]
    pauses = _pauses(session)
    accumulators = {
        topic: _Accumulator(StreamStatistics(topic, msgtype, session.stream_info(topic)), pauses)
        for topic, msgtype in topics.items()
    }
    counts = np.zeros(len(timeline) + 1, np.int64)
    emg = [topic for topic, msgtype in topics.items() if msgtype == EMG_FRAME]
    primary = next((topic for topic in emg if topic.endswith('/emg')), emg[0] if emg else '')
    for topic, item in session.events(list(topics)) if topics else ():
        if isinstance(item, Label):
            continue
        accumulators[topic].add(item)
        if topic == primary and item.n_samples:
            _count_samples(counts, starts, item)
    streams = []
    for accumulator in accumulators.values():
        accumulator.finish()
        streams.append(accumulator.found)
    filled = [s for s in streams if s.n_samples]
    start_ns = min((s.start_ns for s in filled), default=session.bag.start_ns)
    end_ns = max((s.end_ns for s in filled), default=start_ns)
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
    return SessionStatistics(session, streams, labels, spans, start_ns)


def _pauses(session: Session) -> set[int]:
    """Return the indices of the first samples of the files of an imported session."""
    try:
        return set(parse_json(session.info.extra.get(FILE_STARTS, '[]')))
    except (ValueError, TypeError):
        return set()


def _count_samples(counts: NDArray[np.int64], starts: list[int], chunk: Chunk) -> None:
    """Add the samples of a chunk to the count of each label; ``counts[0]`` is without label."""
    end_ns = sample_time_ns(chunk.stamp_ns, chunk.n_samples - 1, chunk.sampling_rate)
    first = bisect_right(starts, chunk.stamp_ns + ROUNDING_NS)
    if first == bisect_right(starts, end_ns + ROUNDING_NS):
        counts[first] += chunk.n_samples
        return
    steps = np.arange(chunk.n_samples) * 1e9 / chunk.sampling_rate
    times_ns = chunk.stamp_ns + np.rint(steps).astype(np.int64)
    np.add.at(counts, np.searchsorted(starts, times_ns + ROUNDING_NS, side='right'), 1)
