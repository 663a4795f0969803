"""Reading a session: samples, labels, and what its streams are."""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from mcap.exceptions import McapError

from myogestic_ros.core.errors import SessionError, SignalError
from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, StreamInfo
from myogestic_ros.core.streams.blocks import Block, iter_blocks
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.bag import Bag, open_bag
from myogestic_ros.sessions.storage.frame_blocks import frame_blocks
from myogestic_ros.sessions.storage.mcap_messages import IndexedFile, files_in_order, message_rows
from myogestic_ros.sessions.storage.message_conversion import (
    chunk_from_frame,
    chunk_from_joint_state,
    joint_names_from_message,
    label_from_message,
    stamp_from_message,
    stream_info_from_message,
)
from myogestic_ros.sessions.storage.message_definitions import typestore

__all__ = ['Session']

EMG_FRAME = 'myogestic_ros/msg/EmgFrame'
JOINT_STATE = 'sensor_msgs/msg/JointState'
LABEL = 'myogestic_ros/msg/Label'
STREAM_INFO = 'myogestic_ros/msg/StreamInfo'

ESTIMATED_FROM = 200
"""So many first messages tell the rate of a stream that does not say it."""


class Session:
    """A recorded session: a rosbag2 bag, recorded by this package or by anything else.

    Parameters
    ----------
    path : Path or str
        Its folder, or a single ``.mcap`` or ``.db3`` file.

    Attributes
    ----------
    info : SessionInfo
        What it is about.
    malformed : Counter
        Messages that could not be understood, by topic; they are skipped.

    Raises
    ------
    SessionError
        When it cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.bag: Bag = open_bag(self.path)
        self.info = SessionInfo.from_custom_data(self.bag.custom_data)
        self.malformed: Counter[str] = Counter()
        self._decode: Callable[[bytes, str], Any] | None = None

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.path.name

    @property
    def duration_s(self) -> float:
        """From the first message to the last, s."""
        return self.bag.duration_ns * 1e-9

    def _known_types(self) -> dict[str, str]:
        """Return the definitions of what is understood here; a bag may hold anything else."""
        wanted = {EMG_FRAME, JOINT_STATE, LABEL, STREAM_INFO} & set(self.bag.topics.values())
        return {msgtype: self.bag.definitions.get(msgtype, '') for msgtype in wanted}

    def decoded(self, topics: dict[str, Callable[[Any], Any]]) -> Iterator[tuple[str, int, Any]]:
        """Yield topic, time of recording (ns) and what the functions in ``topics`` make of each.

        What cannot be understood is counted in `malformed` and skipped.
        """
        for topic, log_ns, data in self.bag.messages(list(topics)):
            made = self._made(topic, data, topics[topic])
            if made is not None:
                yield topic, log_ns, made

    def _made(self, topic: str, data: bytes, make: Callable[[Any], Any]) -> Any:
        """Return what a function makes of a message; None, and count it, when it is malformed."""
        if self._decode is None:
            self._decode = typestore(self._known_types()).deserialize_cdr
        try:
            return make(self._decode(data, self.bag.topics[topic]))
        except (
            SignalError,
            ValueError,
            IndexError,
            AssertionError,
            TypeError,
            AttributeError,
        ):
            self.malformed[topic] += 1
        except Exception as error:
            if not type(error).__module__.startswith('rosbags'):
                raise
            self.malformed[topic] += 1
        return None

    def _topic(self, name: str, *msgtypes: str) -> str | None:
        """Return the topic called ``name``, in whatever namespace; None when there is none."""
        found = [
            topic
            for topic, msgtype in self.bag.topics.items()
            if msgtype in msgtypes and (topic == name or f'/{topic}'.endswith(f'/{name}'))
        ]
        if len(found) > 1 and f'/{name}' in found:
            return f'/{name}'
        if len(found) > 1:
            raise SessionError(
                f"Session '{self.name}' has several topics '{name}': {', '.join(found)}; name "
                f'the one that is meant.'
            )
        return found[0] if found else None

    def topic_of(self, stream: str) -> str:
        """Return the topic of a stream.

        Raises
        ------
        SessionError
            When there is none, or several.
        """
        topic = self._topic(stream.lstrip('/'), EMG_FRAME, JOINT_STATE)
        if topic is None:
            raise SessionError(
                f"Session '{self.name}' has no stream '{stream}'; it has "
                f'{", ".join(self.streams()) or "none"}.'
            )
        return topic

    def streams(self) -> list[str]:
        """Return the topics of all streams."""
        return [t for t, m in self.bag.topics.items() if m in (EMG_FRAME, JOINT_STATE)]

    def _to_chunk(self, topic: str, sampling_rate: float | None = None) -> Callable[[Any], Chunk]:
        if self.bag.topics[topic] == EMG_FRAME:
            return chunk_from_frame
        rate = sampling_rate or self._estimated_rate(topic)
        counted = count()
        return lambda message: chunk_from_joint_state(message, next(counted), rate)

    def chunks(self, stream: str, sampling_rate: float | None = None) -> Iterator[Chunk]:
        """Yield the chunks of a stream as they were recorded.

        Parameters
        ----------
        stream : str
            Name of the stream: the last part of its topic.
        sampling_rate : float, optional
            Rate of a stream of JointState, Hz; None: estimated from its stamps. Frames of EMG
            bring their own.
        """
        topic = self.topic_of(stream)
        for _, _, chunk in self.decoded({topic: self._to_chunk(topic, sampling_rate)}):
            yield chunk

    def blocks(self, stream: str) -> Iterator[Block]:
        """Yield what `chunks` yields, many chunks at once: several times as fast."""
        topic = self.topic_of(stream)
        files = self._files_of_frames(topic)
        if not files:
            yield from iter_blocks(self.chunks(stream))
            return
        try:
            yield from frame_blocks(
                message_rows(files, topic), lambda data: self._made(topic, data, chunk_from_frame)
            )
        except (OSError, ValueError, McapError, struct.error) as error:
            raise SessionError(
                f'Cannot read {self.path} to its end: {error}. It is damaged: restore it from a '
                f'copy, or exclude it.'
            ) from error

    def _files_of_frames(self, topic: str) -> list[IndexedFile]:
        """Return the files in which the frames of a topic lie in order, to be read as they lie."""
        if (
            self.bag.topics[topic] != EMG_FRAME
            or not self.bag.complete
            or sys.byteorder != 'little'
        ):
            return []
        return files_in_order(self.path)

    def _estimated_rate(self, topic: str) -> float:
        """Return the rate of a stream of single samples, Hz, from the stamps of the first ones."""
        stamps = [
            ns for _, _, ns in islice(self.decoded({topic: stamp_from_message}), ESTIMATED_FROM)
        ]
        intervals = np.diff(np.array(stamps, np.int64))
        usual = float(np.median(intervals[intervals > 0])) if (intervals > 0).any() else 1e7
        return 1e9 / usual

    def label_topic(self) -> str | None:
        """Return the topic of the labels; None when there is none."""
        return self._topic('label', LABEL)

    def info_topic(self, stream: str) -> str | None:
        """Return the topic that says what a stream is; None when there is none."""
        return self._topic(f'{stream.lstrip("/")}/info', STREAM_INFO)

    def labels(self) -> list[Label]:
        """Return the labels in the order of their time; repetitions numbered where they were not.

        A latched label that was published before the recording began counts from its beginning.
        """
        topic = self.label_topic()
        if topic is None:
            return []
        labels = [label for _, _, label in self.decoded({topic: label_from_message})]
        labels.sort(key=lambda label: label.stamp_ns)
        return number_repetitions(labels)

    def events(
        self, streams: list[str], rates: Mapping[str, float | None] | None = None
    ) -> Iterator[tuple[str, Chunk | Label]]:
        """Yield chunks (with their stream's name) and labels (with 'label') as recorded.

        Parameters
        ----------
        streams : list of str
            Names of the streams.
        rates : mapping of str to float, optional
            Rate of a stream of JointState, Hz, by its name; otherwise estimated from its stamps.
        """
        makers: dict[str, Callable[[Any], Any]] = {}
        names: dict[str, str] = {}
        for stream in streams:
            topic = self.topic_of(stream)
            rate = (rates or {}).get(stream)
            makers[topic], names[topic] = self._to_chunk(topic, rate), stream
        topic = self.label_topic() or ''
        if topic:
            makers[topic], names[topic] = label_from_message, 'label'
        for topic, _, item in self.decoded(makers):
            yield names[topic], item

    @property
    def has_joint_states(self) -> bool:
        """Whether there are joint states in it, which may be the target of a training."""
        return JOINT_STATE in self.bag.topics.values()

    def stream_info(self, stream: str) -> StreamInfo | None:
        """Return what a stream is, as its driver said; None when that was not recorded.

        Of a stream of JointState it is what its messages say: the names of the joints.
        """
        topic = self.info_topic(stream)
        if topic is None:
            return self._joint_info(stream)
        infos = [info for _, _, info in self.decoded({topic: stream_info_from_message})]
        return infos[-1] if infos else None

    def _joint_info(self, stream: str) -> StreamInfo | None:
        topic = self._topic(stream.lstrip('/'), JOINT_STATE)
        if topic is None:
            return None
        for _, _, names in self.decoded({topic: joint_names_from_message}):
            return StreamInfo(stream, self._estimated_rate(topic), names, unit='rad')
        return None


def number_repetitions(labels: list[Label]) -> list[Label]:
    """Return labels with the repetitions of each class counted where they are not numbered.

    The same label said twice in a row is one repetition.
    """
    counts: Counter[int] = Counter()
    numbered: list[Label] = []
    for label in labels:
        last = numbered[-1] if numbered else None
        again = last is not None and (last.index, last.name) == (label.index, label.name)
        if label.index != NO_CLASS and label.repetition < 0:
            if again and last is not None:
                number = last.repetition
            else:
                number = counts[label.index]
                counts[label.index] += 1
            numbered.append(replace(label, repetition=number))
        else:
            numbered.append(label)
            counts[label.index] = max(counts[label.index], label.repetition + 1)
    return numbered
