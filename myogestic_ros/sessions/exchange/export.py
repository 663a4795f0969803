"""Export sessions for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.exchange.content import Content, read_content
from myogestic_ros.sessions.exchange.tables import write_csv, write_npz
from myogestic_ros.sessions.reading.reader import Session

__all__ = ['export_session']

WRITERS: dict[str, Callable[[Content, Path], list[Path]]] = {'.npz': write_npz, '.csv': write_csv}


def export_session(session: Session, file: Path, stream: str = 'emg') -> list[Path]:
    """Export one stream of a session with its labels as a table.

    Parameters
    ----------
    session : Session
        Session.
    file : Path
        File to write, ``.npz`` or ``.csv``; must not exist.
    stream : str
        Name of the stream.

    Returns
    -------
    list of Path
        Written files. An export as CSV also writes a mapping (YAML).

    Raises
    ------
    SessionError
        If a file exists, if the suffix is unknown, or if the stream cannot be exported.
    """
    writer = WRITERS.get(file.suffix.lower())
    if writer is None:
        raise SessionError(
            f"{file} has the suffix '{file.suffix}', expected {' or '.join(WRITERS)}."
        )
    if file.exists():  # check before reading the session
        raise SessionError(f'{file} exists already and is not overwritten.')
    return writer(read_content(session, stream), file)
