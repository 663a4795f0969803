"""Making a session whole whose recording was cut: by a crash, a full disk, the end of power."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import yaml

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import read_sessions
from myogestic_ros.sessions.reading.reader import EMG_FRAME, LABEL
from myogestic_ros.sessions.recording.sample_losses import SampleLosses
from myogestic_ros.sessions.session_info import FACTS, RECOVERED, SessionInfo
from myogestic_ros.sessions.storage.bag import bag_files, is_ended, noted
from myogestic_ros.sessions.storage.disk_reserve import DiskReserve
from myogestic_ros.sessions.storage.file_lock import hold, is_being_written, is_held
from myogestic_ros.sessions.storage.mcap_scan import REPAIR, McapContent, has_end, scan
from myogestic_ros.sessions.storage.mcap_summary import complete
from myogestic_ros.sessions.storage.message_conversion import label_of
from myogestic_ros.sessions.storage.message_definitions import typestore
from myogestic_ros.sessions.storage.metadata import BagMetadata, FileMetadata, TopicMetadata

__all__ = ['RepairReport', 'cut_sessions', 'needs_repair', 'repair_session']

MOST_CLASSES = 1000
"""A label with a greater index is rubbish."""


@dataclass(frozen=True)
class RepairReport:
    """What was done to a session.

    Attributes
    ----------
    path : Path
        The session.
    repaired : bool
        Whether there was anything to do.
    messages : int
        Messages that can be read.
    duration_s : float
        From the first to the last of them, s.
    lost_bytes : int
        Bytes that could not be read: the torn end, and damaged parts before it.
    lost_samples : int
        Samples missing between the frames that can be read.
    sentence : str
        What was recovered and what was not.
    """

    path: Path
    repaired: bool
    messages: int
    duration_s: float
    lost_bytes: int
    lost_samples: int
    sentence: str


def needs_repair(path: Path) -> bool:
    """Tell whether a session was cut, and nobody is writing it; opens it, but reads little.

    Only sessions of MCAP files can be repaired; what else there is needs none.
    """
    files = bag_files(path) if path.is_dir() else []
    if not files:
        return False
    try:
        with ExitStack() as stack:
            streams = [stack.enter_context(file.open('rb')) for file in files]
            custom_data = noted(path / 'metadata.yaml')
            ended = custom_data is not None and is_ended(custom_data)
            if ended and all(has_end(stream) for stream in streams):
                return False
            return not any(map(is_held, streams)) and not any(map(is_being_written, files))
    except OSError:  # it cannot be read now, let alone repaired
        return False


def cut_sessions(folder: Path) -> list[Path]:
    """Return the sessions in a folder that this package has recorded, and that need repair.

    Bags of others are left to whoever recorded them, unless `repair_session` is asked for.
    """
    ended = {summary.path for summary in read_sessions(folder)[0] if summary.info.ended}
    return [
        path
        for path in sorted(folder.iterdir() if folder.is_dir() else ())
        if path.is_dir()
        and not (path in ended and _have_ends(path))  # known already: no need to read it again
        and _is_ours(path)
        and needs_repair(path)
    ]


def _have_ends(path: Path) -> bool:
    with contextlib.suppress(OSError):
        for file in bag_files(path):
            with file.open('rb') as stream:
                if not has_end(stream):
                    return False
        return True
    return False


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(OSError, IndexError), bag_files(path)[0].open('rb') as stream:
        head = stream.read(64)
        return FACTS.encode() in head or not head.strip(b'\0')
    return False


def repair_session(path: Path, extra: Mapping[str, str] | None = None) -> RepairReport:
    """Make a session readable in place, up to where its recording was cut.

    What has been written is not changed: the torn end is cut off, the index is written behind
    the rest, and ``metadata.yaml`` in one go. Interrupted at any moment, it can be done again;
    done twice, it does nothing the second time.

    Raises
    ------
    SessionError
        When it is being written, is no session of MCAP files, or cannot be written.
    """
    if not path.exists():
        raise SessionError(f'There is no session {path}.')
    files = bag_files(path) if path.is_dir() else []
    if not files:
        raise SessionError(f'{path} cannot be repaired: expected a folder with an .mcap file.')
    try:
        with ExitStack() as stack:
            streams = [stack.enter_context(file.open('rb')) for file in files]
            if not all(map(hold, streams)) or any(map(is_being_written, files)):
                raise SessionError(f'{path} is being written; end that first.')
            return _Repair(path, files, streams, extra or {}).run()
    except OSError as error:
        raise SessionError(f'{path} cannot be repaired: {error}.') from error


class _Repair:
    """One repair, of a session that nobody else can write meanwhile."""

    def __init__(
        self, path: Path, files: list[Path], streams: Sequence[IO[bytes]], extra: Mapping[str, str]
    ) -> None:
        self._path = path
        self._files = files
        self._streams = streams
        self._extra = extra
        self._losses = SampleLosses()
        self._labels: list[bytes] = []

    def run(self) -> RepairReport:
        custom_data = noted(self._path / 'metadata.yaml')
        contents = [scan(stream, self._visit) for stream in self._streams]
        report = self._report(contents)
        was_cut = not all(content.whole for content in contents)
        if not was_cut and custom_data is not None and is_ended(custom_data):
            return report
        repaired = next((c.metadata[REPAIR] for c in contents if REPAIR in c.metadata), {})
        if was_cut:
            sentence = _told(report, contents)
        else:
            sentence = repaired.get('sentence', '') or (
                f"Session '{self._path.name}' was ended in order, but its metadata.yaml was "
                f'missing; nothing is lost.'
            )
        for file, content in zip(self._files, contents, strict=True):
            if not content.whole:
                with file.open('r+b') as stream:
                    complete(stream, content, {'sentence': sentence})
        info = self._info(custom_data, contents)
        if was_cut or repaired:
            info = replace(info, complete=False, extra={**info.extra, RECOVERED: sentence})
        else:
            info = replace(info, complete=True)
        self._write_metadata(contents, {**(custom_data or {}), **info.to_custom_data()})
        for leftover in (DiskReserve.NAME, '.metadata.yaml.tmp'):
            (self._path / leftover).unlink(missing_ok=True)
        return replace(report, repaired=True, sentence=sentence)

    def _visit(self, topic: str, msgtype: str, data: bytes) -> None:
        if msgtype == EMG_FRAME:
            self._losses.written(topic, data)
        elif msgtype == LABEL:
            self._labels.append(data)

    def _report(self, contents: list[McapContent]) -> RepairReport:
        start_ns, end_ns = _span_ns(contents)
        return RepairReport(
            self._path,
            repaired=False,
            messages=sum(content.messages for content in contents),
            duration_s=(end_ns - start_ns) * 1e-9,
            lost_bytes=sum(content.torn + content.damaged for content in contents),
            lost_samples=self._losses.total,
            sentence=f"Session '{self._path.name}' needs no repair.",
        )

    def _info(
        self, custom_data: dict[str, str] | None, contents: list[McapContent]
    ) -> SessionInfo:
        """Return the info that were noted, with what the messages add to them."""
        if not custom_data:
            custom_data = contents[0].metadata.get(FACTS, {})
        info = SessionInfo.from_custom_data(custom_data)
        names = dict(enumerate(info.class_names))
        for index, name in self._classes(contents):
            names.setdefault(index, name)
        return replace(
            info,
            class_names=tuple(names.get(i, '') for i in range(max(names, default=-1) + 1)),
            extra={**info.extra, 'lost_samples': self._losses.to_text(), **self._extra},
        )

    def _classes(self, contents: list[McapContent]) -> Iterator[tuple[int, str]]:
        """Yield index and name of the classes that were cued."""
        schemas = [schema for content in contents for schema in content.schemas.values()]
        texts = {s.name: s.data.decode(errors='replace') for s in schemas if s.name == LABEL}
        for data in self._labels:
            with contextlib.suppress(Exception):  # whatever it is, it is no label
                label = label_of(typestore(texts).deserialize_cdr(data, LABEL))
                if 0 <= label.index < MOST_CLASSES:
                    yield label.index, label.name

    def _write_metadata(self, contents: list[McapContent], custom_data: dict[str, str]) -> None:
        topics: dict[str, TopicMetadata] = {}
        for content in contents:
            for channel in content.channels.values():
                schema = content.schemas.get(channel.schema_id)
                topic = topics.setdefault(
                    channel.topic,
                    TopicMetadata(
                        channel.topic,
                        schema.name if schema else '',
                        channel.metadata.get('topic_type_hash', ''),
                        _profiles(channel.metadata.get('offered_qos_profiles', '')),
                    ),
                )
                topic.messages += content.counts.get(channel.id, 0)
        start_ns, end_ns = _span_ns(contents)
        files = [
            FileMetadata(file.name, c.start_ns, c.end_ns - c.start_ns, c.messages)
            for file, c in zip(self._files, contents, strict=True)
        ]
        BagMetadata(
            files[0].name,
            list(topics.values()),
            start_ns,
            end_ns - start_ns,
            custom_data,
            files,
        ).write(self._path)


def _span_ns(contents: list[McapContent]) -> tuple[int, int]:
    filled = [content for content in contents if content.messages]
    return (
        min((content.start_ns for content in filled), default=0),
        max((content.end_ns for content in filled), default=0),
    )


def _profiles(text: str) -> list[dict[str, Any]]:
    """Return the QoS that a channel was offered with, as it was noted; none when it is rubbish."""
    with contextlib.suppress(yaml.YAMLError):
        profiles = yaml.safe_load(text)
        if isinstance(profiles, list):
            return profiles
    return []


def _told(report: RepairReport, contents: list[McapContent]) -> str:
    torn = sum(content.torn for content in contents)
    damaged = sum(content.damaged for content in contents)
    parts = [
        f"Session '{report.path.name}' was cut; recovered {report.messages} messages, "
        f'{report.duration_s:.1f} s.'
    ]
    if torn:
        parts.append(f'Not recovered: {torn} bytes at its end, which were written in part.')
    else:
        parts.append('Nothing that had been written is lost.')
    if damaged:
        parts.append(f'Within it {damaged} bytes are damaged, and skipped.')
    if report.lost_samples:
        parts.append(f'Between its frames {report.lost_samples} samples are missing.')
    return ' '.join(parts)
