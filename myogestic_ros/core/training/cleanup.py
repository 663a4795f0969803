"""Removal of the temporary files of a training process that was killed.

The worker processes of joblib (loky) share large arrays through memory-mapped files and use
semaphores. A resource tracker removes both, unless it is killed together with the training.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

__all__ = ['JOBLIB_FOLDER_VARIABLE', 'remove_temporary_files']

JOBLIB_FOLDER_VARIABLE = 'JOBLIB_TEMP_FOLDER'
"""Environment variable with the folder for the files that the processes of joblib share."""

SEMAPHORE_FOLDER = Path('/dev/shm')


def remove_temporary_files(folder: Path, pid: int) -> None:
    """Remove the files of a training process; call only when it has ended or is about to end.

    Parameters
    ----------
    folder : Path
        Folder of the training job, with the files that its processes share.
    pid : int
        Process id of the training; part of the names of its semaphores.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for semaphore in SEMAPHORE_FOLDER.glob(f'sem.loky-{pid}-*'):
        with contextlib.suppress(OSError):
            semaphore.unlink()
