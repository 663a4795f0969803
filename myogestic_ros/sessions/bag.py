"""The messages in a bag, whoever recorded it, and also when its end is missing."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import CRCValidationError, StreamReader
from rosbags.rosbag2 import Reader, ReaderError

from myogestic_ros.core.errors import SessionError

__all__ = ['Bag', 'CutBag', 'IndexedBag', 'open_bag']

CUT = (McapError, CRCValidationError, struct.error, ValueError, KeyError, MemoryError)
"""What reading past the last whole record of a file raises."""

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
    """A bag that was closed in order: MCAP or sqlite3, compressed or not, one file or several."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.whole = True
        try:
            with Reader(path) as reader:
                self.topics = {c.topic: c.msgtype for c in reader.connections}
                self.definitions = {c.msgtype: c.msgdef.data for c in reader.connections}
                self.custom_data = dict(getattr(reader.storage.metadata, 'custom', None) or {})
                self.message_count = reader.message_count
                self.start_ns = reader.start_time if reader.message_count else 0
                self.duration_ns = max(0, reader.duration - 1)
        except (ReaderError, OSError, ValueError, KeyError) as error:
            raise SessionError(f'{path} cannot be read: {error}') from error

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        try:
            with Reader(self._path) as reader:
                connections = [c for c in reader.connections if c.topic in topics]
                if not connections:
                    return
                for connection, log_time_ns, data in reader.messages(connections):
                    yield connection.topic, log_time_ns, bytes(data)
        except (ReaderError, OSError, ValueError) as error:
            raise SessionError(f'{self._path} cannot be read to its end: {error}') from error


class CutBag(Bag):
    """MCAP files without their end: a recording that was cut, or one that goes on."""

    def __init__(self, files: Sequence[Path], custom_data: dict[str, str]) -> None:
        self._files = list(files)
        self.topics = {}
        self.definitions = {}
        self.custom_data = custom_data
        self.whole = False
        times = [message.log_time for message in self._read()]
        self.message_count = len(times)
        self.start_ns = min(times, default=0)
        self.duration_ns = max(times, default=0) - self.start_ns

    def _read(self) -> Iterator[Message]:
        """Yield messages up to the last whole chunk, noting what topics there are."""
        for file in self._files:
            schemas: dict[int, Schema] = {}
            self._names: dict[int, str] = {}
            try:
                with file.open('rb') as stream:
                    for record in StreamReader(stream, validate_crcs=True).records:
                        if isinstance(record, Schema):
                            schemas[record.id] = record
                            self.definitions[record.name] = record.data.decode()
                        elif isinstance(record, Channel):
                            self._names[record.id] = record.topic
                            self.topics[record.topic] = schemas[record.schema_id].name
                        elif isinstance(record, Message):
                            yield record
            except CUT:
                continue  # here it was cut: what follows is no whole record
            except OSError as error:
                raise SessionError(f'{file} cannot be read: {error}') from error

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        for message in self._read():
            topic = self._names[message.channel_id]
            if topic in topics:
                yield topic, message.log_time, message.data


def open_bag(path: Path) -> Bag:
    """Open a bag: a rosbag2 folder, or one ``.mcap`` or ``.db3`` file.

    Raises
    ------
    SessionError
        When there is none, or nothing in it can be read.
    """
    if not path.exists():
        raise SessionError(f'There is no session {path}.')
    if path.is_dir():
        files = sorted(path.glob('*.mcap'))
        custom_data, ended = _noted(path / 'metadata.yaml')
        if ended:
            return IndexedBag(path)
        if not files:
            raise SessionError(
                f'{path} is no session: expected a rosbag2 folder, with metadata.yaml and an '
                f'.mcap or .db3 file.'
            )
        return CutBag(files, custom_data)
    try:
        return IndexedBag(path)
    except SessionError:
        if path.suffix != '.mcap':
            raise
        return CutBag([path], {})


def _noted(file: Path) -> tuple[dict[str, str], bool]:
    """Return the custom data in a metadata file, and whether the recording was ended."""
    try:
        content: Any = yaml.safe_load(file.read_text())
        information = content['rosbag2_bagfile_information']
        custom_data = dict(information.get('custom_data') or {})
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return {}, False
    return custom_data, custom_data.get('myogestic_ros.complete', 'true') == 'true'
