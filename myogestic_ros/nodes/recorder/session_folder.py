"""What the recorder knows of the sessions in its folder, and what it does for those that were cut."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from builtin_interfaces.msg import Time

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.msg import SessionInfo
from myogestic_ros.nodes.common.conversions import time_to_ros
from myogestic_ros.sessions.reading.library import SessionSummary, read_sessions
from myogestic_ros.sessions.recording.repair import interrupted_sessions, repair_session
from myogestic_ros.srv import ListSessions

__all__ = ['SessionFolder']

READ_WITHIN_S = 0.04
"""Sessions that take longer to read are read on while the list has been answered."""


class SessionFolder:
    """List sessions, and repair those that were cut, in a thread that ends when all is done.

    Parameters
    ----------
    folder : callable
        Returns the folder of the sessions.
    told : callable
        Called from the thread with what was recovered in one session and what was not, and with
        whether that succeeded.
    """

    def __init__(self, folder: Callable[[], Path], told: Callable[[str, bool], None]) -> None:
        self._folder = folder
        self._told = told
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        self._again = False
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Look for sessions that were cut, and repair them; returns at once."""
        with self._lock:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='repair', daemon=True)
                self._thread.start()

    def answer(self, response: ListSessions.Response, current: Path | None) -> None:
        """Answer what there is, ``current`` being the session that is recorded now."""
        folder = self._folder()
        sessions, unread = read_sessions(folder, READ_WITHIN_S)
        response.sessions = [_info(summary, current) for summary in sessions]
        response.success = True
        response.message = f'{len(sessions)} session(s) in {folder}.'
        if unread:
            response.message += f' {unread} more are being read; ask again in a moment.'
        self.look()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
                self._again = False
            folder = self._folder()
            for path in self._cut(folder):
                self._repair(path)
            read_sessions(folder)  # so that the next list is quick

    def _cut(self, folder: Path) -> list[Path]:
        try:
            return interrupted_sessions(folder)
        except OSError as error:
            self._refuse(f'Sessions in {folder} cannot be looked through: {error}')
            return []

    def _repair(self, path: Path) -> None:
        try:
            report = repair_session(path)
        except MyoGesticError as error:
            self._refuse(str(error))
        except (
            Exception
        ) as error:  # a fault of ours; the other sessions are looked at all the same
            self._refuse(f'Session {path} cannot be repaired: {error!r}')
        else:
            if report.repaired:
                self._told(report.message, True)

    def _refuse(self, sentence: str) -> None:
        if sentence not in self._refused:
            self._refused.add(sentence)
            self._told(sentence, False)


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
