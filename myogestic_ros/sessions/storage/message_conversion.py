"""Convert decoded messages to the classes of `myogestic_ros.core.signals`.

The functions accept any object with the fields of the message: the class of rclpy in a node, the
class of rosbags when a bag is read. Both are therefore converted in the same way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS

__all__ = [
    'chunk_from_frame',
    'chunk_from_joint_state',
    'joint_names_from_message',
    'label_from_message',
    'stamp_from_message',
    'stream_info_from_message',
    'time_ns',
]


def time_ns(stamp: Any) -> int:
    """Return a builtin_interfaces/Time in ns."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def stamp_from_message(message: Any) -> int:
    """Return the stamp in the header of a message, ns."""
    return time_ns(message.header.stamp)


def chunk_from_frame(message: Any) -> Chunk:
    """Return the chunk of an EmgFrame; its data, (n_samples, n_channels), is a view if possible.

    Raises
    ------
    SignalError
        If the fields contradict each other. Non-finite samples are accepted; the pipeline
        checks for them.
    """
    channels, length = int(message.channels), len(message.data)
    if not 0 < channels <= MAX_CHANNELS:
        raise SignalError(f'channels is {channels}, expected 1 to {MAX_CHANNELS}.')
    if length % channels:
        raise SignalError(
            f'data has {length} values for {channels} channels, expected a multiple of {channels}.'
        )
    rate = float(message.sampling_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise SignalError(f'sampling_rate is {rate:g} Hz, expected a positive number.')
    data = np.asarray(message.data, np.float32).reshape(-1, channels)
    return Chunk(int(message.first_sample), stamp_from_message(message), rate, data)


def chunk_from_joint_state(message: Any, sample: int, sampling_rate: float) -> Chunk:
    """Return the joint positions of a JointState as a chunk of one sample.

    Parameters
    ----------
    message : JointState
        Positions in rad or m.
    sample : int
        Index of the sample in the stream.
    sampling_rate : float
        Nominal rate of the stream, Hz.

    Returns
    -------
    Chunk
        Data of shape ``(1, n_joints)``.

    Raises
    ------
    SignalError
        If the message has no positions.
    """
    if not len(message.position):
        raise SignalError('position is empty, expected one value for each joint.')
    data = np.asarray(message.position, np.float32)[np.newaxis]
    return Chunk(sample, stamp_from_message(message), sampling_rate, data)


def joint_names_from_message(message: Any) -> tuple[str, ...]:
    """Return the joint names of a JointState."""
    return tuple(str(name) for name in message.name)


def label_from_message(message: Any) -> Label:
    """Return the label of a Label message."""
    duration_s = float(getattr(message, 'duration', 0.0))  # missing in older bags
    return Label(
        stamp_from_message(message),
        int(message.index),
        str(message.name),
        int(message.repetition),
        duration_s if math.isfinite(duration_s) and duration_s > 0 else 0.0,
    )


def stream_info_from_message(message: Any) -> StreamInfo:
    """Return the stream info of a StreamInfo message."""
    return StreamInfo(
        name=message.name,
        sampling_rate=float(message.sampling_rate),
        channel_names=tuple(message.channel_names),
        device=message.device,
        serial=message.serial,
        unit=message.unit,
        grid=(int(message.grid_rows), int(message.grid_columns)),
    )
