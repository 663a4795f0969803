"""Serialize chunks, labels and stream info as messages, without ROS."""

from __future__ import annotations

from typing import Any

import numpy as np

from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.sessions.reading.reader import EMG_FRAME, LABEL, STREAM_INFO
from myogestic_ros.sessions.storage.message_definitions import message_definition, typestore

__all__ = ['Encoder']


class Encoder:
    """Serialize the classes of `myogestic_ros.core.signals` to CDR.

    The inverse conversion is in `myogestic_ros.sessions.storage.message_conversion`.

    Raises
    ------
    SessionError
        If the definitions of this package's messages are not installed.
    """

    def __init__(self) -> None:
        msgtypes = (EMG_FRAME, LABEL, STREAM_INFO)
        store = typestore({name: message_definition(name).text for name in msgtypes})
        self._types: Any = store.types
        self._serialize: Any = store.serialize_cdr

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        time = self._types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
        return self._types['std_msgs/msg/Header'](time, frame_id)

    def frame(self, chunk: Chunk, frame_id: str = '') -> bytes:
        """Return the serialized EmgFrame of a chunk."""
        message = self._types[EMG_FRAME](
            self._header(chunk.stamp_ns, frame_id),
            chunk.first_sample,
            chunk.sampling_rate,
            chunk.n_channels,
            np.ascontiguousarray(chunk.data, np.float32).ravel(),
        )
        return bytes(self._serialize(message, EMG_FRAME))

    def label(self, label: Label, frame_id: str = '') -> bytes:
        """Return the serialized Label message of a label."""
        message = self._types[LABEL](
            header=self._header(label.stamp_ns, frame_id),
            index=label.index,
            name=label.name,
            repetition=label.repetition,
            duration=label.duration_s,
        )
        return bytes(self._serialize(message, LABEL))

    def info(self, info: StreamInfo, stamp_ns: int, frame_id: str = '') -> bytes:
        """Return the serialized StreamInfo message of a stream."""
        message = self._types[STREAM_INFO](
            self._header(stamp_ns, frame_id),
            info.name,
            info.device,
            info.serial,
            info.sampling_rate,
            list(info.channel_names),
            info.unit,
            *info.grid,
            np.array(info.grid_places, np.int32),
        )
        return bytes(self._serialize(message, STREAM_INFO))
