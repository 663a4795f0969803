"""Reserve disk space for closing a session."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ['DiskReserve']

STEP_BYTES = 256 * 1024
"""The reserve grows in steps of this size."""


class DiskReserve:
    """File in a session folder that reserves disk space.

    It is deleted when the session is closed, so that the summary can be written to a disk that is
    otherwise full.

    Parameters
    ----------
    folder : Path
        Folder of the session.
    """

    NAME = '.reserve'

    def __init__(self, folder: Path) -> None:
        self._file = folder / self.NAME
        self._size = 0

    def grow(self, n_bytes: int) -> None:
        """Reserve at least ``n_bytes``; errors are ignored: writing to the session raises them."""
        if n_bytes <= self._size:
            return
        n_reserved = -(-n_bytes // STEP_BYTES) * STEP_BYTES
        with contextlib.suppress(OSError):
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, n_reserved)
            finally:
                os.close(descriptor)
        self._size = n_reserved

    def release(self) -> None:
        """Free the reserved disk space."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
