"""How far an MCAP file is whole that may have lost its end."""

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
from mcap.stream_reader import get_chunk_data_stream
from mcap.writer import MCAP0_MAGIC

from myogestic_ros.core.errors import SessionError

__all__ = ['REPAIR', 'McapContent', 'has_end', 'scan']

REPAIR = 'myogestic_ros.recovered'
"""Name of the metadata record that a repair leaves; it stands behind all that was recorded."""
KINDS: dict[int, type[Any]] = {Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel}
NO_DATA = {bytes([op]) for op in (Opcode.MESSAGE_INDEX, Opcode.METADATA, Opcode.DATA_END)}
"""Records that cost nothing when they are torn: they can be written anew."""
FOOTER_SIZE = 37
HEAD = struct.Struct('<BQ')

Visit = Callable[[str, str, bytes], None]
"""Called with topic, message type and serialized message."""


@dataclass
class McapContent:
    """What a scan has found.

    Attributes
    ----------
    end : int
        Where the whole records end, and what is missing belongs.
    size : int
        Size of the file, bytes.
    whole : bool
        Whether it has its end.
    torn, damaged : int
        Bytes of data at the end, and in chunks before it, that cannot be read.
    metadata : dict of str to dict
        Metadata records by name; of several the last.
    """

    size: int
    end: int = 0
    whole: bool = False
    torn: int = 0
    damaged: int = 0
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    start_ns: int = 0
    end_ns: int = 0
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: list[MessageIndex] = field(default_factory=list)
    chunks: list[ChunkIndex] = field(default_factory=list)
    metadata_indexes: list[MetadataIndex] = field(default_factory=list)
    attachment_indexes: list[AttachmentIndex] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """Number of messages."""
        return sum(self.counts.values())

    def note(self, message: Message) -> None:
        """Count a message."""
        first = not self.counts
        self.counts[message.channel_id] = self.counts.get(message.channel_id, 0) + 1
        time_ns = message.log_time
        self.start_ns = time_ns if first else min(self.start_ns, time_ns)
        self.end_ns = max(self.end_ns, time_ns)


def has_end(stream: IO[bytes]) -> bool:
    """Tell whether a file has its footer."""
    size = stream.seek(0, os.SEEK_END)
    if size < len(MCAP0_MAGIC) + FOOTER_SIZE:
        return False
    stream.seek(size - FOOTER_SIZE)
    footer = stream.read(FOOTER_SIZE)
    return footer[:9] == HEAD.pack(Opcode.FOOTER, 20) and footer.endswith(MCAP0_MAGIC)


def scan(stream: IO[bytes], visit: Visit = lambda topic, msgtype, data: None) -> McapContent:
    """Return what a file holds, reading every record; chunks have to fit their checksum.

    Raises
    ------
    SessionError
        When it is something else than MCAP.
    """
    content = McapContent(stream.seek(0, os.SEEK_END))
    stream.seek(0)
    magic = stream.read(len(MCAP0_MAGIC))
    if not MCAP0_MAGIC.startswith(magic.rstrip(b'\0')):
        raise SessionError(f'{getattr(stream, "name", "It")} is no MCAP file.')
    if magic == MCAP0_MAGIC:
        _Scanner(stream, content, visit).run()
        content.whole = has_end(stream) and _summary_is_readable(stream)
    return content


def _summary_is_readable(stream: IO[bytes]) -> bool:
    stream.seek(0)
    try:
        return SeekingReader(stream).get_summary() is not None
    except Exception:  # rubbish makes its reader raise all kinds
        return False


