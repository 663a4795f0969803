"""What a message holds, whoever decoded it.

A function here takes anything with the fields of the message: ROS's own class live, the one that
rosbags makes when a bag is read. So a frame means the same in both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS

__all__ = [
    'chunk_of_frame',
    'chunk_of_joints',
    'stream_info_of',
    'joint_names_of',
    'label_of',
    'stamp_of',
    'time_ns',
]


def time_ns(stamp: Any) -> int:
    """Return a Time in ns."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def stamp_of(message: Any) -> int:
    """Return the stamp in a message's header, ns."""
    return time_ns(message.header.stamp)


def chunk_of_frame(message: Any) -> Chunk:
    """Return the chunk in an EmgFrame, its samples a view of the message's.

    Raises
    ------
    SignalError
        When the frame's numbers contradict one another. Samples that are not finite are left to
        the core to find.
    """
    channels, length = int(message.channels), len(message.data)
    if not 0 < channels <= MAX_CHANNELS:
        raise SignalError(f'it claims {channels} channels, expected 1 to {MAX_CHANNELS}.')
    if length % channels:
        raise SignalError(
            f'it holds {length} numbers for {channels} channels, expected a multiple of '
            f'{channels}.'
        )
    rate = float(message.sampling_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise SignalError(f'its sampling_rate is {rate:g} Hz, expected a positive number.')
    data = np.asarray(message.data, np.float32).reshape(-1, channels)
    return Chunk(int(message.first_sample), stamp_of(message), rate, data)


def chunk_of_joints(message: Any, sample: int, sampling_rate: float) -> Chunk:
    """Return the positions in a JointState as one sample.

    Parameters
    ----------
    message : JointState
        Positions in rad or m, one channel per joint.
    sample : int
        Running index to give it.
    sampling_rate : float
        Nominal rate of the stream, Hz.

    Raises
    ------
    SignalError
        When it has no positions.
    """
    if not len(message.position):
        raise SignalError('it holds no joint positions.')
    data = np.asarray(message.position, np.float32)[np.newaxis]
    return Chunk(sample, stamp_of(message), sampling_rate, data)


def joint_names_of(message: Any) -> tuple[str, ...]:
    """Return the names of the joints in a JointState."""
    return tuple(str(name) for name in message.name)


def label_of(message: Any) -> Label:
    """Return the label in a Label message."""
    duration_s = float(getattr(message, 'duration', 0.0))  # bags from before have none
    return Label(
        stamp_of(message),
        int(message.index),
        str(message.name),
        int(message.repetition),
        duration_s if math.isfinite(duration_s) and duration_s > 0 else 0.0,
    )


def stream_info_of(message: Any) -> StreamInfo:
    """Return what a StreamInfo message says of its stream."""
    return StreamInfo(
        name=message.name,
        sampling_rate=float(message.sampling_rate),
        channel_names=tuple(message.channel_names),
        device=message.device,
        serial=message.serial,
        unit=message.unit,
        grid=(int(message.grid_rows), int(message.grid_columns)),
    )
