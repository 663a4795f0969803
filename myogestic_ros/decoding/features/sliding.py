"""Windows that overlap in memory: per-sample values are computed once for all windows.

Training windows share most of their samples with their neighbours. `iter_window_batches` yields
them as views of one signal, so that a feature can process each sample once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

__all__ = ['SlidingWindows']

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class SlidingWindows:
    """The signal that overlapping windows are views of.

    Attributes
    ----------
    signal : ndarray, shape (n_channels, n_signal_samples)
        Signal with contiguous rows.
    n_windows, n_samples, hop : int
        Number of windows, samples per window, and samples from one window to the next.
    """

    signal: Floats
    n_windows: int
    n_samples: int
    hop: int

    @classmethod
    def from_windows(cls, windows: Any) -> SlidingWindows | None:
        """Find the signal below windows.

        Parameters
        ----------
        windows : array_like, shape (n_windows, n_channels, n_samples)

        Returns
        -------
        SlidingWindows or None
            None if the windows do not overlap in memory, or have another shape.
        """
        if not isinstance(windows, np.ndarray) or windows.ndim != 3:
            return None
        n_windows, n_channels, n_samples = windows.shape
        across, down, along = windows.strides
        size = windows.dtype.itemsize
        if n_windows < 2 or along != size or across <= 0 or across % size or down < 0:
            return None
        hop = across // size
        length = (n_windows - 1) * hop + n_samples
        if hop >= n_samples or (n_channels > 1 and down < length * size):
            return None
        signal = as_strided(windows, (n_channels, length), (down, along), writeable=False)
        return cls(signal, n_windows, n_samples, hop)

    def windows(self, values: Floats, n: int) -> Floats:
        """Return windows of values that were computed from `signal`.

        Parameters
        ----------
        values : ndarray, shape (n_channels, n_signal_samples or fewer)
            One value per sample, or per two or three successive samples.
        n : int
            Number of values per window.

        Returns
        -------
        ndarray, shape (n_windows, n_channels, n)
            A read-only view.
        """
        down, along = values.strides
        shape = (self.n_windows, values.shape[0], n)
        view: Floats = as_strided(values, shape, (self.hop * along, down, along), writeable=False)
        return view

    def counts(self, flags: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
        """Return the number of flags in each window.

        Parameters
        ----------
        flags : ndarray of bool, shape (n_channels, n_signal_samples or fewer)
            One flag per sample, or per two or three successive samples.
        n : int
            Number of flags per window.

        Returns
        -------
        ndarray of int, shape (n_windows, n_channels)
        """
        # Sum between successive starts and ends of windows, then accumulate these sums.
        starts = np.arange(self.n_windows) * self.hop
        edges = np.unique(np.concatenate([starts, starts + n]))
        within = edges[edges < flags.shape[1]]
        parts = np.add.reduceat(flags.view(np.uint8), within, axis=1, dtype=np.int32)
        before = np.zeros((flags.shape[0], len(edges) + 1), np.int64)
        np.cumsum(parts, axis=1, out=before[:, 1 : len(within) + 1])
        before[:, len(within) + 1 :] = before[:, len(within), np.newaxis]
        begin, end = np.searchsorted(edges, starts), np.searchsorted(edges, starts + n)
        counts: NDArray[np.int64] = (before[:, end] - before[:, begin]).T
        return counts
