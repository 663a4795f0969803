"""Count the samples that are missing in a recorded stream, from the indexes of its frames."""

from __future__ import annotations

import json
import struct
from collections import Counter
from typing import NamedTuple

__all__ = ['FrameSpan', 'SampleLosses', 'frame_span']

STAMP_END = 12
"""Offset of the length of frame_id: after the encapsulation (4 bytes) and the stamp (8 bytes)."""


class FrameSpan(NamedTuple):
    """Index of a frame's first sample, number of samples, and sampling rate in Hz."""

    first_sample: int
    n_samples: int
    sampling_rate: float

    @property
    def end_sample(self) -> int:
        """Index after the last sample."""
        return self.first_sample + self.n_samples

    @property
    def duration_s(self) -> float:
        """Duration, s; 0 if the sampling rate is not positive."""
        return self.n_samples / self.sampling_rate if self.sampling_rate > 0 else 0.0


def frame_span(data: bytes) -> FrameSpan | None:
    """Return which samples an EmgFrame contains, without decoding it.

    Parameters
    ----------
    data : bytes
        Serialized EmgFrame (CDR).

    Returns
    -------
    FrameSpan or None
        None for a malformed message.
    """
    try:
        order = '<' if data[1] & 1 else '>'
        (length,) = struct.unpack_from(f'{order}I', data, STAMP_END)
        offset = STAMP_END + length  # end of frame_id, relative to the end of the encapsulation
        offset += -offset % 8
        first, rate, channels, size = struct.unpack_from(f'{order}QdII', data, offset + 4)
        return FrameSpan(first, size // channels, rate)
    except (struct.error, IndexError, ZeroDivisionError):
        return None


class SampleLosses:
    """Count the samples missing between the recorded frames of each stream.

    Every gap in the sample index counts, no matter if the device, the network or a full queue
    lost the samples. An index that starts again indicates a restarted driver, not a loss.

    Attributes
    ----------
    lost : Counter of str
        Missing samples by topic; includes topics without losses.
    """

    def __init__(self) -> None:
        self.lost: Counter[str] = Counter()
        self._next: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    @property
    def total(self) -> int:
        """Missing samples of all streams."""
        return sum(self.lost.values())

    def add_written(self, topic: str, data: bytes) -> None:
        """Register a serialized EmgFrame that was written."""
        span = frame_span(data)
        if span is not None:
            first = span.first_sample
            self.lost[topic] += max(0, first - self._next.get(topic, first))
            self._next[topic] = span.end_sample

    def add_dropped(self, topic: str, data: bytes) -> None:
        """Register a serialized EmgFrame that was not written.

        Its samples count as lost when the next frame is written, or on `finish`.
        """
        span = frame_span(data)
        if span is not None:
            self._next.setdefault(topic, span.first_sample)
            self._dropped[topic] = span.end_sample

    def finish(self) -> None:
        """Count the samples that were dropped after the last written frame."""
        for topic, end in self._dropped.items():
            self.lost[topic] += max(0, end - self._next[topic])
            self._next[topic] = max(end, self._next[topic])

    def to_json(self) -> str:
        """Return the counts as JSON, as stored in the session info."""
        return json.dumps(dict(self.lost))
