"""Repair sessions whose recording was interrupted by a crash, a full disk or a power cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.yaml_file import YamlError, parse_yaml
from myogestic_ros.sessions.reading.library import read_sessions
from myogestic_ros.sessions.reading.reader import EMG_FRAME, LABEL
from myogestic_ros.sessions.recording.sample_losses import SampleLosses
from myogestic_ros.sessions.session_info import INFO_RECORD, RECOVERED, SessionInfo
from myogestic_ros.sessions.storage.bag import bag_files, is_finished, read_custom_data
from myogestic_ros.sessions.storage.disk_reserve import DiskReserve
from myogestic_ros.sessions.storage.file_lock import is_being_written, is_locked, lock_file
from myogestic_ros.sessions.storage.mcap_scan import REPAIR_RECORD, McapContent, has_footer, scan
from myogestic_ros.sessions.storage.mcap_summary import write_summary
from myogestic_ros.sessions.storage.message_conversion import label_from_message
from myogestic_ros.sessions.storage.message_definitions import typestore
from myogestic_ros.sessions.storage.metadata import BagMetadata, FileMetadata, TopicMetadata

__all__ = ['RepairReport', 'interrupted_sessions', 'needs_repair', 'repair_session']


@dataclass(frozen=True)
class RepairReport:
    """Result of a repair.

    Attributes
    ----------
    path : Path
        Folder of the session.
    repaired : bool
        False if the session needed no repair.
    messages : int
        Number of readable messages.
    duration_s : float
        Time from the first to the last of them, s.
    lost_bytes : int
        Bytes that could not be read: the incomplete end, and damaged chunks before it.
    lost_samples : int
        Samples missing between the readable frames.
    message : str
        Description of the recovered and of the lost data.
    """

    path: Path
    repaired: bool
    messages: int
    duration_s: float
    lost_bytes: int
    lost_samples: int
    message: str


def needs_repair(path: Path) -> bool:
    """Return True if the recording of a session was interrupted and no process writes to it.

    Reads only the metadata and the end of each file. Only MCAP files can be repaired; the result
    is False for all others.

    Parameters
    ----------
    path : Path
        Folder of the session.
    """
    files = bag_files(path) if path.is_dir() else []
    if not files:
        return False
    try:
        with ExitStack() as stack:
            streams = [stack.enter_context(file.open('rb')) for file in files]
            custom_data = read_custom_data(path / 'metadata.yaml')
            finished = custom_data is not None and is_finished(custom_data)
            if finished and all(has_footer(stream) for stream in streams):
                return False
            return not any(map(is_locked, streams)) and not any(map(is_being_written, files))
    except OSError:  # an unreadable session cannot be repaired
        return False


def interrupted_sessions(folder: Path) -> list[Path]:
    """Return the sessions in a folder that were recorded by this package and need repair.

    Bags of other recorders are not included; repair them explicitly with `repair_session`.

    Parameters
    ----------
    folder : Path
        Folder of sessions.

    Returns
    -------
    list of Path
        Folders of the sessions, sorted by name.
    """
    finished = {summary.path for summary in read_sessions(folder)[0] if summary.info.finished}
    return [
        path
        for path in sorted(folder.iterdir() if folder.is_dir() else ())
        if path.is_dir()
        and not (path in finished and _have_footers(path))  # avoids parsing its metadata again
        and _is_own_recording(path)
        and needs_repair(path)
    ]


def _have_footers(path: Path) -> bool:
    with contextlib.suppress(OSError):
        for file in bag_files(path):
            with file.open('rb') as stream:
                if not has_footer(stream):
                    return False
        return True
    return False


def _is_own_recording(path: Path) -> bool:
    with contextlib.suppress(OSError, IndexError), bag_files(path)[0].open('rb') as stream:
        head = stream.read(64)
        return INFO_RECORD.encode() in head or not head.strip(b'\0')
    return False


def repair_session(path: Path, extra: Mapping[str, str] | None = None) -> RepairReport:
    """Repair a session in place, so that all completely written messages can be read.

    The written messages are not changed: the incomplete end of the file is truncated, the summary
    is appended, and ``metadata.yaml`` is replaced atomically. An interrupted repair can be
    repeated; repairing a repaired session does nothing.

    Parameters
    ----------
    path : Path
        Folder of the session.
    extra : mapping of str to str, optional
        Entries to add to ``extra`` of the session's `SessionInfo`.

    Returns
    -------
    RepairReport
        Description of the recovered and of the lost data.

    Raises
    ------
    SessionError
        If the session does not exist, contains no MCAP file, is being written by another process,
        or cannot be written.
    """
    if not path.exists():
        raise SessionError(f'There is no session {path}.')
    files = bag_files(path) if path.is_dir() else []
    if not files:
        raise SessionError(f'Cannot repair {path}: expected a folder with an .mcap file.')
    try:
        with ExitStack() as stack:
            streams = [stack.enter_context(file.open('rb')) for file in files]
            if not all(map(lock_file, streams)) or any(map(is_being_written, files)):
                raise SessionError(
                    f'Cannot repair {path}: another process is writing to it; stop it first.'
                )
            try:
                return _Repair(path, files, streams, extra or {}).run()
            except SessionError as error:
                raise SessionError(f'Cannot repair {path}: {error}.') from error
    except OSError as error:
        raise SessionError(f'Cannot repair {path}: {error}.') from error


class _Repair:
    """Repair of a session whose files this process has locked."""

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
        custom_data = read_custom_data(self._path / 'metadata.yaml')
        contents = [scan(stream, self._visit) for stream in self._streams]
        report = self._report(contents)
        was_interrupted = not all(content.complete for content in contents)
        if not was_interrupted and custom_data is not None and is_finished(custom_data):
            return report
        repaired = next(
            (c.metadata[REPAIR_RECORD] for c in contents if REPAIR_RECORD in c.metadata), {}
        )
        if was_interrupted:
            message = _message(report, contents)
        else:
            message = repaired.get('sentence', '') or (
                f"Session '{self._path.name}' was recorded completely, but its metadata.yaml was "
                f'missing; no data was lost.'
            )
        for file, content in zip(self._files, contents, strict=True):
            if not content.complete:
                with file.open('r+b') as stream:
                    write_summary(stream, content, {'sentence': message})
        info = self._info(custom_data, contents)
        if was_interrupted or repaired:
            info = replace(info, complete=False, extra={**info.extra, RECOVERED: message})
        else:
            info = replace(info, complete=True)
        self._write_metadata(contents, {**(custom_data or {}), **info.to_custom_data()})
        for leftover in (DiskReserve.NAME, '.metadata.yaml.tmp'):
            (self._path / leftover).unlink(missing_ok=True)
        return replace(report, repaired=True, message=message)

    def _visit(self, topic: str, msgtype: str, data: bytes) -> None:
        if msgtype == EMG_FRAME:
            self._losses.add_written(topic, data)
        elif msgtype == LABEL:
            self._labels.append(data)

    def _report(self, contents: list[McapContent]) -> RepairReport:
        start_ns, end_ns = _span_ns(contents)
        return RepairReport(
            self._path,
            repaired=False,
            messages=sum(content.messages for content in contents),
            duration_s=(end_ns - start_ns) * 1e-9,
            lost_bytes=sum(content.torn_bytes + content.damaged_bytes for content in contents),
            lost_samples=self._losses.total,
            message=f"Session '{self._path.name}' needs no repair.",
        )

    def _info(
        self, custom_data: dict[str, str] | None, contents: list[McapContent]
    ) -> SessionInfo:
        """Return the recorded info, completed with the class names in the recorded labels."""
        if not custom_data:
            custom_data = contents[0].metadata.get(INFO_RECORD, {})
        info = SessionInfo.from_custom_data(custom_data)
        names = dict(enumerate(info.class_names))
        for index, name in self._classes(contents):
            names.setdefault(index, name)
        return replace(
            info,
            class_names=tuple(names.get(i, '') for i in range(max(names, default=-1) + 1)),
            extra={**info.extra, 'lost_samples': self._losses.to_json(), **self._extra},
        )

    def _classes(self, contents: list[McapContent]) -> Iterator[tuple[int, str]]:
        """Yield index and name of the class of each recorded label."""
        schemas = [schema for content in contents for schema in content.schemas.values()]
        texts = {s.name: s.data.decode(errors='replace') for s in schemas if s.name == LABEL}
        for data in self._labels:
            with contextlib.suppress(Exception):  # a malformed label must not prevent the repair
                label = label_from_message(typestore(texts).deserialize_cdr(data, LABEL))
                if label.index >= 0:
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
                        _qos_profiles(channel.metadata.get('offered_qos_profiles', '')),
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


def _qos_profiles(text: str) -> list[dict[str, Any]]:
    """Return the offered QoS profiles that a channel records; empty if they are malformed."""
    with contextlib.suppress(YamlError):
        profiles = parse_yaml(text).content
        if isinstance(profiles, list):
            return profiles
    return []


def _message(report: RepairReport, contents: list[McapContent]) -> str:
    torn_bytes = sum(content.torn_bytes for content in contents)
    damaged_bytes = sum(content.damaged_bytes for content in contents)
    parts = [
        f"Session '{report.path.name}' was interrupted; recovered {report.messages} messages, "
        f'{report.duration_s:.1f} s.'
    ]
    if torn_bytes:
        parts.append(f'Not recovered: {torn_bytes} bytes at the end, which were incomplete.')
    else:
        parts.append('No written data was lost.')
    if damaged_bytes:
        parts.append(f'{damaged_bytes} bytes before the end are damaged and were skipped.')
    if report.lost_samples:
        parts.append(f'{report.lost_samples} samples are missing between the recorded frames.')
    return ' '.join(parts)
