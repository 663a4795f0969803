"""Writing a session: a rosbag2 folder with one MCAP file."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from mcap.writer import CompressionType, Writer

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.definitions import MessageDefinition
from myogestic_ros.sessions.facts import SessionFacts
from myogestic_ros.sessions.metadata import BagMetadata, TopicMetadata, qos_yaml

__all__ = ['SessionWriter', 'Topic']


@dataclass(frozen=True)
class Topic:
    """A topic to record: absolute name, definition of its type, QoS that it is offered with."""

    name: str
    definition: MessageDefinition
    qos: dict[str, Any]


class SessionWriter:
    """Write serialized messages as they come; not thread-safe.

    The file is a chain of chunks; a chunk is on its way to the disk after each `flush`. What a
    crash leaves can be read up to the last one.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    facts : SessionFacts
        What it is about; may be replaced until `close`.
    topics : sequence of Topic
        What can be written.

    Raises
    ------
    SessionError
        When the folder exists already, or cannot be made.
    """

    def __init__(self, path: Path, facts: SessionFacts, topics: list[Topic]) -> None:
        self.path = path
        started = facts.started or datetime.now().astimezone().isoformat(timespec='seconds')
        self.facts = replace(facts, started=started)
        self.start_ns: int | None = None
        self.end_ns = 0
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise SessionError(f'{path} exists already; nothing is overwritten.') from None
        except OSError as error:
            raise SessionError(f'Session {path} cannot be made: {error}') from error
        self._topics: dict[str, TopicMetadata] = {}
        self._channels: dict[str, int] = {}
        try:
            self._begin(topics)
        except OSError as error:
            raise SessionError(f'Session {path} cannot be begun: {error}') from error

    def _begin(self, topics: list[Topic]) -> None:
        self._stream = (self.path / f'{self.path.name}_0.mcap').open('xb')
        # A chunk is closed by time, so its size limit is one that is not reached.
        self._writer = Writer(
            self._stream, chunk_size=64 * 2**20, compression=CompressionType.NONE
        )
        self._writer.start(profile='ros2', library='myogestic_ros')
        schemas: dict[str, int] = {}
        for topic in topics:
            definition = topic.definition
            if definition.msgtype not in schemas:
                schemas[definition.msgtype] = self._writer.register_schema(
                    definition.msgtype, 'ros2msg', definition.text.encode()
                )
            self._channels[topic.name] = self._writer.register_channel(
                topic.name,
                'cdr',
                schemas[definition.msgtype],
                {
                    'offered_qos_profiles': qos_yaml(topic.qos),
                    'topic_type_hash': definition.type_hash,
                },
            )
            self._topics[topic.name] = TopicMetadata(
                topic.name, definition.msgtype, definition.type_hash, topic.qos
            )
        self._write_metadata(complete=False)

    def has(self, topic: str) -> bool:
        """Tell whether a topic can be written."""
        return topic in self._topics

    @property
    def messages(self) -> int:
        """Messages written."""
        return sum(topic.messages for topic in self._topics.values())

    def write(self, topic: str, data: bytes, log_time_ns: int) -> None:
        """Write a serialized message that was received at ``log_time_ns``."""
        entry = self._topics[topic]
        self._writer.add_message(
            self._channels[topic], log_time_ns, data, log_time_ns, entry.messages
        )
        entry.messages += 1
        self.start_ns = log_time_ns if self.start_ns is None else min(self.start_ns, log_time_ns)
        self.end_ns = max(self.end_ns, log_time_ns)

    def flush(self) -> None:
        """Close the chunk and hand it to the operating system."""
        self._writer.flush()

    def close(self) -> None:
        """Write the index and the final metadata."""
        metadata = self._metadata(complete=True)
        record = yaml.safe_dump(metadata.to_dict(), sort_keys=False)
        self._writer.add_metadata('rosbag2', {'serialized_metadata': record})
        self._writer.finish()
        self._stream.close()
        metadata.write(self.path)

    def abandon(self) -> None:
        """Let go of the file as it is, when it cannot be written any more."""
        with contextlib.suppress(OSError):  # its last bytes find no room; the flushed are there
            self._stream.close()

    def _metadata(self, *, complete: bool) -> BagMetadata:
        start_ns = self.start_ns or 0
        return BagMetadata(
            self._stream_name,
            list(self._topics.values()),
            start_ns,
            max(0, self.end_ns - start_ns),
            replace(self.facts, complete=complete).to_custom_data(),
        )

    def _write_metadata(self, *, complete: bool) -> None:
        self._metadata(complete=complete).write(self.path)

    @property
    def _stream_name(self) -> str:
        return Path(self._stream.name).name

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close() if error is None else self.abandon()
