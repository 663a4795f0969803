"""One stream of a session in memory, with all that is needed to write the session again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, Samples, StreamInfo
from myogestic_ros.sessions.exchange.encoder import Encoder
from myogestic_ros.sessions.reading.reader import EMG_FRAME, LABEL, STREAM_INFO, Session
from myogestic_ros.sessions.reading.timeline import ROUNDING_NS, insert_planned_ends
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_conversion import (
    chunk_from_frame,
    label_from_message,
    stamp_from_message,
    stream_info_from_message,
)
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

__all__ = ['Content', 'Event', 'Frames', 'content_of', 'write_content']

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """Where the frames of a stream begin; all of shape (n_frames,).

    Attributes
    ----------
    rows : ndarray of int64
        Row of a frame's first sample among the samples that there are.
    first_samples : ndarray of int64
        Running index of that sample; a jump means that samples were lost.
    stamps_ns, log_ns : ndarray of int64
        When that sample was acquired, and when the frame was recorded, ns.
    """

    rows: Integers
    first_samples: Integers
    stamps_ns: Integers
    log_ns: Integers


@dataclass(frozen=True)
class Event:
    """A label, when it was recorded (ns), and the frame_id of its header."""

    label: Label
    log_ns: int
    frame_id: str = ''


@dataclass(frozen=True)
class Content:
    """One stream of a session and its labels.

    Attributes
    ----------
    info : SessionInfo
        What the session is about.
    stream : StreamInfo
        What the stream is.
    data : ndarray of float32, shape (n_samples, n_channels)
        The samples that there are, in volt.
    frames : Frames
        How they are divided, and when they were.
    events : list of Event
        The labels in the order of their recording.
    topics : dict of str to str
        Topic of the 'stream', its 'info' and the 'label'; those that there are.
    info_ns : tuple of int
        Stamp of the stream's info and when they were recorded, ns; (0, 0): they were not.
    frame_id, info_frame_id : str
        The electrode set, as the frames and the stream's info name it.
    """

    info: SessionInfo
    stream: StreamInfo
    data: Samples
    frames: Frames
    events: list[Event]
    topics: dict[str, str] = field(
        default_factory=lambda: {'stream': '/emg', 'info': '/emg/info', 'label': '/label'}
    )
    info_ns: tuple[int, int] = (0, 0)
    frame_id: str = ''
    info_frame_id: str = ''

    @property
    def start_ns(self) -> int:
        """When the first sample was acquired, ns."""
        return int(self.frames.stamps_ns[0])

    def _steps(self) -> tuple[Integers, Integers]:
        """Return for each sample its frame, and how many samples of that come before it."""
        lengths = np.diff([*self.frames.rows, len(self.data)])
        frame = np.repeat(np.arange(len(lengths)), lengths)
        return frame, np.arange(len(self.data)) - self.frames.rows[frame]

    def sample_indices(self) -> Integers:
        """Return the running index of each sample, shape (n_samples,)."""
        frame, step = self._steps()
        indices: Integers = self.frames.first_samples[frame] + step
        return indices

    def times_ns(self) -> Integers:
        """Return when each sample was acquired, ns, shape (n_samples,)."""
        frame, step = self._steps()
        after_ns = np.rint(step * 1e9 / self.stream.sampling_rate).astype(np.int64)
        times_ns: Integers = self.frames.stamps_ns[frame] + after_ns
        return times_ns

    def frame_numbers(self) -> Integers:
        """Return the number of each sample's frame, from 0, shape (n_samples,)."""
        return self._steps()[0]

    def labels(self) -> tuple[Integers, Integers]:
        """Return class index and repetition of each sample, both of shape (n_samples,)."""
        labels = sorted((event.label for event in self.events), key=lambda label: label.stamp_ns)
        labels = insert_planned_ends(labels)
        starts = [label.stamp_ns for label in labels]
        place = np.searchsorted(starts, self.times_ns() + ROUNDING_NS, side='right')
        indices = np.array([NO_CLASS, *(label.index for label in labels)], np.int64)
        repetitions = np.array([-1, *(label.repetition for label in labels)], np.int64)
        return indices[place], repetitions[place]

    def chunks(self) -> Iterator[tuple[Chunk, int]]:
        """Yield the frames, and when each was recorded, ns."""
        f = self.frames
        ends = [*f.rows[1:].tolist(), len(self.data)]
        columns = (f.rows, f.first_samples, f.stamps_ns, f.log_ns)
        rows = zip(*(column.tolist() for column in columns), ends, strict=True)
        for start, first, stamp_ns, log_ns, end in rows:
            yield Chunk(first, stamp_ns, self.stream.sampling_rate, self.data[start:end]), log_ns


