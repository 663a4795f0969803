"""Write sessions of synthetic signals for the benches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Label, sample_time_ns
from myogestic_ros.sessions.exchange.encoder import Encoder
from myogestic_ros.sessions.reading.reader import EMG_FRAME, LABEL
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

__all__ = ['write_session']

START_NS = 1_700_000_000_000_000_000
FLUSH_EVERY = 25
"""Frames between two flushes: a quarter of a second, as in the recorder."""


def write_session(
    path: Path, rate: float, cues: Iterable[tuple[int, str, NDArray[np.float32]]]
) -> None:
    """Write a session with frames of 10 ms.

    Parameters
    ----------
    path : Path
        Folder of the session; it must not exist.
    rate : float
        Sampling frequency, Hz.
    cues : iterable of int, str and ndarray of float32, shape (n_samples, n_channels)
        Class index, class name and signal of each cue, in volt.
    """
    encoder, chunk, first = Encoder(), round(rate / 100), 0
    topics = [
        Topic('/emg', message_definition(EMG_FRAME), STREAM),
        Topic('/label', message_definition(LABEL), LATCHED),
    ]
    with SessionWriter(path, SessionInfo(), topics) as writer:
        for index, name, data in cues:
            stamp_ns = sample_time_ns(START_NS, first, rate)
            label = Label(stamp_ns, index, name, duration_s=len(data) / rate)
            writer.write('/label', encoder.label(label), stamp_ns)
            for start in range(0, len(data), chunk):
                at = first + start
                frame = Chunk(
                    at, sample_time_ns(START_NS, at, rate), rate, data[start : start + chunk]
                )
                writer.write('/emg', encoder.frame(frame, 'emg'), frame.stamp_ns)
                if at // chunk % FLUSH_EVERY == 0:
                    writer.flush()
            first += len(data)
