"""Sessions for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.exchange.content import Content, content_of
from myogestic_ros.sessions.exchange.tables import write_csv, write_npz
from myogestic_ros.sessions.reading.reader import Session

__all__ = ['export_session']

WRITERS: dict[str, Callable[[Content, Path], list[Path]]] = {'.npz': write_npz, '.csv': write_csv}


def export_session(session: Session, file: Path, stream: str = 'emg') -> list[Path]:
    """Write one stream of a session with its labels as a table; return the files.

    Raises
    ------
    SessionError
        When a file exists, or has another ending, or the stream cannot be written as a table.
    """
    writer = WRITERS.get(file.suffix.lower())
    if writer is None:
        raise SessionError(f"{file} ends in '{file.suffix}', expected {' or '.join(WRITERS)}.")
    if file.exists():  # before a long reading
        raise SessionError(f'{file} exists already; nothing is overwritten.')
    return writer(content_of(session, stream), file)
