"""Frames of EMG as they lie in a recording, decoded many at once."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.blocks import Block, iter_blocks
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS
from myogestic_ros.sessions.storage.mcap_messages import Rows

__all__ = ['frame_blocks']

BLOCK_BYTES = 2**21
"""About so many bytes of samples make a block."""

LITTLE_ENDIAN = b'\x00\x01\x00\x00'
"""How a message in CDR begins, when its numbers are little-endian."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields of serialized EmgFrames of one kind are, and what is alike in all."""

    first_sample: int  # offset of the field
    data: int  # offset of the samples
    channels: int
    n_samples: int
    sampling_rate: float

    @classmethod
    def of(cls, message: bytes) -> _Layout | None:
        """Look at one frame; None when it is no frame that can be decoded here."""
        if message[:4] != LITTLE_ENDIAN or len(message) < 52:
            return None
        # Counted from behind the first four bytes, each number stands at a multiple of its size.
        (name_length,) = struct.unpack_from('<I', message, 12)
        first_sample = 4 + -(-(12 + name_length) // 8) * 8
        if first_sample + 24 > len(message):
            return None
        rate, channels, length = struct.unpack_from('<dII', message, first_sample + 8)
        data = first_sample + 24
        sound = 0 < channels <= MAX_CHANNELS and length and length % channels == 0
        if not sound or len(message) != data + 4 * length or not 0 < rate < math.inf:
            return None
        return cls(first_sample, data, channels, length // channels, rate)


@dataclass(frozen=True, slots=True)
class _Part:
    """Frames of one layout that continue one another, not copied yet."""

    layout: _Layout
    firsts: NDArray[np.int64]
    stamps_ns: NDArray[np.int64]
    samples: NDArray[np.uint8]  # (n_frames, bytes)

    @property
    def n_samples(self) -> int:
        return len(self.firsts) * self.layout.n_samples

    def continues(self, before: _Part) -> bool:
        """Tell whether nothing is missing between two parts of one stream."""
        return (
            self.layout.channels == before.layout.channels
            and self.layout.sampling_rate == before.layout.sampling_rate
            and self.firsts[0] == before.firsts[-1] + before.layout.n_samples
            and self.stamps_ns[0] >= before.stamps_ns[-1]
        )


def frame_blocks(
    rows: Iterable[Rows],
    decode: Callable[[bytes], Chunk | None],
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Block]:
    """Yield the frames of a stream as blocks.

    Parameters
    ----------
    rows : iterable of Rows
        Serialized EmgFrames, in order.
    decode : callable
        Decodes a single frame, for those that are unlike their neighbours; None: malformed.
    block_bytes : int
        About so many bytes of samples make a block.
    """
    waiting: list[_Part] = []
    size = 0
    for item in _parts(rows, decode):
        fits = isinstance(item, _Part) and (not waiting or item.continues(waiting[-1]))
        if waiting and (not fits or size >= block_bytes):
            yield from _joined(waiting)
            waiting, size = [], 0
        if isinstance(item, _Part):
            waiting.append(item)
            size += item.samples.size
        else:
            yield Block.from_chunks([item])
    if waiting:
        yield from _joined(waiting)


def _parts(
    rows: Iterable[Rows], decode: Callable[[bytes], Chunk | None]
) -> Iterator[_Part | Chunk]:
    """Divide rows where the frames do not continue one another."""
    trusted: _Layout | None = None
    for group in rows:
        layout = _Layout.of(group.bytes(0))
        if layout is not None and layout != trusted:
            trusted = layout if _agrees(layout, group.bytes(0), decode(group.bytes(0))) else None
        if layout is None or layout != trusted or not _all_alike(group, layout):
            chunks = (decode(group.bytes(number)) for number in range(group.count))
            yield from (chunk for chunk in chunks if chunk is not None)
            continue
        messages = group.array()
        stamps = _column(messages, 4, '<i4') * 10**9 + _column(messages, 8, '<u4')
        firsts = _column(messages, layout.first_sample, '<i8')
        breaks = (np.diff(firsts) != layout.n_samples) | (np.diff(stamps) < 0)
        edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), group.count]
        for start, stop in pairwise(edges):
            part = slice(start, stop)
            yield _Part(layout, firsts[part], stamps[part], messages[part, layout.data :])


def _agrees(layout: _Layout, message: bytes, chunk: Chunk | None) -> bool:
    """Tell whether a frame holds, by its definition in the bag, what is found in it here."""
    return (
        chunk is not None
        and chunk.data.shape == (layout.n_samples, layout.channels)
        and chunk.sampling_rate == layout.sampling_rate
        and chunk.first_sample == struct.unpack_from('<Q', message, layout.first_sample)[0]
        and chunk.data.tobytes() == message[layout.data :]
    )


def _all_alike(group: Rows, layout: _Layout) -> bool:
    """Tell whether all frames have the name, rate, channels and length of the first."""
    messages = group.array()
    for start, stop in ((0, 4), (12, layout.first_sample), (layout.first_sample + 8, layout.data)):
        if not (messages[:, start:stop] == messages[0, start:stop]).all():
            return False
    return True


def _column(messages: NDArray[np.uint8], offset: int, kind: str) -> NDArray[np.int64]:
    """Return the number at ``offset`` of each message."""
    width = np.dtype(kind).itemsize
    part = np.ascontiguousarray(messages[:, offset : offset + width])
    column: NDArray[np.int64] = part.view(kind)[:, 0].astype(np.int64)
    return column


def _joined(parts: list[_Part]) -> Iterator[Block]:
    """Copy the samples of some parts into one block; one that is not sound falls to pieces."""
    layout = parts[0].layout
    data = np.empty((sum(part.n_samples for part in parts), layout.channels), np.float32)
    flat = data.reshape(-1).view(np.uint8)
    starts, at = [], 0
    for part in parts:
        size = part.samples.size
        begin = at // (4 * layout.channels)
        starts.append(np.arange(len(part.firsts), dtype=np.int64) * part.layout.n_samples + begin)
        flat[at : at + size].reshape(part.samples.shape)[:] = part.samples
        at += size
    block = Block(
        int(parts[0].firsts[0]),
        np.concatenate(starts),
        np.concatenate([part.stamps_ns for part in parts]),
        layout.sampling_rate,
        data,
    )
    if np.isfinite(data.sum()):
        yield block
    else:
        yield from iter_blocks(block.chunks())
