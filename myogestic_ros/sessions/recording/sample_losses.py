"""Samples that are missing from a recorded stream, counted by the index of its samples."""

from __future__ import annotations

import json
import struct
from collections import Counter

__all__ = ['SampleLosses', 'frame_span']

STAMP_END = 12
"""Encapsulation (4 bytes) and stamp (8) stand before the length of frame_id."""


def frame_span(data: bytes) -> tuple[int, int] | None:
    """Return first sample and number of samples of a serialized EmgFrame, without decoding it.

    None when it is malformed.
    """
    try:
        order = '<' if data[1] & 1 else '>'
        (length,) = struct.unpack_from(f'{order}I', data, STAMP_END)
        offset = STAMP_END + length  # behind frame_id, counted from behind the encapsulation
        offset += -offset % 8
        first, _, channels, size = struct.unpack_from(f'{order}QdII', data, offset + 4)
        return first, size // channels
    except (struct.error, IndexError, ZeroDivisionError):
        return None


class SampleLosses:
    """Count what is missing between the frames that were written, stream by stream.

    A jump of the index counts, whoever lost what was in it: the device, the network, or a queue
    that was full. An index that begins anew is a driver that was activated again, not a loss.

    Attributes
    ----------
    lost : Counter of str
        Samples missing so far, by topic; a stream that lost none is in it with 0.
    """

    def __init__(self) -> None:
        self.lost: Counter[str] = Counter()
        self._next: dict[str, int] = {}
        self._missed: dict[str, int] = {}

    @property
    def total(self) -> int:
        """Samples missing so far, of all streams."""
        return sum(self.lost.values())

    def written(self, topic: str, data: bytes) -> None:
        """Take note of a frame that was written."""
        span = frame_span(data)
        if span is not None:
            first, count = span
            self.lost[topic] += max(0, first - self._next.get(topic, first))
            self._next[topic] = first + count

    def missed(self, topic: str, data: bytes) -> None:
        """Take note of a frame that was not written; the next one that is tells what is lost."""
        span = frame_span(data)
        if span is not None:
            first, count = span
            self._next.setdefault(topic, first)
            self._missed[topic] = first + count

    def end(self) -> None:
        """Count what was missed since the last frame that was written."""
        for topic, end in self._missed.items():
            self.lost[topic] += max(0, end - self._next[topic])
            self._next[topic] = max(end, self._next[topic])

    def to_text(self) -> str:
        """Return the counts as a session's info keep them."""
        return json.dumps(dict(self.lost))
