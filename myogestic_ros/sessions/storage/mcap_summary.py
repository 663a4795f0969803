"""Writing what an MCAP file is missing that has lost its end."""

from __future__ import annotations

import os
import struct
import zlib
from typing import IO, Any

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    DataEnd,
    Footer,
    Header,
    Metadata,
    MetadataIndex,
    Statistics,
    SummaryOffset,
)
from mcap.writer import MCAP0_MAGIC

from myogestic_ros.sessions.storage.mcap_scan import HEAD, REPAIR, McapContent

__all__ = ['complete']


def complete(stream: IO[bytes], content: McapContent, recovered: dict[str, str]) -> None:
    """Cut what is torn, and write what is missing behind what is whole.

    Interrupted at any moment, it can be done again: a scan finds the same content.

    Parameters
    ----------
    stream : file
        Open for reading and writing, at any place.
    content : McapContent
        What `scan` has found in it.
    recovered : dict of str to str
        What a metadata record `REPAIR` is to say.
    """
    tail = RecordBuilder()
    if content.end == 0:
        tail.write(MCAP0_MAGIC)
        Header('ros2', 'myogestic_ros').write(tail)
    for index in content.missing:
        chunk = content.chunks[-1]
        chunk.message_index_offsets[index.channel_id] = content.end + tail.count
        before = tail.count
        index.write(tail)
        chunk.message_index_length += tail.count - before
    note = MetadataIndex(content.end + tail.count, 0, REPAIR)
    Metadata(name=REPAIR, metadata=recovered).write(tail)
    note.length = content.end + tail.count - note.offset
    DataEnd(0).write(tail)
    _write_summary(tail, content, note)
    stream.seek(content.end)
    stream.truncate()
    stream.write(tail.end())
    stream.flush()
    os.fsync(stream.fileno())


def _write_summary(tail: RecordBuilder, content: McapContent, note: MetadataIndex) -> None:
    summary_start = content.end + tail.count
    statistics = Statistics(
        attachment_count=len(content.attachment_indexes),
        channel_count=len(content.channels),
        channel_message_counts=dict(content.counts),
        chunk_count=len(content.chunks),
        message_count=content.messages,
        message_start_time=content.start_ns,
        message_end_time=content.end_ns,
        metadata_count=len(content.metadata_indexes) + 1,
        schema_count=len(content.schemas),
    )
    groups: list[tuple[Opcode, list[Any]]] = [
        (Opcode.SCHEMA, list(content.schemas.values())),
        (Opcode.CHANNEL, list(content.channels.values())),
        (Opcode.STATISTICS, [statistics]),
        (Opcode.CHUNK_INDEX, content.chunks),
        (Opcode.ATTACHMENT_INDEX, content.attachment_indexes),
        (Opcode.METADATA_INDEX, [*content.metadata_indexes, note]),
    ]
    summary = RecordBuilder()
    offsets = []
    for opcode, records in groups:
        start = summary.count
        for record in records:
            record.write(summary)
        if records:
            offsets.append(SummaryOffset(opcode, summary_start + start, summary.count - start))
    offset_start = summary_start + summary.count
    for offset in offsets:
        offset.write(summary)
    written = summary.end()
    head = HEAD.pack(Opcode.FOOTER, 20) + struct.pack('<QQ', summary_start, offset_start)
    tail.write(written)
    Footer(summary_start, offset_start, zlib.crc32(head, zlib.crc32(written))).write(tail)
    tail.write(MCAP0_MAGIC)
