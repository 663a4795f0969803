"""List the sessions in the recorder's folder and repair interrupted ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from builtin_interfaces.msg import Time

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.msg import SessionInfo
from myogestic_ros.nodes.common.conversions import time_to_ros
from myogestic_ros.sessions.reading.library import (
    SessionSummary,
    read_sessions,
    unreadable_sessions,
)
from myogestic_ros.sessions.recording.repair import interrupted_sessions, repair_session
from myogestic_ros.srv import ListSessions

__all__ = ['SessionFolder']

READ_TIMEOUT_S = 0.04
"""Longest time to read sessions before a list is returned; the rest is read afterwards."""

MAX_NAMED = 5
"""Unreadable sessions that a list names."""


class SessionFolder:
    """List sessions, and repair interrupted sessions in a background thread.

    Parameters
    ----------
    folder : callable
        Returns the folder of the sessions.
    on_repair : callable
        Called from the thread with a message about a repaired session and True, or with the
        reason why a session could not be repaired and False.
    """

    def __init__(self, folder: Callable[[], Path], on_repair: Callable[[str, bool], None]) -> None:
        self._folder = folder
        self._on_repair = on_repair
        self._reported: set[str] = set()
        self._lock = threading.Lock()
        self._requested = False
        self._thread: threading.Thread | None = None

    def start_repair(self) -> None:
        """Repair interrupted sessions in the background."""
        with self._lock:
            self._requested = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='repair', daemon=True)
                self._thread.start()

    def list_sessions(self, response: ListSessions.Response, current: Path | None) -> None:
        """Fill a response with all sessions.

        Parameters
        ----------
        response : ListSessions.Response
            The response to fill.
        current : Path or None
            The session that is being recorded.
        """
        folder = self._folder()
        sessions, unread = read_sessions(folder, READ_TIMEOUT_S)
        response.sessions = [_info(summary, current) for summary in sessions]
        response.success = True
        response.message = f'{len(sessions)} session(s) in {folder}.'
        unreadable = unreadable_sessions(folder)
        if unreadable:
            named = ', '.join(unreadable[:MAX_NAMED])
            more = len(unreadable) - MAX_NAMED
            response.message += (
                f' {len(unreadable)} cannot be read: {named}'
                f'{f" and {more} more" if more > 0 else ""}.'
            )
        if unread:
            response.message += f' {unread} more are being read; call again in a few seconds.'
        self.start_repair()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._requested:
                    self._thread = None
                    return
                self._requested = False
            folder = self._folder()
            for path in self._interrupted(folder):
                self._repair(path)
            read_sessions(folder)  # fills the cache for the next list

    def _interrupted(self, folder: Path) -> list[Path]:
        try:
            return interrupted_sessions(folder)
        except OSError as error:
            self._report_failure(f'The sessions in {folder} cannot be read: {error}')
            return []

    def _repair(self, path: Path) -> None:
        try:
            report = repair_session(path)
        except MyoGesticError as error:
            self._report_failure(str(error))
        except Exception as error:  # a bug must not stop the repair of the other sessions
            self._report_failure(f'Session {path} cannot be repaired: {error!r}')
        else:
            if report.repaired:
                self._on_repair(report.message, True)

    def _report_failure(self, message: str) -> None:
        if message not in self._reported:
            self._reported.add(message)
            self._on_repair(message, False)


def _info(summary: SessionSummary, current: Path | None) -> SessionInfo:
    info = summary.info
    return SessionInfo(
        name=summary.path.name,
        path=str(summary.path),
        start=time_to_ros(summary.start_ns) if summary.start_ns > 0 else Time(),
        duration=summary.duration_s,
        message_count=summary.message_count,
        subject=info.subject,
        class_names=list(info.class_names),
        complete=info.complete and summary.path != current,
    )
