"""Messages and bags for tests, written without the writer of this package where required."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from myogestic_ros.core.signals import sample_time_ns
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition, typestore
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

EMG = 'myogestic_ros/msg/EmgFrame'
LABEL = 'myogestic_ros/msg/Label'
START_NS = 1_700_000_000_000_000_000

STORE = typestore({EMG: message_definition(EMG).text, LABEL: message_definition(LABEL).text})


def header(stamp_ns: int) -> Any:
    """Return a Header message with a stamp."""
    time = STORE.types['builtin_interfaces/msg/Time'](stamp_ns // 10**9, stamp_ns % 10**9)
    return STORE.types['std_msgs/msg/Header'](time, 'array')


def frame(
    first: int, data: np.ndarray, rate: float = 2000.0, channels: int | None = None
) -> tuple[bytes, int]:
    """Return a serialized EmgFrame of data (n_samples, n_channels), in volt, and its stamp, ns."""
    stamp_ns = sample_time_ns(START_NS, first, rate)
    message = STORE.types[EMG](
        header(stamp_ns), first, rate, channels or data.shape[1], data.astype(np.float32).ravel()
    )
    return bytes(STORE.serialize_cdr(message, EMG)), stamp_ns


def label(
    index: int, name: str, stamp_ns: int, repetition: int = -1, duration: float = 0.0
) -> bytes:
    """Return a serialized Label."""
    message = STORE.types[LABEL](header(stamp_ns), index, name, repetition, duration)
    return bytes(STORE.serialize_cdr(message, LABEL))


def topics() -> list[Topic]:
    """Return the topics ``/emg`` and ``/label``."""
    return [
        Topic('/emg', message_definition(EMG), STREAM),
        Topic('/label', message_definition(LABEL), LATCHED),
    ]


Item = tuple[str, bytes, int]


def protocol(
    cues: list[tuple[int, str, float]],
    *,
    rate: float = 2000.0,
    channels: int = 2,
    chunk: int = 20,
    lose: tuple[int, int] = (0, 0),
) -> list[Item]:
    """Return (topic, serialized message, log time in ns) of cues and of a signal.

    ``cues`` are (index, name, duration in s). Channel c of sample i has the value i + c / 10.
    Chunks whose first sample is in the range ``lose`` are omitted.
    """
    items: list[Item] = []
    at_s = 0.0
    for index, name, seconds in cues:
        stamp_ns = START_NS + round(at_s * 1e9)
        items.append(('/label', label(index, name, stamp_ns), stamp_ns))
        at_s += seconds
    for first in range(0, round(at_s * rate), chunk):
        if lose[0] <= first < lose[1]:
            continue
        samples = np.arange(first, first + chunk)[:, None] + np.arange(channels) / 10
        data, stamp_ns = frame(first, samples, rate)
        items.append(('/emg', data, stamp_ns))
    return sorted(items, key=lambda item: (item[2], item[0] == '/emg'))


def write(path: Path, items: list[Item], names: tuple[str, ...] = ()) -> Path:
    """Write a session with the writer of this package."""
    with SessionWriter(path, SessionInfo(class_names=names), topics()) as writer:
        for topic, data, time_ns in items:
            writer.write(topic, data, time_ns)
    return path


def session_in(message: str) -> str:
    """Return the path of the session in a message of the recorder."""
    return message.partition('Recording ')[2].removesuffix('.')


def fill_mcap(writer: Any, items: list[Item]) -> None:
    """Write items with a started writer of the mcap library, and finish it."""
    channels = {}
    for topic, msgtype in (('/emg', EMG), ('/label', LABEL)):
        text = message_definition(msgtype).text.encode()
        schema = writer.register_schema(msgtype, 'ros2msg', text)
        channels[topic] = writer.register_channel(topic, 'cdr', schema)
    for topic, data, time_ns in items:
        writer.add_message(channels[topic], time_ns, data, time_ns)
    writer.finish()
