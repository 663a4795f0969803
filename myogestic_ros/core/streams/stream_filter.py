"""Causal filtering of one stream, chunk by chunk, with state."""

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

NEGLIGIBLE_V = 1e-80
"""Filter state below this, in volt, is set to zero.

It is below the resolution of float32, and arithmetic with denormal numbers is slow.
"""


def import_dependencies(specs: Iterable[FilterSpec | None]) -> None:
    """Import SciPy now if a filter needs it, so that the first chunk is not delayed."""
    if any(spec is not None and not spec.is_off for spec in specs):
        importlib.import_module('scipy.signal')


class StreamFilter:
    """Filter the chunks of one stream; the state (float64) carries over to the next chunk.

    The result does not depend on the size of the chunks, bit for bit: each sample passes through
    the same operations in the same order.

    Parameters
    ----------
    spec : FilterSpec
        The filters.
    n_channels : int
        Number of channels of the stream.
    sampling_rate : float
        Sampling rate of the stream, in Hz.

    Attributes
    ----------
    settle_samples : int
        Number of samples after a `restart` in which the result depends on the initial state.

    Raises
    ------
    SignalError
        If the filters cannot be applied to such a stream.
    """

    def __init__(self, spec: FilterSpec, n_channels: int, sampling_rate: float) -> None:
        from scipy import signal  # half a second, for those who filter

        reason = spec.incompatibility(n_channels, sampling_rate)
        if reason is not None:
            raise SignalError(
                f'has {n_channels} channel(s) at {sampling_rate:g} Hz and cannot be filtered '
                f'({spec}): {reason}. Use another filter.'
            )
        self._common_average = spec.common_average
        self._sections = spec.sections(sampling_rate)
        self.settle_samples = spec.settle_samples(sampling_rate)
        # State after a constant input of 1 V.
        self._unit = (
            signal.sosfilt_zi(self._sections)[:, np.newaxis] if len(self._sections) else None
        )
        self._sosfilt = signal.sosfilt
        self._state: NDArray[np.float64] | None = None

    @classmethod
    def from_spec(
        cls, spec: StreamSpec, n_channels: int, sampling_rate: float
    ) -> StreamFilter | None:
        """Return the filter of a stream; None if it has none.

        Raises
        ------
        SignalError
            If the filters cannot be applied to such a stream. The message names the stream.
        """
        if spec.filters is None or spec.filters.is_off:
            return None
        try:
            return cls(spec.filters, n_channels, sampling_rate)
        except SignalError as error:
            raise SignalError(f"Stream '{spec.name}' {error}") from None

    def restart(self) -> None:
        """Reset the state.

        The filter starts as if the next sample had always been the input, so that the constant
        offset of an amplifier causes no transient.
        """
        self._state = None

    def __call__(self, samples: Samples) -> Samples:
        """Filter the next samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_samples, n_channels)
            Samples in volt; at least one.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_channels)
            Filtered samples in volt; a new array.
        """
        x = np.array(samples, np.float64, order='C')
        if self._common_average:
            # Each row is summed on its own: the result is independent of the size of the chunk.
            x -= x.mean(axis=1, keepdims=True)
        if self._unit is not None:
            if self._state is None:
                self._state = self._unit * x[0][np.newaxis, :, np.newaxis]
            y, state = self._sosfilt(self._sections, x.T, axis=-1, zi=self._state)
            state[np.abs(state) < NEGLIGIBLE_V] = 0.0
            self._state, x = state, y.T
        result: Samples = x.astype(np.float32)
        return result
