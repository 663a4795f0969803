"""Remove the files of saves that were killed, and let one process at a time publish a model."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ['SAVING', 'locked_folder', 'remove_leftovers']

SAVING = '.saving-'
"""Start of the name of the folder in which a model is saved; the number of its process follows."""

LEFTOVER = re.compile(rf'{re.escape(SAVING)}(\d+)-\w+|\..+\.(\d+)(?:-\w+)?\.tmp')
MIN_AGE_S = 60.0
"""Younger files are kept: they may be of a process on another machine that shares the folder."""
MAX_AGE_S = 3600.0
"""Older files are removed, even if there is a process with that number: it may be another one."""


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what killed processes left when they saved a model; return the removed paths.

    Parameters
    ----------
    folder : Path
        Folder of the models.
    """
    removed = []
    for path in folder.glob('.*'):
        match = LEFTOVER.fullmatch(path.name)
        if match is None:
            continue
        age_s = time.time() - _newest_change_s(path)
        if age_s > MAX_AGE_S or (age_s > MIN_AGE_S and not _is_running(int(match[1] or match[2]))):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path)
    return removed


def _newest_change_s(path: Path) -> float:
    """Return the time of the newest change of a file, or of a folder and its files."""
    newest_s = 0.0
    for item in (path, *(path.iterdir() if path.is_dir() else ())):
        with contextlib.suppress(OSError):
            newest_s = max(newest_s, item.stat().st_mtime)
    return newest_s or time.time()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        return True
    return True


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes and threads that lock it; held for milliseconds."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
