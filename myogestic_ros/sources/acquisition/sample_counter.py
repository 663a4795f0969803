"""Find lost and repeated samples in the counter that a device sends with each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ['Run', 'SampleCounter']


class Run(NamedTuple):
    """Consecutive samples of a block: those from ``start`` to ``stop``, and the index of the first."""

    start: int
    stop: int
    first_sample: int


class SampleCounter:
    """Number samples by a counter that wraps.

    The first sample has the index 0. A step of the counter by more than one is a hole in the
    indices, unless these would lie in the future: then the device has restarted its counter.

    Parameters
    ----------
    modulus : int
        Number of different values of the counter, for example 65536.
    tolerance : int
        Number of samples by which a sample may seem to arrive before it was acquired.
    repeats : int
        Number of values by which a counter may fall back because samples were sent twice; these
        are dropped. 0 where that cannot happen, as in a TCP stream.

    Attributes
    ----------
    next_sample : int
        Index of the next sample if none is lost.
    repeated : int
        Number of samples that were dropped because they were sent twice.
    restarts : int
        Number of restarts of the counter.
    """

    def __init__(self, modulus: int, tolerance: int, repeats: int = 0) -> None:
        self.next_sample = 0
        self.repeated = 0
        self.restarts = 0
        self._modulus = modulus
        self._tolerance = tolerance
        self._repeats = repeats
        self._newest: int | None = None

    def add(self, counters: NDArray[Any], newest: Callable[[], float]) -> list[Run]:
        """Number the samples of a block.

        Parameters
        ----------
        counters : ndarray of int, shape (n_samples,)
            Counter of each sample.
        newest : callable
            Returns the index of a sample that is acquired now, as far as that is known. Called
            only at a step of the counter.

        Returns
        -------
        list of Run
            The consecutive samples, in order; samples that were sent twice are in none.
        """
        values = counters.astype(np.int64) % self._modulus
        if self._newest is None:
            self._newest = int(values[0]) - 1
        before = np.concatenate(([self._newest], values[:-1]))
        breaks = np.flatnonzero((values - before) % self._modulus != 1).tolist()
        runs: list[Run] = []
        for start, stop in zip([0, *breaks], [*breaks, len(values)], strict=True):
            if start < stop:
                self._continue(runs, start, stop, values, newest)
        return runs

    def skip(self, n_samples: int) -> None:
        """Insert a hole that the counter did not show: whole rounds of it."""
        self.next_sample += n_samples

    def _continue(
        self,
        runs: list[Run],
        start: int,
        stop: int,
        values: NDArray[np.int64],
        newest: Callable[[], float],
    ) -> None:
        """Append the samples from ``start`` to ``stop``, whose counter rises by one each."""
        assert self._newest is not None
        step = (int(values[start]) - self._newest) % self._modulus
        behind = (self._modulus - step) % self._modulus + 1  # samples that were there before
        if behind <= self._repeats:
            dropped = min(behind, stop - start)
            self.repeated += dropped
            start += dropped
            if start == stop:
                return
        elif step != 1:
            lost = (step - 1) % self._modulus
            latest = newest()
            if self.next_sample + lost + stop - start - 1 > latest + self._tolerance:
                self.restarts += 1
                lost = max(1, int(latest) - self.next_sample - (stop - start) + 1)
            self.next_sample += lost
        runs.append(Run(start, stop, self.next_sample))
        self.next_sample += stop - start
        self._newest = int(values[stop - 1])
