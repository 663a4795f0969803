"""Writing a session: a rosbag2 folder with one MCAP file."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import yaml
from mcap.writer import CompressionType, Writer

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.session_info import FACTS, SessionInfo
from myogestic_ros.sessions.storage.disk_reserve import DiskReserve
from myogestic_ros.sessions.storage.disk_sync import sync_folder
from myogestic_ros.sessions.storage.file_lock import hold
from myogestic_ros.sessions.storage.message_definitions import MessageDefinition
from myogestic_ros.sessions.storage.metadata import BagMetadata, TopicMetadata, qos_yaml

__all__ = ['SessionExistsError', 'SessionWriter', 'Topic']

INDEX_SIZE = 4096
"""Enough for the index of one chunk, and for what is written once at the end."""


class SessionExistsError(SessionError):
    """A session that cannot be made because there is one of its name."""


@dataclass(frozen=True)
class Topic:
    """A topic to record: absolute name, definition of its type, QoS that it is offered with."""

    name: str
    definition: MessageDefinition
    qos: dict[str, Any]


class SessionWriter:
    """Write serialized messages as they come; not thread-safe.

    The file is a chain of chunks; a chunk is on its way to the disk after each `flush`. What a
    crash leaves can be read up to the last one. While it is written the file is locked, so that
    nobody takes it for a session that was cut.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    info : SessionInfo
        What it is about; may be replaced until `close`.
    topics : sequence of Topic
        What can be written.

    Raises
    ------
    SessionExistsError
        When the folder exists already.
    SessionError
        When it cannot be made.
    """

    def __init__(self, path: Path, info: SessionInfo, topics: list[Topic]) -> None:
        self.path = path
        started = info.started or datetime.now().astimezone().isoformat(timespec='seconds')
        self.info = replace(info, started=started)
        self.start_ns: int | None = None
        self.end_ns = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SessionError(f'Session {path} cannot be made: {error}') from error
        try:
            path.mkdir()
        except FileExistsError:
            raise SessionExistsError(f'{path} exists already; nothing is overwritten.') from None
        except OSError as error:
            raise SessionError(f'Session {path} cannot be made: {error}') from error
        self._file = path / f'{path.name}_0.mcap'
        self._reserve = DiskReserve(path)
        self._chunks = 0
        self._finished = False
        self._stream: IO[bytes] = io.BytesIO()  # until there is a file
        self._topics: dict[str, TopicMetadata] = {}
        self._channels: dict[str, int] = {}
        try:
            self._begin(topics)
        except OSError as error:
            self._undo()
            raise SessionError(f'Session {path} cannot be begun: {error}') from error

    def _undo(self) -> None:
        """Leave nothing behind of a session that could not be begun."""
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            for file in self.path.iterdir():
                file.unlink()
            self.path.rmdir()

    def _begin(self, topics: list[Topic]) -> None:
        # It gets its name when it is locked: before, nobody takes it for a session.
        opening = self._file.with_suffix('.opening')
        self._stream = opening.open('xb')
        hold(self._stream)
        # A chunk is closed by time, so its size limit is one that is not reached.
        self._writer = Writer(
            self._stream, chunk_size=64 * 2**20, compression=CompressionType.NONE
        )
        self._writer.start(profile='ros2', library='myogestic_ros')
        # metadata.yaml may be lost; what the session is about then still stands here.
        self._writer.add_metadata(FACTS, self._metadata(complete=False).custom_data)
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
        self._reserve.keep(INDEX_SIZE)
        self._writer.flush()
        opening.rename(self._file)
        self._metadata(complete=False).write(self.path, sync=False)

    def settle(self) -> None:
        """Bring all there is of a session onto the disk, its name too; may take a while."""
        os.fsync(self.descriptor)
        with contextlib.suppress(OSError), (self.path / 'metadata.yaml').open('rb') as metadata:
            os.fsync(metadata.fileno())
        sync_folder(self.path)
        sync_folder(self.path.parent)

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

    @property
    def descriptor(self) -> int:
        """The file's descriptor."""
        return self._stream.fileno()

    def room_s(self, elapsed_s: float) -> float:
        """Return how long there is room on the disk, s, at the rate of the time that has passed."""
        if elapsed_s < 1.0:
            return math.inf
        rate = self._stream.tell() / elapsed_s
        disk = os.fstatvfs(self.descriptor)
        return disk.f_bavail * disk.f_frsize / rate

    def flush(self) -> None:
        """Close the chunk and hand it to the operating system.

        Raises
        ------
        SessionError
            When the file is not there any more.
        """
        self._writer.flush()
        self._chunks += 1
        self._reserve.keep(INDEX_SIZE + self._chunks * (128 + 16 * len(self._topics)))
        self._look_for_file()

    def _look_for_file(self) -> None:
        """Raise when the path leads to this file no more: nobody would find what is written."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.stat(self._file), os.fstat(self.descriptor)):
                return
        raise SessionError(f'{self._file.name} has been deleted, moved or replaced meanwhile')

    def close(self) -> None:
        """Write the index and the final metadata, and bring all onto the disk."""
        self.finish()
        self.settle()
        self._stream.close()  # and with it goes the lock

    def finish(self) -> None:
        """Write the index and the final metadata: from now on it can be read as a whole."""
        if self._finished:
            return
        self._finished = True
        metadata = self._metadata(complete=True)
        record = yaml.safe_dump(metadata.to_dict(), sort_keys=False)
        self._writer.add_metadata('rosbag2', {'serialized_metadata': record})
        self._writer.finish()
        self._stream.flush()
        self._reserve.release()
        metadata.write(self.path, sync=False)

    def abandon(self) -> Path:
        """Let go of the file as it is, when it cannot be written any more; return its session.

        One that was deleted is still there while it is open: it is copied beside, first.
        """
        try:
            if not self._stream.closed and os.fstat(self.descriptor).st_nlink == 0:
                return self._copied()
            return self.path
        finally:
            with contextlib.suppress(OSError):  # its last bytes find no room
                self._stream.close()
            self._reserve.release()

    def _copied(self) -> Path:
        folder = self.path.with_name(f'{self.path.name}-rescued')
        folder.mkdir(parents=True)
        with (
            open(f'/proc/self/fd/{self.descriptor}', 'rb') as deleted,
            (folder / f'{folder.name}_0.mcap').open('xb') as copy,
        ):
            shutil.copyfileobj(deleted, copy)
        return folder

    def _metadata(self, *, complete: bool) -> BagMetadata:
        start_ns = self.start_ns or 0
        return BagMetadata(
            self._file.name,
            list(self._topics.values()),
            start_ns,
            max(0, self.end_ns - start_ns),
            replace(self.info, complete=complete).to_custom_data(),
        )

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close() if error is None else self.abandon()
