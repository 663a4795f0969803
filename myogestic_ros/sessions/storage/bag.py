"""The messages in a bag, whoever recorded it, and also when its end is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.metadata import read_information

__all__ = ['Bag', 'CutBag', 'IndexedBag', 'bag_files', 'is_ended', 'noted', 'open_bag']

RawMessage = tuple[str, int, bytes]
"""Topic, time of recording in ns, serialized message."""


class Bag:
    """What there is in a bag.

    Attributes
    ----------
    topics : dict of str to str
        Topic to message type.
    definitions : dict of str to str
        Message type to the text of its definition, '' when the bag has none.
    custom_data : dict of str to str
        What the recorder noted.
    start_ns, duration_ns, message_count : int
        When, how long, how much.
    whole : bool
        Whether the recording was ended in order.
    """

    topics: dict[str, str]
    definitions: dict[str, str]
    custom_data: dict[str, str]
    start_ns: int
    duration_ns: int
    message_count: int
    whole: bool

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        """Yield the messages of some topics in the order of their recording."""
        raise NotImplementedError


class IndexedBag(Bag):
    """A bag that has its index: MCAP or sqlite3, compressed or not, one file or several."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with Reader(path) as reader:
                self.topics = {c.topic: c.msgtype for c in reader.connections}
                self.definitions = {c.msgtype: c.msgdef.data for c in reader.connections}
                self.custom_data = dict(getattr(reader.storage.metadata, 'custom', None) or {})
                self.whole = SessionInfo.from_custom_data(self.custom_data).complete
                self.message_count = reader.message_count
                self.start_ns = reader.start_time if reader.message_count else 0
                self.duration_ns = max(0, reader.duration - 1)
        except Exception as error:  # a damaged file makes its reader raise all kinds
            raise SessionError(f'{path} cannot be read: {_told(error)}') from error

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        try:
            with Reader(self._path) as reader:
                connections = _as_stored(reader, topics)
                if not connections:
                    return
                for connection, log_time_ns, data in reader.messages(connections):
                    yield connection.topic, log_time_ns, bytes(data)
        except Exception as error:
            raise SessionError(
                f'{self._path} cannot be read to its end: {_told(error)}. It is damaged: take it '
                f'from a copy, or leave it out.'
            ) from error


def _as_stored(reader: Reader, topics: Sequence[str]) -> list[Connection]:
    """Return the connections of some topics as the files describe them.

    Where ``metadata.yaml`` gives a topic another QoS than the file does, which people edit for
    playing, or writes it as an older release did, rosbags would find no message of it.
    """
    wanted = [c for c in reader.connections if c.topic in topics]
    storages = getattr(reader.storage, 'storages', None)
    if storages is None:  # a single file
        return wanted
    found: list[Connection] = []
    for stored in (c for storage in storages for c in storage.connections):
        for own in wanted:
            if (own.topic, own.msgtype) == (stored.topic, stored.msgtype):
                as_stored = own._replace(ext=stored.ext, digest=stored.digest)
                if as_stored not in found:
                    found.append(as_stored)
    return found


class CutBag(Bag):
    """MCAP files without their end: a recording that was cut, or one that goes on."""

    def __init__(self, files: Sequence[Path], custom_data: dict[str, str]) -> None:
        self._files = list(files)
        self.topics = {}
        self.definitions = {}
        self.custom_data = custom_data
        self.whole = False
        self.message_count = self.start_ns = self.duration_ns = 0
        end_ns = 0
        for _, time_ns, _ in self._read():
            self.start_ns = min(self.start_ns, time_ns) if self.message_count else time_ns
            end_ns = max(end_ns, time_ns)
            self.message_count += 1
        self.duration_ns = end_ns - self.start_ns

    def _read(self) -> Iterator[RawMessage]:
        """Yield messages up to the last whole chunk, noting what topics there are."""
        for file in self._files:
            schemas: dict[int, Schema] = {}
            names: dict[int, str] = {}
            try:
                with file.open('rb') as stream:
                    for record in StreamReader(stream, validate_crcs=True).records:
                        if isinstance(record, Schema):
                            schemas[record.id] = record
                            self.definitions[record.name] = record.data.decode(errors='replace')
                        elif isinstance(record, Channel):
                            names[record.id] = record.topic
                            schema = schemas.get(record.schema_id)  # 0: none
                            self.topics[record.topic] = schema.name if schema else ''
                        elif isinstance(record, Message):
                            yield names[record.channel_id], record.log_time, record.data
            except OSError as error:
                raise SessionError(f'{file} cannot be read: {_told(error)}') from error
            except Exception:  # here it was cut: what follows is no whole record
                continue

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        for message in self._read():
            if message[0] in topics:
                yield message


def open_bag(path: Path) -> Bag:
    """Open a bag: a rosbag2 folder, or one ``.mcap`` or ``.db3`` file.

    A bag without its end, or whose index is damaged, is read record by record as far as it goes.

    Raises
    ------
    SessionError
        When there is none, or nothing in it can be read.
    """
    if not path.exists():
        raise SessionError(f'There is no session {path}.')
    if not path.is_dir():
        return _whole_or_cut(path, [path] if path.suffix == '.mcap' else [], {})
    files = bag_files(path)
    custom_data = noted(path / 'metadata.yaml')
    if custom_data is not None and is_ended(custom_data):
        return _whole_or_cut(path, files, custom_data)
    compressed = sorted(path.glob('*.zstd'))
    if compressed:
        raise SessionError(
            f'{path} has no metadata.yaml, and files that are compressed ({compressed[0].name}, '
            f'{len(compressed)} in all); run "zstd -d --rm *.zstd" in it, then it can be read.'
        )
    if files:
        return CutBag(files, custom_data or {})
    databases = sorted(path.glob('*.db3'))
    if len(databases) == 1:
        return IndexedBag(databases[0])
    if databases:
        raise SessionError(
            f'{path} has no metadata.yaml to tell the order of its {len(databases)} files; run '
            f'"ros2 bag reindex" on it.'
        )
    raise SessionError(
        f'{path} is no session: expected a rosbag2 folder, with metadata.yaml and an .mcap or '
        f'.db3 file.'
    )


def _whole_or_cut(path: Path, files: Sequence[Path], custom_data: dict[str, str]) -> Bag:
    """Open a bag by its index, or without one; ``files`` are those that can do without."""
    try:
        return IndexedBag(path)
    except SessionError:
        if not files:
            raise
        bag = CutBag(files, custom_data)
        if not bag.topics:
            raise
        return bag


def _told(error: Exception) -> str:
    return str(error).rstrip('.') or type(error).__name__


def noted(file: Path) -> dict[str, str] | None:
    """Return the custom data in a ``metadata.yaml``; None when it is missing or rubbish."""
    information = read_information(file)
    if information is None:
        return None
    custom_data = information.get('custom_data')
    return dict(custom_data) if isinstance(custom_data, dict) else {}


def is_ended(custom_data: dict[str, str]) -> bool:
    """Tell whether a recording was ended in order, or has been repaired since."""
    return SessionInfo.from_custom_data(custom_data).ended


def bag_files(folder: Path) -> list[Path]:
    """Return the MCAP files in the folder of a bag, in the order of their recording."""
    files = [file for file in folder.glob('*.mcap') if not file.name.startswith('.')]
    return sorted(files, key=_in_order)


def _in_order(file: Path) -> tuple[str, int, str]:
    """Sort by the number that rosbag2 puts at the end: 10 comes after 2."""
    stem, _, number = file.stem.rpartition('_')
    return (stem, int(number), '') if number.isdigit() else (file.stem, -1, '')
