"""A filter at work on one stream, chunk after chunk."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Samples
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['StreamFilter', 'import_dependencies']

NOTHING = 1e-80
"""State below this, V, is set to zero: no float32 shows it, and sums of such numbers are slow."""


def import_dependencies(specs: Iterable[FilterSpec | None]) -> None:
    """Import what these filters need now, not when the first samples wait for them."""
    if any(spec is not None and not spec.is_off for spec in specs):
        importlib.import_module('scipy.signal')


class StreamFilter:
    """Filter the chunks of one stream; its state, float64, goes on from each to the next.

    Whatever the chunks, the result is the same, bit for bit: each sample passes through the same
    operations in the same order.

    Parameters
    ----------
    spec : FilterSpec
        What to do.
    n_channels : int
        Number of channels.
    sampling_rate : float
        Sampling frequency, Hz.

    Attributes
    ----------
    settle_samples : int
        So many samples after a `restart` the result still depends on how it began.

    Raises
    ------
    SignalError
        When such a stream cannot be filtered so.
    """

    def __init__(self, spec: FilterSpec, n_channels: int, sampling_rate: float) -> None:
        from scipy import signal  # half a second, for those who filter

        reason = spec.incompatibility(n_channels, sampling_rate)
        if reason is not None:
            raise SignalError(
                f'has {n_channels} channel(s) at {sampling_rate:g} Hz and cannot be filtered '
                f'({spec}): {reason}; set another filter.'
            )
        self._common_average = spec.common_average
        self._sections = spec.sections(sampling_rate)
        self.settle_samples = spec.settle_samples(sampling_rate)
        # State of a filter that has seen 1 V for ever.
        self._unit = (
            signal.sosfilt_zi(self._sections)[:, np.newaxis] if len(self._sections) else None
        )
        self._sosfilt = signal.sosfilt
        self._state: NDArray[np.float64] | None = None

    @classmethod
    def from_spec(
        cls, spec: StreamSpec, n_channels: int, sampling_rate: float
    ) -> StreamFilter | None:
        """Return the filter that a stream is to pass through; None when there is none.

        Raises
        ------
        SignalError
            When such a stream cannot be filtered so.
        """
        if spec.filters is None or spec.filters.is_off:
            return None
        try:
            return cls(spec.filters, n_channels, sampling_rate)
        except SignalError as error:
            raise SignalError(f"Stream '{spec.name}' {error}") from None

    def restart(self) -> None:
        """Forget everything.

        The next sample is then taken for what the stream had always been: so a constant offset,
        as amplifiers have, makes no transient.
        """
        self._state = None

    def __call__(self, samples: Samples) -> Samples:
        """Return the next samples, filtered.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_samples, n_channels)
            In volt; at least one.
        """
        x = np.array(samples, np.float64, order='C')
        if self._common_average:
            # One row after the other is summed up: as many at once make no difference.
            x -= x.mean(axis=1, keepdims=True)
        if self._unit is not None:
            if self._state is None:
                self._state = self._unit * x[0][np.newaxis, :, np.newaxis]
            y, state = self._sosfilt(self._sections, x.T, axis=-1, zi=self._state)
            state[np.abs(state) < NOTHING] = 0.0
            self._state, x = state, y.T
        result: Samples = x.astype(np.float32)
        return result
