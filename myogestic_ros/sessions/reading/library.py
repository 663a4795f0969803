"""List, find and create sessions in a folder."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.untrusted import shown
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.metadata import read_information
from myogestic_ros.sessions.storage.writer import SessionExistsError

__all__ = [
    'PREDICTED_FROM',
    'SessionSummary',
    'create_session',
    'free_name',
    'list_sessions',
    'read_sessions',
    'resolve_sessions',
    'unreadable_sessions',
]

Created = TypeVar('Created')

Version = tuple[int, int, int]
"""Modification time (ns), size and inode of a file."""


@dataclass(frozen=True)
class SessionSummary:
    """Summary of a session from its metadata, without reading samples.

    Attributes
    ----------
    path : Path
        Folder of the session.
    start_ns : int
        Time of the first message, ns.
    duration_s : float
        Time from the first to the last message, s.
    message_count : int
        Number of messages.
    info : SessionInfo
        Description of the session.
    """

    path: Path
    start_ns: int
    duration_s: float
    message_count: int
    info: SessionInfo


_cache: dict[Path, dict[Path, tuple[Version, SessionSummary | None]]] = {}
"""Summaries by folder and session; None for metadata that cannot be read."""

MAX_TIME_NS = 2**31 * 10**9 - 1
"""Latest time that a ROS message can hold, ns."""
PREDICTED_FROM = 'predicted_from'
"""Key in ``extra`` of a bag with predictions: the session that was replayed."""


def list_sessions(folder: Path) -> list[SessionSummary]:
    """Return the sessions in a folder, oldest first.

    Parameters
    ----------
    folder : Path
        Folder of sessions. Entries that are not sessions are skipped.

    Returns
    -------
    list of SessionSummary
        Empty if the folder does not exist.
    """
    return read_sessions(folder)[0]


def read_sessions(folder: Path, timeout_s: float = math.inf) -> tuple[list[SessionSummary], int]:
    """Return the sessions in a folder, oldest first, and the number of unread sessions.

    Summaries are cached until the metadata of a session changes.

    Parameters
    ----------
    folder : Path
        Folder of sessions. Entries that are not sessions are skipped.
    timeout_s : float
        Maximum time to read metadata, s; cached summaries take almost no time.

    Returns
    -------
    sessions : list of SessionSummary
        Sessions that were read in time.
    unread : int
        Number of sessions that were not.
    """
    end_s = time.monotonic() + timeout_s
    known = _cache.setdefault(folder, {})
    seen: set[Path] = set()
    found, unread = [], 0
    for path in _folders(folder):
        version = _version(path / 'metadata.yaml')
        if version is None:
            continue
        entry = known.get(path)
        if entry is None or entry[0] != version:
            if time.monotonic() > end_s:
                unread += 1
                continue
            entry = (version, _summary(path / 'metadata.yaml'))
            known[path] = entry
        seen.add(path)
        if entry[1] is not None:
            found.append(entry[1])
    for path in known.keys() - seen:
        known.pop(path, None)
    return sorted(found, key=lambda summary: (summary.start_ns, summary.path.name)), unread


def unreadable_sessions(folder: Path) -> list[str]:
    """Return the names of the sessions whose metadata `read_sessions` could not read, sorted."""
    known = _cache.get(folder, {}).copy()
    return sorted(path.name for path, (_, summary) in known.items() if summary is None)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _version(file: Path) -> Version | None:
    """Return the version of a file; None if it does not exist."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _summary(file: Path) -> SessionSummary | None:
    information = read_information(file)
    if information is None:
        return None
    try:
        # Without messages, the session started when its metadata was written.
        start_ns = _count(information['starting_time']['nanoseconds_since_epoch'], MAX_TIME_NS)
        return SessionSummary(
            file.parent,
            start_ns or file.stat().st_mtime_ns,
            _count(information['duration']['nanoseconds'], MAX_TIME_NS) * 1e-9,
            _count(information['message_count'], 2**64 - 1),
            SessionInfo.from_custom_data(information.get('custom_data')),
        )
    except (OSError, LookupError, TypeError, ValueError, ArithmeticError):
        return None


