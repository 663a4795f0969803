"""Synchronize a file with the disk at intervals, in a background thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ['DiskSync', 'sync_folder']


def sync_folder(folder: Path) -> None:
    """Synchronize the directory entries of a folder, if its file system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class DiskSync:
    """Call ``fdatasync`` on a file at intervals while it has new data.

    Data that was passed to the operating system survives a crash of the process; data that was
    synchronized also survives a power cut. ``fdatasync`` may block for seconds, therefore it is
    called in a thread of its own, while the recording continues.

    Parameters
    ----------
    descriptor : int
        File descriptor; must stay open until `stop`.
    interval_s : float
        Time between two calls, s; 0 disables synchronization.
    on_start : callable
        Called in the thread before the first interval; not called if ``interval_s`` is 0.

    Attributes
    ----------
    error : OSError or None
        The error that ended the thread.
    """

    def __init__(
        self, descriptor: int, interval_s: float, on_start: Callable[[], None] = lambda: None
    ) -> None:
        self.error: OSError | None = None
        self._descriptor = descriptor
        self._interval_s = interval_s
        self._on_start = on_start
        self._new_since_s: float | None = None
        self._syncing_since_s: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='disk sync', daemon=True)
        if interval_s > 0:
            self._thread.start()

    def add_data(self, since_s: float) -> None:
        """Register new data in the file.

        Parameters
        ----------
        since_s : float
            Time of the oldest of the new data, s (`time.monotonic`).
        """
        if self._new_since_s is None:
            self._new_since_s = since_s

    @property
    def unsynced_s(self) -> float:
        """Age of the oldest data that is not on the disk, s; 0 if synchronization is disabled."""
        if not self._thread.is_alive():
            return 0.0
        syncing_s, new_s = self._syncing_since_s, self._new_since_s
        oldest_s = syncing_s if syncing_s is not None else new_s
        return 0.0 if oldest_s is None else time.monotonic() - oldest_s

    def stop(self) -> None:
        """Stop the thread and wait for it; data added since the last call is not synchronized."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._on_start()
            while not self._stop.wait(self._interval_s):
                if self._new_since_s is not None:
                    self._sync()
        except OSError as error:
            self.error = error

    def _sync(self) -> None:
        self._syncing_since_s, self._new_since_s = self._new_since_s, None
        os.fdatasync(self._descriptor)
        self._syncing_since_s = None
