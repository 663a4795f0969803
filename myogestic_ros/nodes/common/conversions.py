"""The seam between messages and the types of the rooms below."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time

from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.msg import EmgFrame
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.msg import StreamInfo as StreamInfoMessage
from myogestic_ros.sessions.storage.message_conversion import (
    chunk_from_frame,
    chunk_from_joint_state,
    label_from_message,
    stream_info_from_message,
    time_ns,
)

__all__ = [
    'chunk_from_ros',
    'chunk_to_ros',
    'joint_state_chunk',
    'label_from_ros',
    'label_to_ros',
    'stream_info_from_ros',
    'stream_info_to_ros',
    'time_from_ros',
    'time_to_ros',
]


# The way in is the same live and out of a bag.
time_from_ros = time_ns
chunk_from_ros = chunk_from_frame
joint_state_chunk = chunk_from_joint_state
label_from_ros = label_from_message
stream_info_from_ros = stream_info_from_message


def time_to_ros(stamp_ns: int) -> Time:
    """Return the message of a time in ns."""
    return Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)


def chunk_to_ros(chunk: Chunk, frame_id: str = '') -> EmgFrame:
    """Return the message of a chunk."""
    message = EmgFrame(
        first_sample=chunk.first_sample,
        sampling_rate=chunk.sampling_rate,
        channels=chunk.n_channels,
    )
    message.header.stamp = time_to_ros(chunk.stamp_ns)
    message.header.frame_id = frame_id
    data = array.array('f')  # 1 µs for what assigning an ndarray does in 720
    data.frombytes(np.ascontiguousarray(chunk.data, np.float32).data.cast('B'))
    message.data = data
    return message


def label_to_ros(label: Label) -> LabelMessage:
    """Return the message of a label."""
    message = LabelMessage(
        index=label.index,
        name=label.name,
        repetition=label.repetition,
        duration=label.duration_s,
    )
    message.header.stamp = time_to_ros(label.stamp_ns)
    return message


def stream_info_to_ros(info: StreamInfo, stamp_ns: int, frame_id: str = '') -> StreamInfoMessage:
    """Return the message of what a stream is."""
    message = StreamInfoMessage(
        name=info.name,
        device=info.device,
        serial=info.serial,
        sampling_rate=info.sampling_rate,
        channel_names=list(info.channel_names),
        unit=info.unit,
        grid_rows=info.grid[0],
        grid_columns=info.grid[1],
    )
    message.header.stamp = time_to_ros(stamp_ns)
    message.header.frame_id = frame_id
    return message
