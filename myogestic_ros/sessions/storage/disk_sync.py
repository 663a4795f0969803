"""Bringing what was written onto the disk, from a thread of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ['DiskSync', 'sync_folder']


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder onto the disk, where its file system knows how."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class DiskSync:
    """Call ``fdatasync`` on a file at intervals while there is something new in it.

    What the operating system was handed survives the end of the process; what has been synced
    survives the end of the power too. It has a thread of its own because it may take long, while
    the system goes on taking data.

    Parameters
    ----------
    descriptor : int
        Of the file; has to stay open until `stop`.
    every_s : float
        How often, s; 0: never.
    first : callable
        Called from the thread before anything else, unless ``every_s`` is 0.

    Attributes
    ----------
    error : OSError or None
        Why it could not be done.
    longest_s : float
        The longest that it took, s.
    """

    def __init__(
        self, descriptor: int, every_s: float, first: Callable[[], None] = lambda: None
    ) -> None:
        self.error: OSError | None = None
        self.longest_s = 0.0
        self._descriptor = descriptor
        self._every_s = every_s
        self._first = first
        self._new_since_s: float | None = None
        self._syncing_since_s: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='disk sync', daemon=True)
        if every_s > 0:
            self._thread.start()

    def written(self, since_s: float) -> None:
        """Take note of new data, the oldest of it from ``since_s`` (`time.monotonic`)."""
        if self._new_since_s is None:
            self._new_since_s = since_s

    @property
    def unsafe_s(self) -> float:
        """How old the oldest data is that is not on the disk, s; 0 when it is not asked for."""
        if not self._thread.is_alive():
            return 0.0
        syncing_s, new_s = self._syncing_since_s, self._new_since_s
        oldest_s = syncing_s if syncing_s is not None else new_s
        return 0.0 if oldest_s is None else time.monotonic() - oldest_s

    def stop(self) -> None:
        """End the thread; what is new then is synced no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._first()
            while not self._stop.wait(self._every_s):
                if self._new_since_s is not None:
                    self._sync()
        except OSError as error:
            self.error = error

    def _sync(self) -> None:
        self._syncing_since_s, self._new_since_s = self._new_since_s, None
        began_s = time.monotonic()
        os.fdatasync(self._descriptor)
        self._syncing_since_s = None
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)
