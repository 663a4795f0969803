"""What the helpers of a training leave on the machine when they are killed, and its removal.

Joblib's processes (loky) share large arrays through files in memory, and semaphores. A process
that watches over them removes both, unless it is killed with the rest.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

__all__ = ['SHARED_FILES', 'remove_temporary_files']

SHARED_FILES = 'JOBLIB_TEMP_FOLDER'
"""Environment variable that names the folder for files that processes share."""

SEMAPHORES = Path('/dev/shm')


def remove_temporary_files(folder: Path, pid: int) -> None:
    """Remove what a training has left; only when it has ended, or is about to.

    Parameters
    ----------
    folder : Path
        Its own folder, with the files that its processes share.
    pid : int
        Its process id, by which its semaphores are named.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for semaphore in SEMAPHORES.glob(f'sem.loky-{pid}-*'):
        with contextlib.suppress(OSError):
            semaphore.unlink()
