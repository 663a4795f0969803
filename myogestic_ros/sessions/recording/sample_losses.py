"""Count the samples that are missing in a recorded stream, from the indexes of its frames."""

from __future__ import annotations

import json
import struct
from collections import Counter

__all__ = ['SampleLosses', 'frame_span']

STAMP_END = 12
"""Offset of the length of frame_id: after the encapsulation (4 bytes) and the stamp (8 bytes)."""


def frame_span(data: bytes) -> tuple[int, int] | None:
    """Return the first sample and the number of samples of an EmgFrame, without decoding it.

    Parameters
    ----------
    data : bytes
        Serialized EmgFrame (CDR).

    Returns
    -------
    tuple of int or None
        Index of the first sample and number of samples; None for a malformed message.
    """
    try:
        order = '<' if data[1] & 1 else '>'
        (length,) = struct.unpack_from(f'{order}I', data, STAMP_END)
        offset = STAMP_END + length  # end of frame_id, relative to the end of the encapsulation
        offset += -offset % 8
        first, _, channels, size = struct.unpack_from(f'{order}QdII', data, offset + 4)
        return first, size // channels
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
            first, count = span
            self.lost[topic] += max(0, first - self._next.get(topic, first))
            self._next[topic] = first + count

    def add_dropped(self, topic: str, data: bytes) -> None:
        """Register a serialized EmgFrame that was not written.

        Its samples count as lost when the next frame is written, or on `finish`.
        """
        span = frame_span(data)
        if span is not None:
            first, count = span
            self._next.setdefault(topic, first)
            self._dropped[topic] = first + count

    def finish(self) -> None:
        """Count the samples that were dropped after the last written frame."""
        for topic, end in self._dropped.items():
            self.lost[topic] += max(0, end - self._next[topic])
            self._next[topic] = max(end, self._next[topic])

    def to_json(self) -> str:
        """Return the counts as JSON, as stored in the session info."""
        return json.dumps(dict(self.lost))
