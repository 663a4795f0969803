"""Convert decoded messages to the classes of `myogestic_ros.core.signals`.

The functions accept any object with the fields of the message: the class of rclpy in a node, the
class of rosbags when a bag is read. Both are therefore converted in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import MAX_CLASSES, NO_CLASS, Chunk, Label, StreamInfo
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS, SAMPLING_RATES
from myogestic_ros.core.untrusted import MAX_NAME, clean_name

__all__ = [
    'MAX_DURATION_S',
    'MAX_SAMPLE',
    'chunk_from_frame',
    'chunk_from_joint_state',
    'joint_names_from_message',
    'label_corrections',
    'label_from_message',
    'stamp_from_message',
    'stream_info_from_message',
    'time_ns',
]

MAX_DURATION_S = 24 * 3600.0
"""Longest planned duration of a label, s, as of a protocol; a longer one counts as not planned."""

MAX_SAMPLE = 2**62
"""Largest index of a sample: NumPy computes with 64 bits."""


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
    rate, (low, high) = float(message.sampling_rate), SAMPLING_RATES
    if not low <= rate <= high:
        raise SignalError(f'sampling_rate is {rate:g} Hz, expected {low:g} to {high:g} Hz.')
    if message.first_sample > MAX_SAMPLE:
        raise SignalError(f'first_sample is {message.first_sample}, expected at most 2^62.')
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
        If the message has no positions, or too many.
    """
    if not len(message.position):
        raise SignalError('position is empty, expected one value for each joint.')
    if len(message.position) > MAX_CHANNELS:
        raise SignalError(
            f'position has {len(message.position)} values, expected at most {MAX_CHANNELS}.'
        )
    data = np.asarray(message.position, np.float32)[np.newaxis]
    return Chunk(sample, stamp_from_message(message), sampling_rate, data)


def joint_names_from_message(message: Any) -> tuple[str, ...]:
    """Return the joint names of a JointState."""
    return tuple(clean_name(str(name)) for name in message.name[:MAX_CHANNELS])


def label_from_message(message: Any) -> Label:
    """Return the label of a Label message; `label_corrections` tells what was corrected."""
    if message.index >= MAX_CLASSES:
        return Label(stamp_from_message(message), NO_CLASS)
    duration_s = _duration_s(message)
    return Label(
        stamp_from_message(message),
        int(message.index),
        clean_name(str(message.name)),
        int(message.repetition),
        duration_s if 0 < duration_s <= MAX_DURATION_S else 0.0,
    )


def label_corrections(message: Any) -> list[str]:
    """Return the values of a Label message that `label_from_message` corrects; usually none."""
    name, duration_s = str(message.name), _duration_s(message)
    found = []
    if message.index >= MAX_CLASSES:
        found.append(f'class index {message.index}')
    if len(name) > MAX_NAME:
        found.append(f'a name of {len(name)} characters')
    elif clean_name(name) != name:
        found.append(f"the name '{clean_name(name)}' with control characters")
    if not 0 <= duration_s <= MAX_DURATION_S:
        found.append(f'a planned duration of {duration_s:g} s')
    return found


def _duration_s(message: Any) -> float:
    return float(getattr(message, 'duration', 0.0))  # missing in older bags


def stream_info_from_message(message: Any) -> StreamInfo:
    """Return the stream info of a StreamInfo message."""
    return StreamInfo(
        name=clean_name(message.name),
        sampling_rate=float(message.sampling_rate),
        channel_names=tuple(map(clean_name, message.channel_names[:MAX_CHANNELS])),
        device=clean_name(message.device),
        serial=clean_name(message.serial),
        unit=clean_name(message.unit),
        grid=(int(message.grid_rows), int(message.grid_columns)),
        # missing in older bags
        grid_places=tuple(int(place) for place in getattr(message, 'grid_places', ())),
    )
