"""A folder of sessions."""

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
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.metadata import read_information
from myogestic_ros.sessions.storage.writer import SessionExistsError

__all__ = [
    'SessionSummary',
    'begin_session',
    'free_name',
    'list_sessions',
    'read_sessions',
    'resolve_sessions',
]

Begun = TypeVar('Begun')


Version = tuple[int, int, int]


@dataclass(frozen=True)
class SessionSummary:
    """What a session's metadata says of it, without opening its samples; start in ns."""

    path: Path
    start_ns: int
    duration_s: float
    message_count: int
    info: SessionInfo


_known: dict[Path, dict[Path, tuple[Version, SessionSummary | None]]] = {}
"""What has been read, by folder and session."""


PREDICTED_FROM = 'predicted_from'
"""Fact of a bag of predictions: the session that they were made of."""


def list_sessions(folder: Path) -> list[SessionSummary]:
    """Return the sessions in a folder, oldest first; what is no session is passed over."""
    return read_sessions(folder)[0]


def read_sessions(folder: Path, within_s: float = math.inf) -> tuple[list[SessionSummary], int]:
    """Return the sessions in a folder, oldest first, and how many could not be read in time.

    What has been read once is read again only when it has changed.

    Parameters
    ----------
    folder : Path
        What is no session in it is passed over.
    within_s : float
        How long to read, s; with what is known already it takes hardly any time.
    """
    end_s = time.monotonic() + within_s
    known = _known.setdefault(folder, {})
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


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _version(file: Path) -> Version | None:
    """Return what changes with a file's content; None when there is none."""
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
        # A session that has no message (yet) began when its metadata was written.
        start_ns = int(information['starting_time']['nanoseconds_since_epoch'])
        return SessionSummary(
            file.parent,
            start_ns or file.stat().st_mtime_ns,
            int(information['duration']['nanoseconds']) * 1e-9,
            int(information['message_count']),
            SessionInfo.from_custom_data(information.get('custom_data')),
        )
    except (OSError, KeyError, TypeError, ValueError):
        return None


def resolve_sessions(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the paths of sessions.

    Parameters
    ----------
    names : sequence of str
        Names in ``folder``, or paths; empty: all sessions in ``folder`` that were ended in order,
        or were cut and have been repaired; not what a replay predicted of one.
    folder : Path
        Folder of sessions.

    Raises
    ------
    SessionError
        When one does not exist.
    """
    if not names:
        return [
            s.path
            for s in list_sessions(folder)
            if s.info.finished and s.message_count and PREDICTED_FROM not in s.info.extra
        ]
    paths = []
    for name in names:
        path = next((p for p in (folder / name, Path(name).expanduser()) if p.exists()), None)
        if path is None:
            known = ', '.join(s.path.name for s in list_sessions(folder)) or 'none'
            raise SessionError(f"There is no session '{name}' in {folder}; there are: {known}.")
        paths.append(path)
    return paths


def free_name(folder: Path, name: str = '') -> str:
    """Return a name for a new session: ``name``, or date and time; never one that exists."""
    return next(free for free in _names(name) if not (folder / free).exists())


def begin_session(folder: Path, name: str, begin: Callable[[Path], Begun]) -> Begun:
    """Return what ``begin`` makes of the first path that no other session has.

    Two recorders may look for a name at the same moment: whoever makes the folder has it.

    Parameters
    ----------
    folder : Path
        Folder of sessions.
    name : str
        Name of the session; '' for date and time. Taken, it gets a number: ``name-2``.
    begin : callable
        Makes the session at a path; raises `SessionExistsError` when there is one.
    """
    for free in _names(name):
        if not (folder / free).exists():
            with contextlib.suppress(SessionExistsError):
                return begin(folder / free)
    raise AssertionError('there is always another name')


def _names(name: str) -> Iterator[str]:
    stem = name or datetime.now().strftime('%Y-%m-%d_%H-%M-%S')
    yield stem
    for number in itertools.count(2):
        yield f'{stem}-{number}'
