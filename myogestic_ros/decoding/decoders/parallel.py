"""Training on all cores, or on a cluster: joblib, and what its backends need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from myogestic_ros.core.errors import TrainingError

__all__ = ['BACKENDS', 'parallel']

BACKENDS = ('threading', 'loky', 'dask')


@contextmanager
def parallel(backend: str = 'threading', n_jobs: int = -1) -> Iterator[None]:
    """Run whatever joblib and scikit-learn do in here on several cores.

    Parameters
    ----------
    backend : str
        ``threading`` (the algebra lets go of the interpreter, and nothing has to start),
        ``loky`` (processes: for estimators written in Python), or ``dask`` for a cluster: the
        scheduler follows a colon (``dask:tcp://lab-server:8786``); without, the one that Dask's
        configuration names, or else a cluster on this machine.
    n_jobs : int
        Cores to use at most; -1: all.

    Raises
    ------
    TrainingError
        When there is no such backend, Dask is not installed or its scheduler does not answer.
    """
    name, _, address = backend.partition(':')
    if name not in BACKENDS or (address and name != 'dask'):
        raise TrainingError(
            f"There is no training backend '{backend}'; expected one of {', '.join(BACKENDS)}, or "
            f'dask:ADDRESS of a scheduler.'
        )
    # One thread of algebra for each of several jobs, or they take the cores from one another.
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
            "The backend 'dask' needs Dask: pip install distributed, or choose another backend."
        ) from error
    try:
        client = Client(address or None, timeout='10s')
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"Dask's scheduler '{address}' does not answer: {error}. Start one with: dask "
            f'scheduler.'
        ) from error
    with client:
        yield client
