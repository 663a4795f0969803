"""Write the missing summary of a truncated MCAP file."""

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

from myogestic_ros.sessions.storage.mcap_scan import RECORD_HEAD, REPAIR_RECORD, McapContent

__all__ = ['write_summary']


def write_summary(stream: IO[bytes], content: McapContent, repair: dict[str, str]) -> None:
    """Truncate an MCAP file after its last valid record, and append the missing summary.

    An interrupted call can be repeated: a new scan finds the same content.

    Parameters
    ----------
    stream : file
        MCAP file, opened for reading and writing.
    content : McapContent
        Result of `scan` for this file.
    repair : dict of str to str
        Entries of the metadata record `REPAIR_RECORD`.
    """
    tail = RecordBuilder()
    if content.end == 0:
        tail.write(MCAP0_MAGIC)
        Header('ros2', 'myogestic_ros').write(tail)
    for index in content.missing_indexes:
        chunk = content.chunks[-1]
        chunk.message_index_offsets[index.channel_id] = content.end + tail.count
        before = tail.count
        index.write(tail)
        chunk.message_index_length += tail.count - before
    repair_index = MetadataIndex(content.end + tail.count, 0, REPAIR_RECORD)
    Metadata(name=REPAIR_RECORD, metadata=repair).write(tail)
    repair_index.length = content.end + tail.count - repair_index.offset
    DataEnd(0).write(tail)
    _add_summary(tail, content, repair_index)
    stream.seek(content.end)
    stream.truncate()
    stream.write(tail.end())
    stream.flush()
    os.fsync(stream.fileno())


def _add_summary(tail: RecordBuilder, content: McapContent, repair_index: MetadataIndex) -> None:
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
        (Opcode.METADATA_INDEX, [*content.metadata_indexes, repair_index]),
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
    head = RECORD_HEAD.pack(Opcode.FOOTER, 20) + struct.pack('<QQ', summary_start, offset_start)
    tail.write(written)
    Footer(summary_start, offset_start, zlib.crc32(head, zlib.crc32(written))).write(tail)
    tail.write(MCAP0_MAGIC)