def _count(value: object, maximum: int) -> int:
    """Return a whole number from 0 to a maximum; raise ValueError for any other value."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise ValueError(f'got {value!r:.60}, expected a whole number from 0 to {maximum}')
    return value


def resolve_sessions(
    names: Sequence[str], folder: Path, allowed: Sequence[Path] | None = None
) -> list[Path]:
    """Return the paths of sessions given by name or path.

    Parameters
    ----------
    names : sequence of str
        Names of sessions in ``folder``, or paths. If empty, all sessions in ``folder`` that have
        messages and were stopped or repaired, without bags of predictions.
    folder : Path
        Folder of sessions.
    allowed : sequence of Path, optional
        For names from the graph: the folders, besides ``folder``, below which a session may be
        named by absolute path. None: any path.

    Returns
    -------
    list of Path
        One path per name; oldest first if ``names`` is empty.

    Raises
    ------
    SessionError
        If a session does not exist, or is not in an allowed folder.
    """
    if not names:
        return [
            s.path
            for s in list_sessions(folder)
            if s.info.finished and s.message_count and PREDICTED_FROM not in s.info.extra
        ]
    paths = []
    for name in names:
        if allowed is not None:
            _check_allowed(name, folder, allowed)
        path = _existing(name, folder)
        if path is None:
            known = ', '.join(s.path.name for s in list_sessions(folder)) or 'none'
            raise SessionError(
                f"There is no session '{name:.255}' in {folder}; available: {known}."
            )
        paths.append(path)
    return paths


def _check_allowed(name: str, folder: Path, allowed: Sequence[Path]) -> None:
    """Raise `SessionError` if a session is neither below a folder nor below an allowed one."""
    inside = os.path.abspath(folder)
    path = ''
    with contextlib.suppress(RuntimeError):  # the user in ~user is unknown
        path = os.path.abspath(os.path.join(inside, Path(name).expanduser()))
    roots = [Path(inside), *(Path(os.path.abspath(root)) for root in allowed)]
    if path == inside or not any(Path(path).is_relative_to(root) for root in roots):
        others = ', '.join(str(root) for root in roots[1:]) or 'none'
        raise SessionError(
            f'Session {shown(name, 255)} is not in {inside}; expected a name in it, or an absolute path '
            f'below a folder of session_paths ({others}).'
        )


def _existing(name: str, folder: Path) -> Path | None:
    """Return the path of a session given by name or path; None if it does not exist."""
    candidates: list[Callable[[], Path]] = [
        lambda: folder / name,
        lambda: Path(name).expanduser(),
    ]
    for resolve in candidates:
        # The name is too long for the file system, or its user is unknown.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            path = resolve()
            if path.exists():
                return path
    return None


def free_name(folder: Path, name: str = '') -> str:
    """Return an unused session name: ``name``, or date and time, with a number if taken."""
    return next(free for free in _names(name) if not (folder / free).exists())


def create_session(folder: Path, name: str, create: Callable[[Path], Created]) -> Created:
    """Create a session with an unused name; return the result of ``create``.

    Safe against other processes that create a session at the same time.

    Parameters
    ----------
    folder : Path
        Folder of sessions.
    name : str
        Name of the session; '' for date and time. If it is taken, a number is appended:
        ``name-2``.
    create : callable
        Creates the session at a path; raises `SessionExistsError` if the path exists.

    Raises
    ------
    SessionError
        If the session cannot be created for another reason.
    """
    for free in _names(name):
        if not (folder / free).exists():
            with contextlib.suppress(SessionExistsError):
                return create(folder / free)
    raise AssertionError('the sequence of names is infinite')


def _names(name: str) -> Iterator[str]:
    stem = name or datetime.now().strftime('%Y-%m-%d_%H-%M-%S')
    yield stem
    for number in itertools.count(2):
        yield f'{stem}-{number}'
