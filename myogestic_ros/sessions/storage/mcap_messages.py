"""The messages of one topic in MCAP files, a chunk of the file at a time.

The official library finds and unpacks the chunks. What is in one is looked through here: making
an object of every message would take ten times as long as reading the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import yaml
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Chunk, ChunkIndex
from mcap.stream_reader import get_chunk_data_stream
from mcap.summary import Summary
from numpy.typing import NDArray

__all__ = ['IndexedFile', 'Rows', 'files_in_order', 'message_rows']

RECORD = struct.Struct('<BQHIQ')
"""Of a message: opcode, length, channel, sequence, time of recording."""

HEADER = 31
"""Bytes of a message's record before its data."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages of one length that lie at equal distances.

    Attributes
    ----------
    data : bytes
        Where they lie.
    offset, stride, length, count : int
        Where the first begins, how far it is to the next, how long each is, how many they are.
    """

    data: bytes
    offset: int
    stride: int
    length: int
    count: int

    def bytes(self, number: int) -> bytes:
        """Return one message."""
        start = self.offset + number * self.stride
        return self.data[start : start + self.length]

    def times_ns(self) -> NDArray[np.int64]:
        """Return when each was recorded, ns; it stands in the record before it."""
        shape, start = (self.count, 8), self.offset - HEADER + 15
        times = np.ndarray(shape, np.uint8, self.data, start, (self.stride, 1))
        result: NDArray[np.int64] = np.ascontiguousarray(times).view('<i8')[:, 0]
        return result

    def array(self) -> NDArray[np.uint8]:
        """Return all as a view of shape (count, length)."""
        return np.ndarray(
            (self.count, self.length), np.uint8, self.data, self.offset, (self.stride, 1)
        )


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """An MCAP file, and what its index says."""

    path: Path
    summary: Summary

    @property
    def chunks(self) -> list[ChunkIndex]:
        """Its chunks, as they lie in it."""
        return sorted(self.summary.chunk_indexes, key=lambda index: index.chunk_start_offset)


def files_in_order(path: Path) -> list[IndexedFile]:
    """Return a bag's MCAP files, when what lies in them lies in the order of time.

    Parameters
    ----------
    path : Path
        Folder of the bag, or its only file.

    Returns
    -------
    list of IndexedFile
        Empty when it has others, or none, or their chunks overlap, or have no index.
    """
    files: list[IndexedFile] = []
    end_ns = 0
    for file in [path] if path.is_file() else _named(path / 'metadata.yaml'):
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


def _named(metadata: Path) -> list[Path]:
    """Return the files that the metadata of a bag names."""
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        content: Any = yaml.load(metadata.read_text(), loader)
        names = content['rosbag2_bagfile_information']['relative_file_paths']
        return [metadata.parent / PurePath(name).name for name in names]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return []


def message_rows(files: Sequence[IndexedFile], topic: str) -> Iterator[Rows]:
    """Yield the messages of a topic, in the order of their recording within each chunk.

    Parameters
    ----------
    files : sequence of IndexedFile
        As `files_in_order` returns them.
    topic : str
        Name of the topic.

    Raises
    ------
    OSError, ValueError, McapError
        When a file is damaged.
    """
    for file in files:
        channels = {c.id for c in file.summary.channels.values() if c.topic == topic}
        with file.path.open('rb') as stream:
            for index in file.chunks:
                held = index.message_index_offsets
                if held and channels.isdisjoint(held):
                    continue
                stream.seek(index.chunk_start_offset + 9)  # behind its opcode and length
                chunk = Chunk.read(ReadDataStream(stream))
                unpacked, size = get_chunk_data_stream(chunk, validate_crc=True)
                yield from _in_order(_rows(unpacked.read(size), channels))


def _rows(data: bytes, channels: set[int]) -> list[Rows]:
    """Return the messages of some channels as they lie, those at equal distances together."""
    found: list[Rows] = []
    position, end = 0, len(data) - RECORD.size
    wanted, unpack = int(Opcode.MESSAGE), RECORD.unpack_from
    while position <= end:
        opcode, length, channel, _, _ = unpack(data, position)
        stride = 9 + length
        count = 1
        if opcode == wanted and channel in channels:
            if data[position : position + 11] == data[position + stride : position + stride + 11]:
                count = _alike(data, position, stride)
            found.append(Rows(data, position + HEADER, stride, stride - HEADER, count))
        position += count * stride
    return found


def _alike(data: bytes, position: int, stride: int) -> int:
    """Count the records from a position on that are of one kind, channel and length."""
    most = (len(data) - position) // stride
    heads = np.ndarray((most, 11), np.uint8, data, position, (stride, 1))
    same = (heads == heads[0]).all(axis=1)
    return most if same.all() else int(same.argmin())


def _in_order(rows: list[Rows]) -> Iterator[Rows]:
    """Yield messages in the order of time; as they lie, when that is it."""
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
