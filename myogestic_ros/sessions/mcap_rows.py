"""The messages of one topic in MCAP files, a chunk of the file at a time.

The official library finds and unpacks the chunks. What is in one is looked through here: making
an object of every message would take ten times as long as reading the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import yaml
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Chunk
from mcap.stream_reader import get_chunk_data_stream
from numpy.typing import NDArray

__all__ = ['Rows', 'files_in_order', 'message_rows']

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

    def array(self) -> NDArray[np.uint8]:
        """Return all as a view of shape (count, length)."""
        return np.ndarray(
            (self.count, self.length), np.uint8, self.data, self.offset, (self.stride, 1)
        )


def files_in_order(path: Path) -> list[Path]:
    """Return a bag's MCAP files, when what lies in them lies in the order of time.

    Parameters
    ----------
    path : Path
        Folder of the bag, or its only file.

    Returns
    -------
    list of Path
        Empty when it has others, or none, or their chunks overlap, or have no index.
    """
    files = [path] if path.is_file() else _named(path / 'metadata.yaml')
    end_ns = 0
    for file in files:
        if file.suffix != '.mcap' or not file.is_file():
            return []
        with file.open('rb') as stream:
            summary = make_reader(stream).get_summary()
        if summary is None:
            return []
        for chunk in sorted(summary.chunk_indexes, key=lambda index: index.chunk_start_offset):
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


def message_rows(files: Sequence[Path], topic: str) -> Iterator[Rows]:
    """Yield the messages of a topic, in the order of their recording within each chunk.

    Parameters
    ----------
    files : sequence of Path
        MCAP files with an index, as `files_in_order` returns them.
    topic : str
        Name of the topic.

    Raises
    ------
    OSError, ValueError, McapError
        When a file is damaged.
    """
    for file in files:
        with file.open('rb') as stream:
            summary = make_reader(stream).get_summary()
            if summary is None:
                raise ValueError(f'{file} has no index')
            channels = {c.id for c in summary.channels.values() if c.topic == topic}
            for index in sorted(summary.chunk_indexes, key=lambda i: i.chunk_start_offset):
                held = index.message_index_offsets
                if held and channels.isdisjoint(held):
                    continue
                stream.seek(index.chunk_start_offset + 9)  # behind its opcode and length
                chunk = Chunk.read(ReadDataStream(stream))
                unpacked, size = get_chunk_data_stream(chunk, validate_crc=True)
                data = unpacked.read(size)
                yield from _rows(data, _find(data, channels))


def _find(data: bytes, channels: set[int]) -> list[tuple[int, int, int]]:
    """Return (time, offset, length) of the messages of some channels."""
    found: list[tuple[int, int, int]] = []
    position, end = 0, len(data) - RECORD.size
    wanted, unpack = int(Opcode.MESSAGE), RECORD.unpack_from
    while position <= end:
        opcode, length, channel, _, time_ns = unpack(data, position)
        if opcode == wanted and channel in channels:
            found.append((time_ns, position + HEADER, length + 9 - HEADER))
        position += 9 + length
    return found


def _rows(data: bytes, found: list[tuple[int, int, int]]) -> Iterator[Rows]:
    """Group messages that lie at equal distances."""
    if any(one[0] > two[0] for one, two in pairwise(found)):
        found = sorted(found, key=lambda message: message[0])
    start = 0
    while start < len(found):
        _, offset, length = found[start]
        stop = start + 1
        stride = found[stop][1] - offset if stop < len(found) else length
        while (
            stop < len(found)
            and found[stop][2] == length
            and found[stop][1] == offset + (stop - start) * stride
            and stride >= length
        ):
            stop += 1
        yield Rows(data, offset, stride, length, stop - start)
        start = stop
