"""Read a recorded session: samples, labels and stream info."""

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
from zstandard import ZstdError

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
    label_corrections,
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

RATE_MESSAGES = 200
"""Number of messages from which the rate of a JointState stream is estimated."""


class Session:
    """Recorded session: a rosbag2 bag, recorded by this package or by another recorder.

    Parameters
    ----------
    path : Path or str
        Folder of the session, or a single ``.mcap`` or ``.db3`` file.

    Attributes
    ----------
    path : Path
        As given.
    bag : Bag
        Content of the bag.
    info : SessionInfo
        Description of the session; empty in bags of other recorders.
    malformed : Counter of str
        Number of malformed messages by topic; they are skipped.
    corrected_labels : Counter of str
        Values of the labels that were out of range and have been corrected, with their number;
        filled by `labels`.

    Raises
    ------
    SessionError
        If the session does not exist or cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.bag: Bag = open_bag(self.path)
        self.info = SessionInfo.from_custom_data(self.bag.custom_data)
        self.malformed: Counter[str] = Counter()
        self.corrected_labels: Counter[str] = Counter()
        self._decode: Callable[[bytes, str], Any] | None = None

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return self.path.name

    @property
    def duration_s(self) -> float:
        """Time from the first to the last message, s."""
        return self.bag.duration_ns * 1e-9

    def _definitions(self) -> dict[str, str]:
        """Return the embedded definitions of the supported message types, by message type."""
        msgtypes = {EMG_FRAME, JOINT_STATE, LABEL, STREAM_INFO} & set(self.bag.topics.values())
        return {msgtype: self.bag.definitions.get(msgtype, '') for msgtype in msgtypes}

    def messages(
        self, converters: dict[str, Callable[[Any], Any]]
    ) -> Iterator[tuple[str, int, Any]]:
        """Yield the decoded and converted messages of the given topics.

        Malformed messages are counted in `malformed` and skipped.

        Parameters
        ----------
        converters : dict of str to callable
            Function to call with each decoded message, by topic.

        Yields
        ------
        topic : str
            Topic of the message.
        log_ns : int
            Time at which it was recorded, ns.
        item : object
            Return value of the function.
        """
        for topic, log_ns, data in self.bag.messages(list(converters)):
            item = self._convert(topic, data, converters[topic])
            if item is not None:
                yield topic, log_ns, item

    def _convert(self, topic: str, data: bytes, converter: Callable[[Any], Any]) -> Any:
        """Return a decoded and converted message; for a malformed one, count it, return None."""
        if self._decode is None:
            self._decode = typestore(self._definitions()).deserialize_cdr
        try:
            return converter(self._decode(data, self.bag.topics[topic]))
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

    def _find_topic(self, name: str, *msgtypes: str) -> str | None:
        """Return the topic ``name`` in any namespace; None if there is none."""
        found = [
            topic
            for topic, msgtype in self.bag.topics.items()
            if msgtype in msgtypes and (topic == name or f'/{topic}'.endswith(f'/{name}'))
        ]
        if len(found) > 1 and f'/{name}' in found:
            return f'/{name}'
        if len(found) > 1:
            raise SessionError(
                f"Session '{self.name}' has several topics '{name}': {', '.join(found)}; use the "
                f'full name.'
            )
        return found[0] if found else None

    def stream_topic(self, stream: str) -> str:
        """Return the topic of a stream.

        Parameters
        ----------
        stream : str
            Name of the stream: its topic without namespace, for example ``'emg'``, or with it.

        Raises
        ------
        SessionError
            If there is no such topic, or several in different namespaces.
        """
        topic = self._find_topic(stream.lstrip('/'), EMG_FRAME, JOINT_STATE)
        if topic is None:
            raise SessionError(
                f"Session '{self.name}' has no stream '{stream}'; it has "
                f'{", ".join(self.streams()) or "none"}.'
            )
        return topic

    def streams(self) -> list[str]:
        """Return the topics of all streams (EmgFrame and JointState)."""
        return [t for t, m in self.bag.topics.items() if m in (EMG_FRAME, JOINT_STATE)]

    def _chunk_converter(
        self, topic: str, sampling_rate: float | None = None
    ) -> Callable[[Any], Chunk]:
        if self.bag.topics[topic] == EMG_FRAME:
            return chunk_from_frame
        rate = sampling_rate or self._estimated_rate(topic)
        index = count()
        return lambda message: chunk_from_joint_state(message, next(index), rate)

    def chunks(self, stream: str, sampling_rate: float | None = None) -> Iterator[Chunk]:
        """Yield the chunks of a stream as recorded.

        Parameters
        ----------
        stream : str
            Name of the stream, as for `stream_topic`.
        sampling_rate : float, optional
            Sampling rate of a JointState stream, Hz; by default estimated from the stamps. The
            sampling rate of an EmgFrame stream is recorded.

        Yields
        ------
        Chunk
            Data of shape ``(n_samples, n_channels)``, in volt (EmgFrame), rad or m (JointState).

        Raises
        ------
        SessionError
            If there is no such stream or the session cannot be read to its end.
        """
        topic = self.stream_topic(stream)
        for _, _, chunk in self.messages({topic: self._chunk_converter(topic, sampling_rate)}):
            yield chunk

    def blocks(self, stream: str) -> Iterator[Block]:
        """Yield the samples of `chunks` as blocks of many chunks; several times faster."""
        topic = self.stream_topic(stream)
        files = self._ordered_files(topic)
        if not files:
            yield from iter_blocks(self.chunks(stream))
            return
        try:
            yield from frame_blocks(
                message_rows(files, topic),
                lambda data: self._convert(topic, data, chunk_from_frame),
            )
        except SessionError as error:
            raise SessionError(f'Cannot read {self.path} to its end: {error}.') from error
        except (OSError, ValueError, RuntimeError, McapError, ZstdError, struct.error) as error:
            raise SessionError(
                f'Cannot read {self.path} to its end: {error}. It is damaged: restore it from a '
                f'copy, or exclude it.'
            ) from error

    def _ordered_files(self, topic: str) -> list[IndexedFile]:
        """Return the files if the frames of a topic can be read in file order; empty otherwise."""
        if (
            self.bag.topics[topic] != EMG_FRAME
            or not self.bag.complete
            or sys.byteorder != 'little'
        ):
            return []
        return files_in_order(self.path)

    def _estimated_rate(self, topic: str) -> float:
        """Return the sampling rate of a JointState stream, Hz, estimated from its first stamps."""
        stamps = [
            ns for _, _, ns in islice(self.messages({topic: stamp_from_message}), RATE_MESSAGES)
        ]
        intervals = np.diff(np.array(stamps, np.int64))
        median_ns = float(np.median(intervals[intervals > 0])) if (intervals > 0).any() else 1e7
        return 1e9 / median_ns

    def label_topic(self) -> str | None:
        """Return the topic of the labels; None if there is none."""
        return self._find_topic('label', LABEL)

    def info_topic(self, stream: str) -> str | None:
        """Return the StreamInfo topic of a stream; None if there is none."""
        return self._find_topic(f'{stream.lstrip("/")}/info', STREAM_INFO)

    def labels(self) -> list[Label]:
        """Return the labels, sorted by stamp.

        Repetitions without a number are numbered from 0, per class. Includes a latched label that
        was published before the recording started.
        """
        topic = self.label_topic()
        if topic is None:
            return []
        self.corrected_labels.clear()
        labels = [label for _, _, label in self.messages({topic: self._convert_label})]
        labels.sort(key=lambda label: label.stamp_ns)
        return _number_repetitions(labels)

    def _convert_label(self, message: Any) -> Label:
        self.corrected_labels.update(label_corrections(message))
        return label_from_message(message)

    def events(
        self, streams: list[str], rates: Mapping[str, float | None] | None = None
    ) -> Iterator[tuple[str, Chunk | Label]]:
        """Yield the chunks of streams and the labels in the order of recording.

        Parameters
        ----------
        streams : list of str
            Names of the streams.
        rates : mapping of str to float or None, optional
            Sampling rates of JointState streams by name, Hz; by default estimated from the stamps.

        Yields
        ------
        name : str
            Name of the stream, as given, or ``'label'``.
        item : Chunk or Label
            Chunk with data of shape ``(n_samples, n_channels)``, or label.

        Raises
        ------
        SessionError
            If a stream is missing or the session cannot be read to its end.
        """
        converters: dict[str, Callable[[Any], Any]] = {}
        names: dict[str, str] = {}
        for stream in streams:
            topic = self.stream_topic(stream)
            rate = (rates or {}).get(stream)
            converters[topic], names[topic] = self._chunk_converter(topic, rate), stream
        topic = self.label_topic() or ''
        if topic:
            converters[topic], names[topic] = label_from_message, 'label'
        for topic, _, item in self.messages(converters):
            yield names[topic], item

    @property
    def has_joint_states(self) -> bool:
        """True if the session has JointState topics, which may be training targets."""
        return JOINT_STATE in self.bag.topics.values()

    def stream_info(self, stream: str) -> StreamInfo | None:
        """Return the stream info that the driver published; None if it was not recorded.

        For a JointState stream, return the joint names and the estimated sampling rate.
        """
        topic = self.info_topic(stream)
        if topic is None:
            return self._joint_info(stream)
        infos = [info for _, _, info in self.messages({topic: stream_info_from_message})]
        return infos[-1] if infos else None

    def _joint_info(self, stream: str) -> StreamInfo | None:
        topic = self._find_topic(stream.lstrip('/'), JOINT_STATE)
        if topic is None:
            return None
        for _, _, names in self.messages({topic: joint_names_from_message}):
            return StreamInfo(stream, self._estimated_rate(topic), names, unit='rad')
        return None


def _number_repetitions(labels: list[Label]) -> list[Label]:
    """Return labels whose repetitions are numbered per class.

    Existing numbers are kept. Consecutive equal labels are one repetition.
    """
    counts: Counter[int] = Counter()
    numbered: list[Label] = []
    for label in labels:
        last = numbered[-1] if numbered else None
        repeated = last is not None and (last.index, last.name) == (label.index, label.name)
        if label.index != NO_CLASS and label.repetition < 0:
            if repeated and last is not None:
                number = last.repetition
            else:
                number = counts[label.index]
                counts[label.index] += 1
            numbered.append(replace(label, repetition=number))
        else:
            numbered.append(label)
            counts[label.index] = max(counts[label.index], label.repetition + 1)
    return numbered
