"""Read the messages of one topic from MCAP files, chunk by chunk.

The official library locates the chunks. Their records are parsed here with NumPy:
creating an object for each message would take ten times as long as reading the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Chunk, ChunkIndex
from mcap.summary import Summary
from numpy.typing import NDArray

from myogestic_ros.sessions.storage.decompression import chunk_data
from myogestic_ros.sessions.storage.metadata import read_information

__all__ = ['IndexedFile', 'Rows', 'files_in_order', 'message_rows']

RECORD = struct.Struct('<BQHIQ')
"""Start of a message record: opcode, length, channel, sequence, log time."""

HEADER = 31
"""Size of a message record before its data, bytes."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages of equal length at equal distances in a buffer.

    Attributes
    ----------
    data : bytes
        Buffer.
    offset, stride, length : int
        Offset of the first message, distance between messages, and length of a message, bytes.
    count : int
        Number of messages.
    """

    data: bytes
    offset: int
    stride: int
    length: int
    count: int

    def bytes(self, index: int) -> bytes:
        """Return the serialized message with an index."""
        start = self.offset + index * self.stride
        return self.data[start : start + self.length]

    def times_ns(self) -> NDArray[np.int64]:
        """Return the log times, ns, shape ``(count,)``; each precedes its message."""
        shape, start = (self.count, 8), self.offset - HEADER + 15
        times: NDArray[np.uint8] = np.ndarray(shape, np.uint8, self.data, start, (self.stride, 1))
        result: NDArray[np.int64] = np.ascontiguousarray(times).view('<i8')[:, 0]
        return result

    def array(self) -> NDArray[np.uint8]:
        """Return the messages as a view of shape ``(count, length)``."""
        return np.ndarray(
            (self.count, self.length), np.uint8, self.data, self.offset, (self.stride, 1)
        )


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """MCAP file with its summary."""

    path: Path
    summary: Summary

    @property
    def chunks(self) -> list[ChunkIndex]:
        """Chunk indexes in the order of the file."""
        return sorted(self.summary.chunk_indexes, key=lambda index: index.chunk_start_offset)


def files_in_order(path: Path) -> list[IndexedFile]:
    """Return the MCAP files of a bag if their chunks are in the order of time.

    Parameters
    ----------
    path : Path
        Folder of the bag, or its only file.

    Returns
    -------
    list of IndexedFile
        Empty if a file is missing, is not an MCAP file or has no summary, or if chunks overlap.
    """
    files: list[IndexedFile] = []
    end_ns = 0
    for file in [path] if path.is_file() else _file_paths(path / 'metadata.yaml'):
        if file.suffix != '.mcap' or not file.is_file():
            return []
        with file.open('rb') as stream:
            summary = make_reader(stream).get_summary()
        if summary is None:
            return []
        files.append(IndexedFile(file, summary))
        for chunk in files[-1].chunks:
            if chunk.message_start_time < end_ns:
                return []
            end_ns = chunk.message_end_time
    return files


def _file_paths(metadata: Path) -> list[Path]:
    """Return the paths of the files listed in the metadata of a bag."""
    information = read_information(metadata) or {}
    try:
        return [
            metadata.parent / PurePath(name).name for name in information['relative_file_paths']
        ]
    except (KeyError, TypeError):
        return []


def message_rows(files: Sequence[IndexedFile], topic: str) -> Iterator[Rows]:
    """Yield the messages of a topic, sorted by log time within each chunk.

    Parameters
    ----------
    files : sequence of IndexedFile
        Result of `files_in_order`.
    topic : str
        Name of the topic.

    Raises
    ------
    OSError, ValueError, RuntimeError, McapError, zstandard.ZstdError
        If a file is damaged.
    SessionError
        If a chunk expands to more than the limit.
    """
    for file in files:
        channels = {c.id for c in file.summary.channels.values() if c.topic == topic}
        with file.path.open('rb') as stream:
            for index in file.chunks:
                offsets = index.message_index_offsets
                if offsets and channels.isdisjoint(offsets):
                    continue
                stream.seek(index.chunk_start_offset + 9)  # after opcode and length
                chunk = Chunk.read(ReadDataStream(stream))
                yield from _sorted_rows(_rows(chunk_data(chunk), channels))


def _rows(data: bytes, channels: set[int]) -> list[Rows]:
    """Return the messages of the given channels in file order, grouped by equal distances."""
    found: list[Rows] = []
    position, end = 0, len(data) - RECORD.size
    message, unpack = int(Opcode.MESSAGE), RECORD.unpack_from
    while position <= end:
        opcode, length, channel, _, _ = unpack(data, position)
        stride = 9 + length
        count = 1
        if opcode == message and channel in channels:
            if data[position : position + 11] == data[position + stride : position + stride + 11]:
                count = _count_equal(data, position, stride)
            found.append(Rows(data, position + HEADER, stride, stride - HEADER, count))
        position += count * stride
    return found


def _count_equal(data: bytes, position: int, stride: int) -> int:
    """Count the consecutive records with the same opcode, length and channel."""
    max_count = (len(data) - position) // stride
    heads: NDArray[np.uint8] = np.ndarray((max_count, 11), np.uint8, data, position, (stride, 1))
    same = (heads == heads[0]).all(axis=1)
    return max_count if same.all() else int(same.argmin())


def _sorted_rows(rows: list[Rows]) -> Iterator[Rows]:
    """Yield messages sorted by log time; unchanged if they are already sorted."""
    times = [group.times_ns() for group in rows]
    if not times or (np.diff(np.concatenate(times)) >= 0).all():
        yield from rows
        return
    single = [
        (time_ns, Rows(g.data, g.offset + n * g.stride, g.length, g.length, 1))
        for g, of_group in zip(rows, times, strict=True)
        for n, time_ns in enumerate(of_group.tolist())
    ]
    for _, row in sorted(single, key=lambda pair: pair[0]):
        yield row
