"""Parallel training on several cores or a Dask cluster, with joblib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from myogestic_ros.core.errors import TrainingError

__all__ = ['BACKENDS', 'backend_error', 'parallel']

BACKENDS = ('threading', 'loky', 'dask')


def backend_error(backend: str) -> str | None:
    """Return the backends that are expected if there is no backend of that name, or None."""
    name, _, address = backend.partition(':')
    if name in BACKENDS and (not address or name == 'dask'):
        return None
    return f'expected {", ".join(BACKENDS)}, or dask:ADDRESS with the address of a scheduler'


@contextmanager
def parallel(backend: str = 'threading', n_jobs: int = -1) -> Iterator[None]:
    """Run joblib and scikit-learn on several cores within this context.

    Parameters
    ----------
    backend : str
        ``threading``: threads, fast to start; NumPy releases the interpreter lock. ``loky``:
        processes, for estimators written in Python. ``dask``: a cluster; the address of the
        scheduler follows a colon (``dask:tcp://lab-server:8786``), otherwise the scheduler in
        Dask's configuration is used, or a new cluster on this machine.
    n_jobs : int
        Maximum number of cores; -1: all.

    Raises
    ------
    TrainingError
        If there is no such backend, Dask is not installed, or its scheduler does not answer.
    """
    error = backend_error(backend)
    if error is not None:
        raise TrainingError(f"There is no training backend '{backend}'; {error}.")
    name, _, address = backend.partition(':')
    # One BLAS thread per job: more would compete for the same cores.
    with (
        _cluster(address) if name == 'dask' else nullcontext(),
        joblib.parallel_config(name, n_jobs=n_jobs),
        threadpool_limits(1),
    ):
        yield


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise TrainingError(
            "Backend 'dask' needs Dask, which is not installed: run 'pip install distributed', or "
            'choose another backend.'
        ) from error
    try:
        client = Client(address or None, timeout='10s')
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"The Dask scheduler '{address}' does not answer within 10 s: {error}. Start one with "
            f"'dask scheduler'."
        ) from error
    with client:
        yield client