def content_of(session: Session, stream: str) -> Content:
    """Read one stream of a session, its labels and info, as they stand in the bag.

    Raises
    ------
    SessionError
        When there is no such stream of EmgFrame, when it changes its rate or channels, or when a
        message cannot be understood: what is exported must be all.
    """
    topic = session.stream_topic(stream)
    types = session.bag.topics
    if types[topic] != EMG_FRAME:
        raise SessionError(
            f"Stream '{stream}' of session '{session.name}' is of {types[topic]}; expected "
            f'{EMG_FRAME}.'
        )
    topics = {'stream': topic}
    for kind, name in (('info', session.info_topic(stream)), ('label', session.label_topic())):
        if name is not None:
            topics[kind] = name
    read = _read(session, topics)
    if not read.chunks:
        raise SessionError(f"Session '{session.name}' has no samples of the stream '{stream}'.")
    formats = {(c.n_channels, c.sampling_rate) for c, _ in read.chunks}
    if len(formats) > 1:
        told = ', '.join(f'{channels} channels at {rate:g} Hz' for channels, rate in formats)
        raise SessionError(
            f"Stream '{stream}' of session '{session.name}' changes: {told}. A table holds one "
            f'format; run "myogestic sessions check" to see where.'
        )
    ((channels, rate),) = formats
    names = tuple(f'EMG{channel + 1}' for channel in range(channels))
    info = read.info[0] if read.info else StreamInfo(stream.lstrip('/'), rate, names)
    lengths = [chunk.n_samples for chunk, _ in read.chunks]
    frames = Frames(
        np.cumsum([0, *lengths[:-1]], dtype=np.int64),
        np.array([chunk.first_sample for chunk, _ in read.chunks], np.int64),
        np.array([chunk.stamp_ns for chunk, _ in read.chunks], np.int64),
        np.array([log_ns for _, log_ns in read.chunks], np.int64),
    )
    return Content(
        session.info,
        info,
        np.concatenate([chunk.data for chunk, _ in read.chunks]),
        frames,
        read.events,
        topics,
        read.info[1] if read.info else (0, 0),
        read.frame_id,
        read.info[2] if read.info else '',
    )


@dataclass
class _Read:
    chunks: list[tuple[Chunk, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    info: tuple[StreamInfo, tuple[int, int], str] | None = None
    frame_id: str = ''


def _read(session: Session, topics: dict[str, str]) -> _Read:
    read = _Read()
    makers: dict[str, Callable[[Any], Any]] = {
        topics['stream']: lambda m: (chunk_from_frame(m), str(m.header.frame_id)),
        topics.get('info', ''): lambda m: (
            stream_info_from_message(m),
            (stamp_from_message(m), str(m.header.frame_id)),
        ),
        topics.get('label', ''): lambda m: (label_from_message(m), str(m.header.frame_id)),
    }
    makers.pop('', None)
    before = dict(session.malformed)
    for _, log_ns, (item, other) in session.messages(makers):
        if isinstance(item, Chunk):
            if item.n_samples:
                read.frame_id = read.frame_id or other
                read.chunks.append((item, log_ns))
        elif isinstance(item, StreamInfo):
            read.info = (item, (other[0], log_ns), other[1])
        else:
            read.events.append(Event(item, log_ns, other))
    for topic in makers:
        if count := session.malformed[topic] - before.get(topic, 0):
            raise SessionError(
                f"Session '{session.name}' holds {count} messages on {topic} that cannot be "
                f'understood, and what is exported must be all; run "myogestic sessions check" '
                f'on it.'
            )
    return read


def write_content(content: Content, path: Path) -> Path:
    """Write a session; a failure leaves nothing behind.

    Raises
    ------
    SessionError
        When the folder exists already, or cannot be written.
    """
    kinds = {
        'stream': (EMG_FRAME, STREAM),
        'info': (STREAM_INFO, LATCHED),
        'label': (LABEL, LATCHED),
    }
    topics = [
        Topic(content.topics[kind], message_definition(msgtype), qos)
        for kind, (msgtype, qos) in kinds.items()
        if kind in content.topics
    ]
    writer = SessionWriter(path, content.info, topics)
    try:
        with writer:
            for log_ns, _, topic, data in sorted(_messages(content), key=lambda m: m[:2]):
                writer.write(topic, data, log_ns)
    except BaseException as error:  # an interrupt, too, leaves nothing behind
        shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError):
            raise SessionError(f'Session {path} cannot be written: {error}') from error
        raise
    return path


def _messages(content: Content) -> Iterator[tuple[int, int, str, bytes]]:
    """Yield (time of recording, rank among those of the same time, topic, message)."""
    encoder, topics = Encoder(), content.topics
    if 'info' in topics and any(content.info_ns):
        stamp_ns, log_ns = content.info_ns
        yield (
            log_ns,
            0,
            topics['info'],
            encoder.info(content.stream, stamp_ns, content.info_frame_id),
        )
    for event in content.events:
        yield event.log_ns, 1, topics['label'], encoder.label(event.label, event.frame_id)
    for chunk, log_ns in content.chunks():
        yield log_ns, 2, topics['stream'], encoder.frame(chunk, content.frame_id)
