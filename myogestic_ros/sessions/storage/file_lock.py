"""Lock files of a session while it is written; the kernel releases the locks of a dead process."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import IO, Any

__all__ = ['is_being_written', 'is_locked', 'lock_file']

UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)
WRITE_TIMEOUT_S = 5.0
"""On a file system without locks, a file counts as locked for this time after a write."""
LOCK_TIMEOUT_S = 0.2
"""Time to wait for a process that holds a lock only in `is_locked`."""


def lock_file(stream: IO[Any]) -> bool:
    """Lock a file exclusively until it is closed; return False if another process has locked it.

    Waits at most 0.2 s.
    """
    end_s = time.monotonic() + LOCK_TIMEOUT_S
    while not (locked := _flock(stream, fcntl.LOCK_EX)) and time.monotonic() < end_s:
        time.sleep(0.02)
    return locked


def is_locked(stream: IO[Any]) -> bool:
    """Return True if another process has locked a file; do not lock it."""
    if not _flock(stream, fcntl.LOCK_SH):
        return True
    _flock(stream, fcntl.LOCK_UN)
    return False


def is_being_written(file: Path) -> bool:
    """Return True if a process has a file open for writing.

    Complements `is_locked`: other recorders, and programs that copy a session, do not lock its
    files. Processes of other users are not visible and are ignored.
    """
    target = os.path.realpath(file)
    for entry in os.scandir('/proc'):
        if not entry.name.isdigit():
            continue
        try:
            for descriptor in os.listdir(f'{entry.path}/fd'):
                if os.readlink(f'{entry.path}/fd/{descriptor}') == target and _is_writable(
                    f'{entry.path}/fdinfo/{descriptor}'
                ):
                    return True
        except OSError:  # the process has ended, or belongs to another user
            continue
    return False


def _is_writable(fdinfo: str) -> bool:
    with open(fdinfo) as stream:
        flags = next((line.split()[1] for line in stream if line.startswith('flags:')), '0')
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY


def _flock(stream: IO[Any], kind: int) -> bool:
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return time.time() - os.fstat(stream.fileno()).st_mtime > WRITE_TIMEOUT_S
    return True
