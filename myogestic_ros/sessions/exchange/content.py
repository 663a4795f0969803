"""One stream of a session in memory, complete enough to write an identical session."""

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

__all__ = ['Content', 'Event', 'Frames', 'read_content', 'write_content']

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """Frames of a stream; all arrays have shape ``(n_frames,)``.

    Attributes
    ----------
    rows : ndarray of int64
        Row of the first sample of each frame in the data array.
    first_samples : ndarray of int64
        Sample index of the first sample; gaps are lost samples.
    stamps_ns, log_ns : ndarray of int64
        Acquisition time of the first sample, and log time of the frame, ns.
    """

    rows: Integers
    first_samples: Integers
    stamps_ns: Integers
    log_ns: Integers


@dataclass(frozen=True)
class Event:
    """Label with its log time, ns, and the frame_id of its header."""

    label: Label
    log_ns: int
    frame_id: str = ''


@dataclass(frozen=True)
class Content:
    """One stream of a session and its labels.

    Attributes
    ----------
    info : SessionInfo
        Description of the session.
    stream : StreamInfo
        Description of the stream.
    data : ndarray of float32, shape (n_samples, n_channels)
        Recorded samples, in volt.
    frames : Frames
        Division of the samples into frames, with their times.
    events : list of Event
        Labels in the order of recording.
    topics : dict of str to str
        Names of the topics ``'stream'``, ``'info'`` and ``'label'`` of the session.
    info_ns : tuple of int
        Stamp and log time of the StreamInfo message, ns; (0, 0) if it was not recorded.
    frame_id, info_frame_id : str
        frame_id of the frames and of the StreamInfo message: name of the electrode set.
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
        """Acquisition time of the first sample, ns."""
        return int(self.frames.stamps_ns[0])

    def _sample_positions(self) -> tuple[Integers, Integers]:
        """Return the frame number of each sample and its position in the frame, from 0."""
        lengths = np.diff([*self.frames.rows, len(self.data)])
        frames = np.repeat(np.arange(len(lengths)), lengths)
        return frames, np.arange(len(self.data)) - self.frames.rows[frames]

    def sample_indices(self) -> Integers:
        """Return the sample index of each sample, shape ``(n_samples,)``."""
        frames, positions = self._sample_positions()
        indices: Integers = self.frames.first_samples[frames] + positions
        return indices

    def times_ns(self) -> Integers:
        """Return the acquisition time of each sample, ns, shape ``(n_samples,)``."""
        frames, positions = self._sample_positions()
        after_ns = np.rint(positions * 1e9 / self.stream.sampling_rate).astype(np.int64)
        times_ns: Integers = self.frames.stamps_ns[frames] + after_ns
        return times_ns

    def frame_numbers(self) -> Integers:
        """Return the frame number of each sample, from 0, shape ``(n_samples,)``."""
        return self._sample_positions()[0]

    def labels(self) -> tuple[Integers, Integers]:
        """Return class index and repetition of each sample, each of shape ``(n_samples,)``.

        Without a class they are ``NO_CLASS`` and -1.
        """
        labels = sorted((event.label for event in self.events), key=lambda label: label.stamp_ns)
        labels = insert_planned_ends(labels)
        starts = [label.stamp_ns for label in labels]
        positions = np.searchsorted(starts, self.times_ns() + ROUNDING_NS, side='right')
        indices = np.array([NO_CLASS, *(label.index for label in labels)], np.int64)
        repetitions = np.array([-1, *(label.repetition for label in labels)], np.int64)
        return indices[positions], repetitions[positions]

    def chunks(self) -> Iterator[tuple[Chunk, int]]:
        """Yield each frame as a chunk with its log time, ns."""
        frames = self.frames
        ends = [*frames.rows[1:].tolist(), len(self.data)]
        columns = (frames.rows, frames.first_samples, frames.stamps_ns, frames.log_ns)
        rows = zip(*(column.tolist() for column in columns), ends, strict=True)
        for start, first, stamp_ns, log_ns, end in rows:
            yield Chunk(first, stamp_ns, self.stream.sampling_rate, self.data[start:end]), log_ns


def read_content(session: Session, stream: str) -> Content:
    """Read one stream of a session with its labels and stream info.

    Parameters
    ----------
    session : Session
        Session.
    stream : str
        Name of an EmgFrame stream.

    Raises
    ------
    SessionError
        If there is no such stream, if it has no samples, if its format changes, or if a message is
        malformed: an export must be complete.
    """
    topic = session.stream_topic(stream)
    types = session.bag.topics
    if types[topic] != EMG_FRAME:
        raise SessionError(
            f"Stream '{stream}' of session '{session.name}' has messages of type {types[topic]}, "
            f'expected {EMG_FRAME}.'
        )
    topics = {'stream': topic}
    for kind, name in (('info', session.info_topic(stream)), ('label', session.label_topic())):
        if name is not None:
            topics[kind] = name
    read = _read_messages(session, topics)
    if not read.chunks:
        raise SessionError(
            f"Stream '{stream}' of session '{session.name}' has no samples, expected at least one."
        )
    formats = {(c.n_channels, c.sampling_rate) for c, _ in read.chunks}
    if len(formats) > 1:
        formats_text = ', '.join(
            f'{channels} channels at {rate:g} Hz' for channels, rate in formats
        )
        raise SessionError(
            f"The format of stream '{stream}' of session '{session.name}' changes: "
            f'{formats_text}; expected one format. Run "myogestic sessions check" for details.'
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
class _Messages:
    """Converted messages of a session, in the order of recording."""

    chunks: list[tuple[Chunk, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    info: tuple[StreamInfo, tuple[int, int], str] | None = None
    frame_id: str = ''


def _read_messages(session: Session, topics: dict[str, str]) -> _Messages:
    read = _Messages()
    converters: dict[str, Callable[[Any], Any]] = {
        topics['stream']: lambda m: (chunk_from_frame(m), str(m.header.frame_id)),
        topics.get('info', ''): lambda m: (
            stream_info_from_message(m),
            (stamp_from_message(m), str(m.header.frame_id)),
        ),
        topics.get('label', ''): lambda m: (label_from_message(m), str(m.header.frame_id)),
    }
    converters.pop('', None)
    before = dict(session.malformed)
    for _, log_ns, (item, other) in session.messages(converters):
        if isinstance(item, Chunk):
            if item.n_samples:
                read.frame_id = read.frame_id or other
                read.chunks.append((item, log_ns))
        elif isinstance(item, StreamInfo):
            read.info = (item, (other[0], log_ns), other[1])
        else:
            read.events.append(Event(item, log_ns, other))
    for topic in converters:
        if count := session.malformed[topic] - before.get(topic, 0):
            raise SessionError(
                f"Session '{session.name}' has {count} malformed messages on {topic}, expected "
                f'none in an export; run "myogestic sessions check" for details.'
            )
    return read


def write_content(content: Content, path: Path) -> Path:
    """Write a new session; after an error or an interrupt, remove it.

    Parameters
    ----------
    content : Content
        Content of the session.
    path : Path
        Folder of the session; must not exist.

    Returns
    -------
    Path
        The given path.

    Raises
    ------
    SessionExistsError
        If the folder exists.
    SessionError
        If the session cannot be written.
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
    except BaseException as error:  # also after KeyboardInterrupt
        shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError):
            raise SessionError(f'Cannot write session {path}: {error}') from error
        raise
    return path


def _messages(content: Content) -> Iterator[tuple[int, int, str, bytes]]:
    """Yield log time, rank among messages of the same log time, topic, and serialized message."""
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
