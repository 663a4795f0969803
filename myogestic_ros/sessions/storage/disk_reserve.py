"""Room on the disk that is kept for the end of a session."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ['DiskReserve']

STEP = 256 * 1024


class DiskReserve:
    """A file beside the session that takes up room, until a full disk makes it needed.

    Parameters
    ----------
    folder : Path
        The session.
    """

    NAME = '.reserve'

    def __init__(self, folder: Path) -> None:
        self._file = folder / self.NAME
        self._size = 0

    def keep(self, n_bytes: int) -> None:
        """Make it so large; a disk that has no room for that is noticed by who writes to it."""
        if n_bytes <= self._size:
            return
        wanted = -(-n_bytes // STEP) * STEP
        with contextlib.suppress(OSError):
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, wanted)
            finally:
                os.close(descriptor)
        self._size = wanted

    def release(self) -> None:
        """Give the room back."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
