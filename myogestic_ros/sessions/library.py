"""A folder of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.facts import SessionFacts

__all__ = ['SessionSummary', 'free_name', 'list_sessions', 'resolve_sessions']


@dataclass(frozen=True)
class SessionSummary:
    """What a session's metadata says of it, without opening its samples; start in ns."""

    path: Path
    start_ns: int
    duration_s: float
    message_count: int
    facts: SessionFacts


def list_sessions(folder: Path) -> list[SessionSummary]:
    """Return the sessions in a folder, oldest first; what is no session is passed over."""
    found = [_summary(file) for file in folder.glob('*/metadata.yaml')]
    return sorted(
        (summary for summary in found if summary is not None),
        key=lambda summary: (summary.start_ns, summary.path.name),
    )


def _summary(file: Path) -> SessionSummary | None:
    try:
        loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
        content: Any = yaml.load(file.read_text(), loader)
        information = content['rosbag2_bagfile_information']
        # A session that has no message (yet) began when its metadata was written.
        start_ns = int(information['starting_time']['nanoseconds_since_epoch'])
        return SessionSummary(
            file.parent,
            start_ns or file.stat().st_mtime_ns,
            int(information['duration']['nanoseconds']) * 1e-9,
            int(information['message_count']),
            SessionFacts.from_custom_data(information.get('custom_data')),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return None


def resolve_sessions(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the paths of sessions.

    Parameters
    ----------
    names : sequence of str
        Names in ``folder``, or paths; empty: all sessions in ``folder`` that were ended in order.
    folder : Path
        Folder of sessions.

    Raises
    ------
    SessionError
        When one does not exist.
    """
    if not names:
        return [s.path for s in list_sessions(folder) if s.facts.complete and s.message_count]
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
    stem = name or datetime.now().strftime('%Y-%m-%d_%H-%M-%S')
    free, count = stem, 1
    while (folder / free).exists():
        count += 1
        free = f'{stem}-{count}'
    return free
