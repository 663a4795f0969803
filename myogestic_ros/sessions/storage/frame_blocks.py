"""Decode many serialized EmgFrames at once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.blocks import Block, iter_blocks
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS, SAMPLING_RATES
from myogestic_ros.sessions.storage.mcap_messages import Rows
from myogestic_ros.sessions.storage.message_conversion import MAX_SAMPLE

__all__ = ['frame_blocks']

BLOCK_BYTES = 2**21
"""Target size of a block, bytes of samples."""

LITTLE_ENDIAN = b'\x00\x01\x00\x00'
"""CDR encapsulation header of a little-endian message."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Memory layout of serialized EmgFrames of equal length.

    Attributes
    ----------
    first_sample, data : int
        Offsets of the field ``first_sample`` and of the samples, bytes.
    channels, n_samples : int
        Number of channels, and number of samples per frame.
    sampling_rate : float
        Sampling rate, Hz.
    """

    first_sample: int
    data: int
    channels: int
    n_samples: int
    sampling_rate: float

    @classmethod
    def from_message(cls, message: bytes) -> _Layout | None:
        """Return the layout of a frame; None if it is malformed or big-endian."""
        if message[:4] != LITTLE_ENDIAN or len(message) < 52:
            return None
        # CDR aligns each number to its size, relative to the end of the encapsulation header.
        (name_length,) = struct.unpack_from('<I', message, 12)
        first_sample = 4 + -(-(12 + name_length) // 8) * 8
        if first_sample + 24 > len(message):
            return None
        rate, channels, length = struct.unpack_from('<dII', message, first_sample + 8)
        data = first_sample + 24
        valid = 0 < channels <= MAX_CHANNELS and length and length % channels == 0
        if not valid or len(message) != data + 4 * length:
            return None
        if not SAMPLING_RATES[0] <= rate <= SAMPLING_RATES[1]:
            return None
        return cls(first_sample, data, channels, length // channels, rate)


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive frames of one layout; views of the file content."""

    layout: _Layout
    firsts: NDArray[np.int64]
    stamps_ns: NDArray[np.int64]
    samples: NDArray[np.uint8]  # (n_frames, bytes)

    @property
    def n_samples(self) -> int:
        return len(self.firsts) * self.layout.n_samples

    def continues(self, before: _Run) -> bool:
        """Return True if no sample is missing since another run of the same stream."""
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
    """Yield the frames of a stream as blocks of many frames.

    Parameters
    ----------
    rows : iterable of Rows
        Serialized EmgFrames in the order of time.
    decode : callable
        Decodes a single frame with the definition in the bag; returns None for a malformed frame.
        Used for frames whose layout differs from their neighbours.
    block_bytes : int
        Target size of a block, bytes of samples.

    Yields
    ------
    Block
        Samples of shape ``(n_samples, n_channels)``, in volt.
    """
    pending: list[_Run] = []
    size = 0
    for item in _runs(rows, decode):
        continues = isinstance(item, _Run) and (not pending or item.continues(pending[-1]))
        if pending and (not continues or size >= block_bytes):
            yield from _joined_blocks(pending)
            pending, size = [], 0
        if isinstance(item, _Run):
            pending.append(item)
            size += item.samples.size
        else:
            yield Block.from_chunks([item])
    if pending:
        yield from _joined_blocks(pending)


def _runs(rows: Iterable[Rows], decode: Callable[[bytes], Chunk | None]) -> Iterator[_Run | Chunk]:
    """Divide rows into runs of consecutive frames; yield other frames as chunks."""
    verified: _Layout | None = None
    for group in rows:
        layout = _Layout.from_message(group.bytes(0))
        if layout is not None and layout != verified:
            verified = layout if _matches(layout, group.bytes(0), decode(group.bytes(0))) else None
        if layout is None or layout != verified or not _have_layout(group, layout):
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
            yield _Run(layout, firsts[part], stamps[part], messages[part, layout.data :])


def _matches(layout: _Layout, message: bytes, chunk: Chunk | None) -> bool:
    """Return True if the layout gives the same content as the definition in the bag."""
    return (
        chunk is not None
        and chunk.data.shape == (layout.n_samples, layout.channels)
        and chunk.sampling_rate == layout.sampling_rate
        and chunk.first_sample == struct.unpack_from('<Q', message, layout.first_sample)[0]
        and chunk.data.tobytes() == message[layout.data :]
    )


def _have_layout(group: Rows, layout: _Layout) -> bool:
    """Return True if all frames have the frame_id, rate and size of the first, and valid indices."""
    messages = group.array()
    for start, stop in ((0, 4), (12, layout.first_sample), (layout.first_sample + 8, layout.data)):
        if not (messages[:, start:stop] == messages[0, start:stop]).all():
            return False
    firsts = _column(messages, layout.first_sample, '<i8')
    return bool((firsts >= 0).all() and (firsts <= MAX_SAMPLE).all())


def _column(messages: NDArray[np.uint8], offset: int, dtype: str) -> NDArray[np.int64]:
    """Return the number at an offset of each message, shape ``(n_messages,)``."""
    width = np.dtype(dtype).itemsize
    part = np.ascontiguousarray(messages[:, offset : offset + width])
    column: NDArray[np.int64] = part.view(dtype)[:, 0].astype(np.int64)
    return column


def _joined_blocks(runs: list[_Run]) -> Iterator[Block]:
    """Copy the samples of runs into one block; divide a block with non-finite samples."""
    layout = runs[0].layout
    data = np.empty((sum(run.n_samples for run in runs), layout.channels), np.float32)
    flat = data.reshape(-1).view(np.uint8)
    starts, at = [], 0
    for run in runs:
        size = run.samples.size
        start = at // (4 * layout.channels)
        starts.append(np.arange(len(run.firsts), dtype=np.int64) * run.layout.n_samples + start)
        flat[at : at + size].reshape(run.samples.shape)[:] = run.samples
        at += size
    block = Block(
        int(runs[0].firsts[0]),
        np.concatenate(starts),
        np.concatenate([run.stamps_ns for run in runs]),
        layout.sampling_rate,
        data,
    )
    if np.isfinite(data.sum()):
        yield block
    else:
        yield from iter_blocks(block.chunks())
