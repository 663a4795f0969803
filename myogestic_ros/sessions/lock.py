"""Who is writing a session: a lock on its file, which the kernel lets go of when a process dies."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from typing import IO, Any

__all__ = ['hold', 'is_held']

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)
QUIET_S = 5.0
"""Where a file system knows no locks, a file counts as being written for so long after a write."""
PATIENCE_S = 0.2
"""Somebody who only looks whether a file is locked is gone after this."""


def hold(stream: IO[Any]) -> bool:
    """Lock a file until it is closed; return whether nobody else has it."""
    end_s = time.monotonic() + PATIENCE_S
    while not (free := _lock(stream, fcntl.LOCK_EX)) and time.monotonic() < end_s:
        time.sleep(0.02)
    return free


def is_held(stream: IO[Any]) -> bool:
    """Tell whether somebody has a file locked, and leave it unlocked."""
    if not _lock(stream, fcntl.LOCK_SH):
        return True
    _lock(stream, fcntl.LOCK_UN)
    return False


def _lock(stream: IO[Any], kind: int) -> bool:
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return time.time() - os.fstat(stream.fileno()).st_mtime > QUIET_S
    return True
