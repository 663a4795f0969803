"""Who is writing a session: a lock on its file, which the kernel lets go of when a process dies."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import IO, Any

__all__ = ['hold', 'is_being_written', 'is_held']

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


def is_being_written(file: Path) -> bool:
    """Tell whether a process has a file open for writing, as far as this one may know.

    Recorders of others lock nothing, and neither does who copies a session.
    """
    wanted = os.path.realpath(file)
    for entry in os.scandir('/proc'):
        if not entry.name.isdigit():
            continue
        try:
            for descriptor in os.listdir(f'{entry.path}/fd'):
                if os.readlink(f'{entry.path}/fd/{descriptor}') == wanted and _writes(
                    f'{entry.path}/fdinfo/{descriptor}'
                ):
                    return True
        except OSError:  # it has ended meanwhile, or is none of ours
            continue
    return False


def _writes(fdinfo: str) -> bool:
    with open(fdinfo) as stream:
        flags = next((line.split()[1] for line in stream if line.startswith('flags:')), '0')
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY


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
