"""The seam between messages and the types of the rooms below."""

from __future__ import annotations

import array
import math

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.intake import MAX_CHANNELS
from myogestic_ros.core.signals import Chunk, Label, StreamFacts
from myogestic_ros.msg import EmgFrame, StreamInfo
from myogestic_ros.msg import Label as LabelMessage

__all__ = [
    'chunk_from_ros',
    'chunk_to_ros',
    'joint_state_chunk',
    'label_from_ros',
    'label_to_ros',
    'stream_facts_from_ros',
    'stream_facts_to_ros',
    'time_from_ros',
    'time_to_ros',
]


def time_to_ros(stamp_ns: int) -> Time:
    """Return the message of a time in ns."""
    return Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)


def time_from_ros(stamp: Time) -> int:
    """Return the time in ns."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


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


def chunk_from_ros(message: EmgFrame) -> Chunk:
    """Return the chunk in a message, its samples a view of the message's.

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
    data = np.frombuffer(message.data, np.float32).reshape(-1, channels)
    return Chunk(int(message.first_sample), time_from_ros(message.header.stamp), rate, data)


def joint_state_chunk(message: JointState, sample: int, sampling_rate: float) -> Chunk:
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
    return Chunk(sample, time_from_ros(message.header.stamp), sampling_rate, data)


def label_to_ros(label: Label) -> LabelMessage:
    """Return the message of a label."""
    message = LabelMessage(index=label.index, name=label.name, repetition=label.repetition)
    message.header.stamp = time_to_ros(label.stamp_ns)
    return message


def label_from_ros(message: LabelMessage) -> Label:
    """Return the label in a message."""
    stamp_ns = time_from_ros(message.header.stamp)
    return Label(stamp_ns, int(message.index), message.name, int(message.repetition))


def stream_facts_to_ros(facts: StreamFacts, stamp_ns: int, frame_id: str = '') -> StreamInfo:
    """Return the message of what a stream is."""
    message = StreamInfo(
        name=facts.name,
        device=facts.device,
        serial=facts.serial,
        sampling_rate=facts.sampling_rate,
        channel_names=list(facts.channel_names),
        unit=facts.unit,
        grid_rows=facts.grid[0],
        grid_columns=facts.grid[1],
    )
    message.header.stamp = time_to_ros(stamp_ns)
    message.header.frame_id = frame_id
    return message


def stream_facts_from_ros(message: StreamInfo) -> StreamFacts:
    """Return what a stream is."""
    return StreamFacts(
        name=message.name,
        sampling_rate=float(message.sampling_rate),
        channel_names=tuple(message.channel_names),
        device=message.device,
        serial=message.serial,
        unit=message.unit,
        grid=(int(message.grid_rows), int(message.grid_columns)),
    )
