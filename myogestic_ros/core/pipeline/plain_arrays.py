"""Chunks from plain arrays of samples, which have neither index nor stamp."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, sample_time_ns

__all__ = ['PlainArrays']


class PlainArrays:
    """Number the samples of arrays that are pushed one after another, from 0 for each stream."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def chunk(
        self, stream: str, samples: ArrayLike, sampling_rate: float | None, channels: int | None
    ) -> Chunk:
        """Return the next chunk of a stream.

        Parameters
        ----------
        stream : str
            Name of the stream.
        samples : array_like, shape (n_channels, n_samples)
            The next samples, in volt, channels first.
        sampling_rate : float or None
            Sampling rate, in Hz.
        channels : int or None
            Number of channels of the stream, if it is known.

        Raises
        ------
        SignalError
            If the rate is missing, or the array has another number of channels.
        """
        if sampling_rate is None:
            raise SignalError(
                f"The sampling rate of stream '{stream}' is not known; give it with an array: "
                f'push(stream, samples, sampling_rate=2000.0).'
            )
        data = np.asarray(samples, np.float32)
        if data.ndim != 2 or channels not in (None, data.shape[0]):
            rows = 'n_channels' if channels is None else channels
            turned = data.ndim == 2 and data.shape[1] == channels
            raise SignalError(
                f"The samples of stream '{stream}' have shape {data.shape}, expected "
                f'({rows}, n_samples), channels first{"; transpose them" if turned else ""}.'
            )
        first = self._next.get(stream, 0)
        self._next[stream] = first + data.shape[1]
        return Chunk(first, sample_time_ns(0, first, sampling_rate), sampling_rate, data.T)