class _Scanner:
    """Walks through the records of one file."""

    def __init__(self, stream: IO[bytes], content: McapContent, visit: Visit) -> None:
        self._stream = stream
        self._content = content
        self._visit = visit
        self._last: list[MessageIndex] = []  # what belongs behind the last chunk, and is not there
        self._doubtful = 0  # bytes of chunks that cannot be read, since the last one that can

    def run(self) -> None:
        content = self._content
        position = self._stream.tell()
        while (record := self._next(position)) is not None:
            opcode, payload, after = record
            if opcode == Opcode.DATA_END or self._is_of_a_repair(opcode, payload):
                content.torn = position - content.end
                break
            try:
                self._take(opcode, payload, position)
            except Exception:  # rubbish; at the end of the file it is cut
                self._doubtful += after - position
            else:
                if opcode == Opcode.MESSAGE_INDEX and self._doubtful:
                    self._doubtful += after - position  # of a chunk that cannot be read
                else:
                    content.damaged += self._doubtful
                    self._doubtful = 0
                    content.end = after
            position = after
        else:
            self._stream.seek(position)
            index = self._stream.read(1) in NO_DATA
            content.torn = (position if index else content.size) - content.end
        content.missing = self._last

    def _next(self, position: int) -> tuple[int, bytes, int] | None:
        """Return opcode and content of a record, and where it ends; None when it is torn."""
        self._stream.seek(position)
        head = self._stream.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        opcode, length = HEAD.unpack(head)
        after = position + HEAD.size + length
        if opcode == 0 or after > self._content.size:
            return None
        payload = self._stream.read(length)
        return (opcode, payload, after) if len(payload) == length else None

    def _is_of_a_repair(self, opcode: int, payload: bytes) -> bool:
        if opcode != Opcode.METADATA:
            return False
        with contextlib.suppress(Exception):  # rubbish
            record = Metadata.read(ReadDataStream(BytesIO(payload)))
            if record.name == REPAIR:
                self._content.metadata[REPAIR] = record.metadata
                return True
        return False

    def _take(self, opcode: int, payload: bytes, position: int) -> None:
        content = self._content
        stream = ReadDataStream(BytesIO(payload))
        length = HEAD.size + len(payload)
        if opcode == Opcode.CHUNK:
            self._take_chunk(Chunk.read(stream), position, length)
            return
        if opcode == Opcode.MESSAGE_INDEX:
            self._take_index(MessageIndex.read(stream), position, length)
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
            self._take_record(Message.read(stream, len(payload)))
        elif opcode in KINDS:
            self._take_record(KINDS[opcode].read(stream))
        elif opcode == Opcode.HEADER:
            if '\0' in Header.read(stream).profile:
                raise ValueError('zeros where a name was expected')
        elif opcode < 0x80:  # those above are anybody's
            raise ValueError(f'record {opcode} in the data section')
        self._last = []

    def _take_chunk(self, chunk: Chunk, position: int, length: int) -> None:
        records = _records(chunk)
        known = {
            r.id for _, r in records if isinstance(r, Channel)
        } | self._content.channels.keys()
        if not known.issuperset(r.channel_id for _, r in records if isinstance(r, Message)):
            raise ValueError('a message of no known channel')
        for _, record in records:
            self._take_record(record)
        times = [r.log_time for _, r in records if isinstance(r, Message)]
        self._last = _message_indexes(records)
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

    def _take_index(self, index: MessageIndex, position: int, length: int) -> None:
        if self._doubtful or not self._content.chunks:
            return  # it belongs to a chunk that cannot be read
        chunk = self._content.chunks[-1]
        chunk.message_index_offsets[index.channel_id] = position
        chunk.message_index_length += length
        self._last = [own for own in self._last if own.channel_id != index.channel_id]

    def _take_record(self, record: McapRecord) -> None:
        content = self._content
        if isinstance(record, Schema):
            content.schemas[record.id] = record
        elif isinstance(record, Channel):
            content.channels[record.id] = record
        elif isinstance(record, Message):
            channel = content.channels[record.channel_id]
            content.note(record)
            schema = content.schemas.get(channel.schema_id)
            self._visit(channel.topic, schema.name if schema else '', record.data)


def _records(chunk: Chunk) -> list[tuple[int, McapRecord]]:
    """Return schemas, channels and messages of a chunk, and where in it each begins.

    Raises whatever there is when it does not fit its checksum or has been damaged.
    """
    stream, size = get_chunk_data_stream(chunk, validate_crc=True)
    records: list[tuple[int, McapRecord]] = []
    while stream.count < size:
        offset = stream.count
        opcode, length = HEAD.unpack(stream.read(HEAD.size))
        if opcode == Opcode.MESSAGE:
            records.append((offset, Message.read(stream, length)))
        elif opcode in KINDS:
            records.append((offset, KINDS[opcode].read(stream)))
        elif opcode == 0:
            raise ValueError('zeros where a record was expected')
        stream.read(offset + HEAD.size + length - stream.count)
    return records


def _message_indexes(records: list[tuple[int, McapRecord]]) -> list[MessageIndex]:
    """Return the indexes of a chunk: when, and where in it, the messages of each channel are."""
    indexes: dict[int, MessageIndex] = {}
    for offset, record in records:
        if isinstance(record, Message):
            index = indexes.setdefault(record.channel_id, MessageIndex(record.channel_id, []))
            index.records.append((record.log_time, offset))
    return list(indexes.values())
