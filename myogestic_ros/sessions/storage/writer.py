"""Write a session: a rosbag2 folder with one MCAP file."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import yaml
from mcap.writer import CompressionType, Writer

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.session_info import INFO_RECORD, SessionInfo
from myogestic_ros.sessions.storage.disk_reserve import DiskReserve
from myogestic_ros.sessions.storage.disk_sync import sync_folder
from myogestic_ros.sessions.storage.file_lock import lock_file
from myogestic_ros.sessions.storage.message_definitions import MessageDefinition
from myogestic_ros.sessions.storage.metadata import BagMetadata, TopicMetadata, qos_yaml

__all__ = ['SessionExistsError', 'SessionWriter', 'Topic']

SUMMARY_BYTES = 4096
"""Upper limit of the size of the summary without the chunk indexes."""


class SessionExistsError(SessionError):
    """The folder of a new session exists."""


@dataclass(frozen=True)
class Topic:
    """Topic to record: absolute name, definition of its message type, offered QoS profile."""

    name: str
    definition: MessageDefinition
    qos: dict[str, Any]


class SessionWriter:
    """Write serialized messages to a new session. Not thread-safe.

    The MCAP file is a sequence of chunks; `flush` completes a chunk. All completed chunks can be
    read after a crash. The file is locked while it is written, so that other processes do not
    mistake it for an interrupted session.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    info : SessionInfo
        Description of the session; the attribute ``info`` may be replaced until `finish`.
    topics : list of Topic
        Topics that can be written.

    Attributes
    ----------
    start_ns, end_ns : int or None, int
        Smallest and largest log time of the written messages, ns.

    Raises
    ------
    SessionExistsError
        If the folder exists.
    SessionError
        If the session cannot be created.
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
            raise SessionError(f'Cannot create session {path}: {error}') from error
        try:
            path.mkdir()
        except FileExistsError:
            raise SessionExistsError(f'{path} exists already and is not overwritten.') from None
        except OSError as error:
            raise SessionError(f'Cannot create session {path}: {error}') from error
        self._file = path / f'{path.name}_0.mcap'
        self._reserve = DiskReserve(path)
        self._chunks = 0
        self._finished = False
        self._stream: IO[bytes] = io.BytesIO()  # replaced by the file
        self._topics: dict[str, TopicMetadata] = {}
        self._channels: dict[str, int] = {}
        try:
            self._open(topics)
        except OSError as error:
            self._remove()
            raise SessionError(f'Cannot create session {path}: {error}') from error

    def _remove(self) -> None:
        """Remove a session that could not be created completely."""
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            for file in self.path.iterdir():
                file.unlink()
            self.path.rmdir()

    def _open(self, topics: list[Topic]) -> None:
        # The file is renamed when it is locked: until then, no process takes it for a session.
        opening = self._file.with_suffix('.opening')
        self._stream = opening.open('xb')
        lock_file(self._stream)
        # Chunks are completed by `flush`; this size limit is normally not reached.
        self._writer = Writer(
            self._stream, chunk_size=64 * 2**20, compression=CompressionType.NONE
        )
        self._writer.start(profile='ros2', library='myogestic_ros')
        # The info is also stored in the MCAP file, because metadata.yaml may be lost in a crash.
        self._writer.add_metadata(INFO_RECORD, self._metadata(complete=False).custom_data)
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
        self._reserve.grow(SUMMARY_BYTES)
        self._writer.flush()
        opening.rename(self._file)
        self._metadata(complete=False).write(self.path, sync=False)

    def sync(self) -> None:
        """Synchronize the file, the metadata and their folders with the disk; may take seconds."""
        os.fsync(self.descriptor)
        with contextlib.suppress(OSError), (self.path / 'metadata.yaml').open('rb') as metadata:
            os.fsync(metadata.fileno())
        sync_folder(self.path)
        sync_folder(self.path.parent)

    @property
    def topics(self) -> list[str]:
        """Names of the topics that can be written."""
        return list(self._topics)

    def has_topic(self, topic: str) -> bool:
        """Return True if messages of a topic can be written."""
        return topic in self._topics

    @property
    def messages(self) -> int:
        """Number of written messages."""
        return sum(topic.messages for topic in self._topics.values())

    @property
    def duration_s(self) -> float:
        """Time from the first to the last written message, s; 0 without messages."""
        return 0.0 if self.start_ns is None else (self.end_ns - self.start_ns) * 1e-9

    def write(self, topic: str, data: bytes, log_time_ns: int) -> None:
        """Write a serialized message that was received at ``log_time_ns`` (ns)."""
        entry = self._topics[topic]
        self._writer.add_message(
            self._channels[topic], log_time_ns, data, log_time_ns, entry.messages
        )
        entry.messages += 1
        self.start_ns = log_time_ns if self.start_ns is None else min(self.start_ns, log_time_ns)
        self.end_ns = max(self.end_ns, log_time_ns)

    @property
    def descriptor(self) -> int:
        """File descriptor of the MCAP file."""
        return self._stream.fileno()

    def remaining_s(self, elapsed_s: float) -> float:
        """Return the recording time until the disk is full, s, at the mean data rate so far.

        Parameters
        ----------
        elapsed_s : float
            Duration of the recording so far, s; infinity is returned during the first second.
        """
        if elapsed_s < 1.0:
            return math.inf
        bytes_per_s = self._stream.tell() / elapsed_s
        disk = os.fstatvfs(self.descriptor)
        return disk.f_bavail * disk.f_frsize / bytes_per_s

    def flush(self) -> None:
        """Complete the chunk and pass it to the operating system.

        Raises
        ------
        SessionError
            If the file was deleted, moved or replaced.
        """
        self._writer.flush()
        self._chunks += 1
        self._reserve.grow(SUMMARY_BYTES + self._chunks * (128 + 16 * len(self._topics)))
        self._check_file()

    def _check_file(self) -> None:
        """Raise `SessionError` if the path does not refer to the open file any more."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.stat(self._file), os.fstat(self.descriptor)):
                return
        raise SessionError(
            f'{self._file.name} was deleted, moved or replaced during the recording'
        )

    def close(self) -> None:
        """Call `finish`, synchronize the session with the disk, and close the file."""
        self.finish()
        self.sync()
        self._stream.close()  # releases the lock

    def finish(self) -> None:
        """Write the summary and the final metadata, so that the session can be read."""
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
        """Close the file without a summary, after an error; return the folder of the session.

        A deleted file exists until it is closed: it is first copied to a new session,
        ``<name>-rescued``.
        """
        try:
            if not self._stream.closed and os.fstat(self.descriptor).st_nlink == 0:
                return self._copy_deleted()
            return self.path
        finally:
            with contextlib.suppress(OSError):  # the disk is full
                self._stream.close()
            self._reserve.release()

    def _copy_deleted(self) -> Path:
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

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        self.close() if error_type is None else self.abandon()
