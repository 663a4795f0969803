"""EMG that another node publishes as a message with an array; the driver node feeds it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.device import STEP_S, Device

__all__ = ['Topic']

LAYOUTS = ('samples', 'channels')
SILENCE_TIMEOUT_S = 3.0
MAX_DEVIATION = 0.02


class Topic(Device):
    """Messages of another node; the arguments are those of `Device`.

    Whoever owns the source subscribes to the topic and calls `feed` for each message.
    """

    NAME = 'topic'
    PARAMETERS = (
        Parameter('topic', 'emg_raw', 'Topic with the samples of another node.'),
        Parameter(
            'field', 'data', 'Field of the message with the array; names of nested ones with dots.'
        ),
        Parameter('n_channels', 8, 'Channels in the array.', minimum=1, maximum=1024),
        Parameter(
            'layout',
            'samples',
            'Order of an array with several samples: sample after sample, or channel after channel.',
            choices=LAYOUTS,
        ),
        Parameter(
            'sampling_rate', 1000.0, 'Sampling rate, Hz.', minimum=1.0, maximum=100_000.0
        ),
        Parameter('scale', 1.0, 'Volt per unit of the samples.', minimum=1e-12, maximum=1e6),
        Parameter('offset', 0.0, 'Value of a sample that stands for 0 V.'),
        *CHANNEL_PARAMETERS,
    )  # fmt: skip

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.topic: str = self._values['topic']
        self.field: str = self._values['field']
        self.reason = f'start the node that publishes on {self.topic}'
        self._rate = float(self._values['sampling_rate'])
        self._fed: SimpleQueue[tuple[NDArray[Any], float]] = SimpleQueue()
        self._opened = False
        self._builder: BlockBuilder | None = None
        self._news_s = 0.0

    def feed(self, array: NDArray[Any], arrival_s: float) -> None:
        """Take the array of a message; called from another thread.

        Parameters
        ----------
        array : ndarray
            Its samples, one-dimensional.
        arrival_s : float
            Time of `time.monotonic` at which it arrived, s.
        """
        if self._opened:
            self._fed.put((array, arrival_s))

    def open(self) -> StreamInfo:
        """Wait for the first message."""
        selection = self._select([f'CH{n + 1}' for n in range(self._values['n_channels'])])
        self._opened = True
        try:
            array, arrival_s = self._fed.get(timeout=STEP_S)
        except Empty:
            raise SourceWaiting(self.reason) from None
        self._selection = selection
        samples = self._samples(array)
        # Stamps begin with the first sample, which was acquired before its message arrived.
        self.origin_s = arrival_s - len(samples) / self._rate
        self._news_s = arrival_s
        self._builder = BlockBuilder(self._rate, self.origin_s, max_deviation=MAX_DEVIATION)
        self._items.clear()
        self._builder.add(samples, arrival_s)
        return StreamInfo(
            'emg',
            self._rate,
            selection.names,
            device=f'topic {self.topic}',
            grid=selection.grid,
            grid_places=selection.grid_places,
        )

    def _samples(self, array: NDArray[Any]) -> NDArray[np.float32]:
        n_channels = self._values['n_channels']
        if not array.size or array.size % n_channels:
            raise SourceError(
                f'A message on {self.topic} has {array.size} values in {self.field}, expected a '
                f'multiple of n_channels, {n_channels}.'
            )
        if self._values['layout'] == 'samples':
            table = array.reshape(-1, n_channels)
        else:
            table = array.reshape(n_channels, -1).T
        chosen = table[:, self._selection.slice].astype(np.float64)
        volts: NDArray[np.float32] = (
            (chosen - self._values['offset']) * self._values['scale']
        ).astype(np.float32)
        return volts

    def _receive(self, timeout_s: float) -> None:
        assert self._builder is not None
        try:
            array, arrival_s = self._fed.get(timeout=timeout_s)
        except Empty:
            if time.monotonic() - self._news_s > SILENCE_TIMEOUT_S:
                raise SourceWaiting(
                    f'{self.reason} (nothing for {SILENCE_TIMEOUT_S:g} s)'
                ) from None
        else:
            self._news_s = arrival_s
            self._builder.add(self._samples(array), arrival_s)
        while (block := self._builder.pop()) is not None:
            self._items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, block.data))

    def health(self) -> Mapping[str, str]:
        """Return the topic and the estimated rate."""
        builder = self._builder
        return {} if builder is None else {'topic': self.topic, **builder.health()}

    def close(self) -> None:
        """Take no more messages."""
        self._opened = False
        while not self._fed.empty():
            self._fed.get()
