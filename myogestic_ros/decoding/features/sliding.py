"""Windows that overlap in memory: what is computed of a sample is computed once.

Training windows share most of their samples with their neighbours. Where they are views into one
signal, as `iter_window_batches` gives them, a feature need not look at each sample several times.
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
    """The signal below overlapping windows.

    Attributes
    ----------
    signal : ndarray, shape (n_channels, n_signal_samples)
        What the windows are views of, C-contiguous rows.
    n_windows, n_samples, hop : int
        Number of windows, samples in each, samples from one to the next.
    """

    signal: Floats
    n_windows: int
    n_samples: int
    hop: int

    @classmethod
    def of(cls, windows: Any) -> SlidingWindows | None:
        """Return it, or None when the windows do not overlap in memory.

        Parameters
        ----------
        windows : array_like
            Of shape ``(n_windows, n_channels, n_samples)`` when they do.
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
        """Return the windows of values computed of `signal`, ``n`` of them for each window.

        Parameters
        ----------
        values : ndarray, shape (n_channels, n_signal_samples or fewer)
            One for each sample, or for each two or three that follow one another.
        n : int
            How many lie within a window.

        Returns
        -------
        ndarray, shape (n_windows, n_channels, n)
            A view.
        """
        down, along = values.strides
        shape = (self.n_windows, values.shape[0], n)
        view: Floats = as_strided(values, shape, (self.hop * along, down, along), writeable=False)
        return view

    def counts(self, flags: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
        """Return how many flags are set within each window, shape (n_windows, n_channels).

        Parameters
        ----------
        flags : ndarray of bool, shape (n_channels, n_signal_samples or fewer)
            As ``values`` of `windows`.
        n : int
            How many lie within a window.
        """
        # Add up from each beginning and end of a window to the next, then across.
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
