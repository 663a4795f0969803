"""Read the messages of a bag, including interrupted recordings and bags of other recorders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import IO, Any

from mcap.records import Channel, Chunk, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.decompression import check_compressed_file, decompress
from myogestic_ros.sessions.storage.mcap_scan import chunk_records
from myogestic_ros.sessions.storage.metadata import read_information

__all__ = [
    'Bag',
    'IndexedBag',
    'TruncatedBag',
    'bag_files',
    'is_finished',
    'open_bag',
    'read_custom_data',
]

RawMessage = tuple[str, int, bytes]
"""Topic, log time in ns, serialized message."""


class Bag:
    """Content of a bag.

    Attributes
    ----------
    topics : dict of str to str
        Message type by topic.
    definitions : dict of str to str
        Text of the definition by message type; '' if the bag does not contain it.
    custom_data : dict of str to str
        Entries ``custom_data`` of the metadata.
    start_ns, duration_ns : int
        Log time of the first message and time to the last one, ns; 0 without messages.
    message_count : int
        Number of messages.
    complete : bool
        True if the recording was stopped, False if it was interrupted.
    """

    topics: dict[str, str]
    definitions: dict[str, str]
    custom_data: dict[str, str]
    start_ns: int
    duration_ns: int
    message_count: int
    complete: bool

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        """Yield the messages of the given topics in the order of their log times.

        Raises
        ------
        SessionError
            If a file cannot be read.
        """
        raise NotImplementedError


class IndexedBag(Bag):
    """Bag with an index: MCAP or sqlite3, compressed or not, one or several files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._compression_mode = _check_compression(path)
            with Reader(path) as reader:
                self.topics = {c.topic: c.msgtype for c in reader.connections}
                self.definitions = {c.msgtype: c.msgdef.data for c in reader.connections}
                self.custom_data = dict(getattr(reader.storage.metadata, 'custom', None) or {})
                self.complete = SessionInfo.from_custom_data(self.custom_data).complete
                self.message_count = reader.message_count
                self.start_ns = reader.start_time if reader.message_count else 0
                self.duration_ns = max(0, reader.duration - 1)
        except Exception as error:  # rosbags raises various types for damaged files
            raise SessionError(f'Cannot read {path}: {_reason(error)}') from error

    def _decompressed(self, reader: Reader) -> Callable[[bytes], bytes]:
        """Return a function that decompresses a message of a bag compressed by message."""
        if self._compression_mode != 'message':
            return bytes
        storage: Any = reader.storage  # rosbags decompresses a message of any size
        storage.metadata = storage.metadata._replace(compression_mode=None)
        return lambda data: decompress(data, 'zstd')

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        try:
            with Reader(self._path) as reader:
                connections = _stored_connections(reader, topics)
                if not connections:
                    return
                decompressed = self._decompressed(reader)
                for connection, log_time_ns, data in reader.messages(connections):
                    yield connection.topic, log_time_ns, decompressed(data)
        except SessionError as error:
            raise SessionError(f'Cannot read {self._path} to its end: {error}.') from error
        except Exception as error:
            raise SessionError(
                f'Cannot read {self._path} to its end: {_reason(error)}. It is damaged: restore it '
                f'from a copy, or exclude it.'
            ) from error


def _check_compression(path: Path) -> str:
    """Return the compression mode of a bag, after checking the size of compressed files."""
    information = read_information(path / 'metadata.yaml') if path.is_dir() else None
    mode = str((information or {}).get('compression_mode', '')).lower()
    if mode == 'file' and information is not None:
        for name in information['relative_file_paths']:
            check_compressed_file(path / PurePath(name).name)
    return mode


def _stored_connections(reader: Reader, topics: Sequence[str]) -> list[Connection]:
    """Return the connections of the given topics as described in the files.

    If ``metadata.yaml`` describes a topic differently (with a QoS profile edited for playback, or
    in the format of an older release), rosbags finds no messages for its connection.
    """
    described = [c for c in reader.connections if c.topic in topics]
    storages = getattr(reader.storage, 'storages', None)
    if storages is None:  # a single file
        return described
    found: list[Connection] = []
    for stored in (c for storage in storages for c in storage.connections):
        for own in described:
            if (own.topic, own.msgtype) == (stored.topic, stored.msgtype):
                connection = own._replace(ext=stored.ext, digest=stored.digest)
                if connection not in found:
                    found.append(connection)
    return found


