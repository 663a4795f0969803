"""Find the valid part of a truncated MCAP file."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any

from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    Header,
    McapRecord,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
)
from mcap.writer import MCAP0_MAGIC

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.storage.decompression import chunk_data

__all__ = ['REPAIR_RECORD', 'McapContent', 'chunk_records', 'has_footer', 'scan']

REPAIR_RECORD = 'myogestic_ros.recovered'
"""Name of the metadata record that a repair appends to the recorded data."""
RECORD_TYPES: dict[int, type[Any]] = {Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel}
DERIVED = {bytes([op]) for op in (Opcode.MESSAGE_INDEX, Opcode.METADATA, Opcode.DATA_END)}
"""Opcodes of records that contain no recorded data; if incomplete, they are written again."""
FOOTER_SIZE = 37
"""Size of the footer record and the magic bytes at the end of a file, bytes."""
RECORD_HEAD = struct.Struct('<BQ')
"""Opcode and length of a record."""

Visitor = Callable[[str, str, bytes], None]
"""Callback with topic, message type and serialized message."""


@dataclass
class McapContent:
    """Result of a scan.

    Attributes
    ----------
    size : int
        Size of the file, bytes.
    end : int
        Offset of the end of the last valid record; the summary is written from here.
    complete : bool
        True if the file has a footer and a readable summary.
    torn_bytes : int
        Bytes of recorded data in the incomplete record at the end.
    damaged_bytes : int
        Bytes of unreadable chunks before the end.
    schemas, channels : dict of int to Schema, Channel
        Schemas and channels by their ids.
    counts : dict of int to int
        Number of messages by id of the channel.
    start_ns, end_ns : int
        Smallest and largest log time, ns; 0 without messages.
    metadata : dict of str to dict
        Metadata records by name; for repeated names the last one.
    missing_indexes : list of MessageIndex
        Message indexes missing after the last chunk.
    chunks, metadata_indexes, attachment_indexes : list
        Indexes for the summary.
    """

    size: int
    end: int = 0
    complete: bool = False
    torn_bytes: int = 0
    damaged_bytes: int = 0
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    start_ns: int = 0
    end_ns: int = 0
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    missing_indexes: list[MessageIndex] = field(default_factory=list)
    chunks: list[ChunkIndex] = field(default_factory=list)
    metadata_indexes: list[MetadataIndex] = field(default_factory=list)
    attachment_indexes: list[AttachmentIndex] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """Number of messages."""
        return sum(self.counts.values())

    def add(self, message: Message) -> None:
        """Count a message and update the time range."""
        first = not self.counts
        self.counts[message.channel_id] = self.counts.get(message.channel_id, 0) + 1
        time_ns = message.log_time
        self.start_ns = time_ns if first else min(self.start_ns, time_ns)
        self.end_ns = max(self.end_ns, time_ns)


def has_footer(stream: IO[bytes]) -> bool:
    """Return True if an MCAP file ends with a footer."""
    size = stream.seek(0, os.SEEK_END)
    if size < len(MCAP0_MAGIC) + FOOTER_SIZE:
        return False
    stream.seek(size - FOOTER_SIZE)
    footer = stream.read(FOOTER_SIZE)
    return footer[:9] == RECORD_HEAD.pack(Opcode.FOOTER, 20) and footer.endswith(MCAP0_MAGIC)


def scan(stream: IO[bytes], visitor: Visitor = lambda topic, msgtype, data: None) -> McapContent:
    """Read all records of an MCAP file and verify the checksums of its chunks.

    Parameters
    ----------
    stream : file
        MCAP file, opened for reading.
    visitor : callable
        Called with topic, message type and serialized message for each valid message.

    Raises
    ------
    SessionError
        If the file is not in MCAP format, or a chunk expands to more than the limit.
    """
    content = McapContent(stream.seek(0, os.SEEK_END))
    stream.seek(0)
    magic = stream.read(len(MCAP0_MAGIC))
    if not MCAP0_MAGIC.startswith(magic.rstrip(b'\0')):
        raise SessionError(f'{getattr(stream, "name", "The file")} is not an MCAP file.')
    if magic == MCAP0_MAGIC:
        _Scanner(stream, content, visitor).run()
        content.complete = has_footer(stream) and _summary_is_readable(stream)
    return content


def _summary_is_readable(stream: IO[bytes]) -> bool:
    stream.seek(0)
    try:
        return SeekingReader(stream).get_summary() is not None
    except Exception:  # the reader raises various types for damaged files
        return False


class _Scanner:
    """Scan of the records of one file."""

    def __init__(self, stream: IO[bytes], content: McapContent, visitor: Visitor) -> None:
        self._stream = stream
        self._content = content
        self._visitor = visitor
        self._missing_indexes: list[MessageIndex] = []  # of the last chunk
        self._unreadable_bytes = 0  # since the last valid record

    def run(self) -> None:
        content = self._content
        position = self._stream.tell()
        while (record := self._next(position)) is not None:
            opcode, payload, after = record
            if opcode == Opcode.DATA_END or self._is_repair_record(opcode, payload):
                content.torn_bytes = position - content.end
                break
            try:
                self._process(opcode, payload, position)
            except SessionError:  # a chunk that expands to more than the limit
                raise
            except Exception:  # damaged; truncated if no valid record follows
                self._unreadable_bytes += after - position
            else:
                if opcode == Opcode.MESSAGE_INDEX and self._unreadable_bytes:
                    self._unreadable_bytes += after - position  # index of an unreadable chunk
                else:
                    content.damaged_bytes += self._unreadable_bytes
                    self._unreadable_bytes = 0
                    content.end = after
            position = after
        else:
            self._stream.seek(position)
            index = self._stream.read(1) in DERIVED
            content.torn_bytes = (position if index else content.size) - content.end
        content.missing_indexes = self._missing_indexes

    def _next(self, position: int) -> tuple[int, bytes, int] | None:
        """Return opcode, content and end offset of a record; None if it is incomplete."""
        self._stream.seek(position)
        head = self._stream.read(RECORD_HEAD.size)
        if len(head) < RECORD_HEAD.size:
            return None
        opcode, length = RECORD_HEAD.unpack(head)
        after = position + RECORD_HEAD.size + length
        if opcode == 0 or after > self._content.size:
            return None
        payload = self._stream.read(length)
        return (opcode, payload, after) if len(payload) == length else None

    def _is_repair_record(self, opcode: int, payload: bytes) -> bool:
        if opcode != Opcode.METADATA:
            return False
        with contextlib.suppress(Exception):  # damaged record
            record = Metadata.read(ReadDataStream(BytesIO(payload)))
            if record.name == REPAIR_RECORD:
                self._content.metadata[REPAIR_RECORD] = record.metadata
                return True
        return False

    def _process(self, opcode: int, payload: bytes, position: int) -> None:
        content = self._content
        stream = ReadDataStream(BytesIO(payload))
        length = RECORD_HEAD.size + len(payload)
        if opcode == Opcode.CHUNK:
            self._process_chunk(Chunk.read(stream), position, length)
            return
        if opcode == Opcode.MESSAGE_INDEX:
            self._process_index(MessageIndex.read(stream), position, length)
            return
        if opcode == Opcode.METADATA:
            metadata = Metadata.read(stream)
            content.metadata[metadata.name] = metadata.metadata
            content.metadata_indexes.append(MetadataIndex(position, length, metadata.name))
        elif opcode == Opcode.ATTACHMENT:
            a = Attachment.read(stream)
            content.attachment_indexes.append(
                AttachmentIndex(
                    position, length, a.create_time, a.log_time, len(a.data), a.name, a.media_type
                )
            )
        elif opcode == Opcode.MESSAGE:
            self._process_record(Message.read(stream, len(payload)))
        elif opcode in RECORD_TYPES:
            self._process_record(RECORD_TYPES[opcode].read(stream))
        elif opcode == Opcode.HEADER:
            if '\0' in Header.read(stream).profile:
                raise ValueError('profile of the header contains zeros')
        elif opcode < 0x80:  # larger opcodes are reserved for private records
            raise ValueError(f'record {opcode} in the data section')
        self._missing_indexes = []

    def _process_chunk(self, chunk: Chunk, position: int, length: int) -> None:
        records = chunk_records(chunk)
        known = {
            r.id for _, r in records if isinstance(r, Channel)
        } | self._content.channels.keys()
        if not known.issuperset(r.channel_id for _, r in records if isinstance(r, Message)):
            raise ValueError('message of an unknown channel')
        for _, record in records:
            self._process_record(record)
        times = [r.log_time for _, r in records if isinstance(r, Message)]
        self._missing_indexes = _message_indexes(records)
        self._content.chunks.append(
            ChunkIndex(
                chunk_length=length,
                chunk_start_offset=position,
                compression=chunk.compression,
                compressed_size=len(chunk.data),
                message_end_time=max(times, default=0),
                message_index_length=0,
                message_index_offsets={},
                message_start_time=min(times, default=0),
                uncompressed_size=chunk.uncompressed_size,
            )
        )

    def _process_index(self, index: MessageIndex, position: int, length: int) -> None:
        if self._unreadable_bytes or not self._content.chunks:
            return  # index of an unreadable chunk
        chunk = self._content.chunks[-1]
        chunk.message_index_offsets[index.channel_id] = position
        chunk.message_index_length += length
        self._missing_indexes = [
            own for own in self._missing_indexes if own.channel_id != index.channel_id
        ]

    def _process_record(self, record: McapRecord) -> None:
        content = self._content
        if isinstance(record, Schema):
            content.schemas[record.id] = record
        elif isinstance(record, Channel):
            content.channels[record.id] = record
        elif isinstance(record, Message):
            channel = content.channels[record.channel_id]
            content.add(record)
            schema = content.schemas.get(channel.schema_id)
            self._visitor(channel.topic, schema.name if schema else '', record.data)


def chunk_records(chunk: Chunk) -> list[tuple[int, McapRecord]]:
    """Return schemas, channels and messages of a chunk, with their offsets in it.

    Raises exceptions of various types if the chunk is damaged or its checksum is wrong, and
    `SessionError` if it expands to more than the limit.
    """
    data = chunk_data(chunk)
    stream, size = ReadDataStream(BytesIO(data)), len(data)
    records: list[tuple[int, McapRecord]] = []
    while stream.count < size:
        offset = stream.count
        opcode, length = RECORD_HEAD.unpack(stream.read(RECORD_HEAD.size))
        if opcode == Opcode.MESSAGE:
            records.append((offset, Message.read(stream, length)))
        elif opcode in RECORD_TYPES:
            records.append((offset, RECORD_TYPES[opcode].read(stream)))
        elif opcode == 0:
            raise ValueError('record with opcode 0')
        stream.read(offset + RECORD_HEAD.size + length - stream.count)
    return records


def _message_indexes(records: list[tuple[int, McapRecord]]) -> list[MessageIndex]:
    """Return the index of each channel of a chunk: log times and offsets of its messages."""
    indexes: dict[int, MessageIndex] = {}
    for offset, record in records:
        if isinstance(record, Message):
            index = indexes.setdefault(record.channel_id, MessageIndex(record.channel_id, []))
            index.records.append((record.log_time, offset))
    return list(indexes.values())
