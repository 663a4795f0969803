"""Compensate an electrode band that sits rotated, by a cyclic shift of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from myogestic_ros.core.signals import Chunk

__all__ = ['ChannelRotation']


class ChannelRotation:
    """Shift the channels of streams cyclically.

    Attributes
    ----------
    places : dict of str to int
        Number of places by which the channels of a stream move up; streams that are not rotated
        are left out.
    """

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def set(self, places: Mapping[str, int]) -> None:
        """Set the number of places of every stream; 0: not rotated."""
        self.places = {stream: count for stream, count in places.items() if count}

    def apply(self, stream: str, chunk: Chunk) -> Chunk:
        """Return a chunk of a stream with its channels shifted."""
        count = self.places.get(stream, 0)
        return replace(chunk, data=np.roll(chunk.data, count, axis=1)) if count else chunk