class TruncatedBag(Bag):
    """MCAP files without a summary: a recording that was interrupted or is in progress."""

    def __init__(self, files: Sequence[Path], custom_data: dict[str, str]) -> None:
        self._files = list(files)
        self.topics = {}
        self.definitions = {}
        self.custom_data = custom_data
        self.complete = False
        self.message_count = self.start_ns = self.duration_ns = 0
        end_ns = 0
        for _, time_ns, _ in self._read():
            self.start_ns = min(self.start_ns, time_ns) if self.message_count else time_ns
            end_ns = max(end_ns, time_ns)
            self.message_count += 1
        self.duration_ns = end_ns - self.start_ns

    def _read(self) -> Iterator[RawMessage]:
        """Yield the messages of all complete chunks, and collect topics and definitions."""
        for file in self._files:
            schemas: dict[int, Schema] = {}
            names: dict[int, str] = {}
            try:
                with file.open('rb') as stream:
                    for record in _records(stream):
                        if isinstance(record, Schema):
                            schemas[record.id] = record
                            self.definitions[record.name] = record.data.decode(errors='replace')
                        elif isinstance(record, Channel):
                            names[record.id] = record.topic
                            schema = schemas.get(record.schema_id)  # 0: none
                            self.topics[record.topic] = schema.name if schema else ''
                        elif isinstance(record, Message):
                            yield names[record.channel_id], record.log_time, record.data
            except (OSError, SessionError) as error:
                raise SessionError(f'Cannot read {file}: {_reason(error)}') from error
            except Exception:  # the file is truncated or damaged here
                continue

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        for message in self._read():
            if message[0] in topics:
                yield message


def _records(stream: IO[bytes]) -> Iterator[McapRecord]:
    """Yield the records of an MCAP file, with those of its chunks."""
    for record in StreamReader(stream, emit_chunks=True, validate_crcs=True).records:
        if isinstance(record, Chunk):
            yield from (inner for _, inner in chunk_records(record))
        else:
            yield record


def open_bag(path: Path) -> Bag:
    """Open a bag: a rosbag2 folder, or one ``.mcap`` or ``.db3`` file.

    A bag whose summary is missing or damaged is read sequentially, up to the first incomplete
    record.

    Parameters
    ----------
    path : Path
        Folder of the bag, or its file.

    Raises
    ------
    SessionError
        If the bag does not exist or contains no readable message.
    """
    if not path.exists():
        raise SessionError(f'There is no session {path}.')
    if not path.is_dir():
        return _open_indexed_or_truncated(path, [path] if path.suffix == '.mcap' else [], {})
    files = bag_files(path)
    custom_data = read_custom_data(path / 'metadata.yaml')
    if custom_data is not None and is_finished(custom_data):
        return _open_indexed_or_truncated(path, files, custom_data)
    compressed = sorted(path.glob('*.zstd'))
    if compressed:
        raise SessionError(
            f'{path} has no metadata.yaml, and its files are compressed ({compressed[0].name}, '
            f'{len(compressed)} in total): run "zstd -d --rm *.zstd" in this folder.'
        )
    if files:
        return TruncatedBag(files, custom_data or {})
    databases = sorted(path.glob('*.db3'))
    if len(databases) == 1:
        return IndexedBag(databases[0])
    if databases:
        raise SessionError(
            f'{path} has no metadata.yaml, and the order of its {len(databases)} files is unknown: '
            f'run "ros2 bag reindex" on it.'
        )
    raise SessionError(
        f'{path} is not a session: expected a rosbag2 folder with metadata.yaml and an .mcap or '
        f'.db3 file.'
    )


def _open_indexed_or_truncated(
    path: Path, files: Sequence[Path], custom_data: dict[str, str]
) -> Bag:
    """Open a bag by its index, or sequentially; ``files`` are its MCAP files."""
    try:
        return IndexedBag(path)
    except SessionError:
        if not files:
            raise
        bag = TruncatedBag(files, custom_data)
        if not bag.topics:
            raise
        return bag


def _reason(error: Exception) -> str:
    return str(error).rstrip('.') or type(error).__name__


def read_custom_data(file: Path) -> dict[str, str] | None:
    """Return ``custom_data`` of a ``metadata.yaml``; None if the file is missing or malformed."""
    information = read_information(file)
    if information is None:
        return None
    custom_data = information.get('custom_data')
    return dict(custom_data) if isinstance(custom_data, dict) else {}


def is_finished(custom_data: dict[str, str]) -> bool:
    """Return True if a recording was stopped, or was interrupted and has been repaired."""
    return SessionInfo.from_custom_data(custom_data).finished


def bag_files(folder: Path) -> list[Path]:
    """Return the MCAP files in the folder of a bag, in the order of recording."""
    files = [file for file in folder.glob('*.mcap') if not file.name.startswith('.')]
    return sorted(files, key=_file_order)


def _file_order(file: Path) -> tuple[str, int, str]:
    """Return a sort key by the number that rosbag2 appends to file names: 10 after 2."""
    stem, _, number = file.stem.rpartition('_')
    return (stem, int(number), '') if number.isdigit() else (file.stem, -1, '')
