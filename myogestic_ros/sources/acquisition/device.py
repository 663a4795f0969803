"""Base class of the sources of devices."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.acquisition.block_builder import Block
from myogestic_ros.sources.acquisition.channels import ChannelSelection, select_channels

__all__ = ['STEP_S', 'TRIGGER_PARAMETER', 'Device', 'TriggerLabels']

STEP_S = 0.05
"""Longest time for which `open` waits before it returns to the driver, s."""
TRIGGER_CLASS = 1

TRIGGER_PARAMETER = Parameter(
    'trigger',
    '',
    'Class that is labelled while the trigger input is high; empty: the trigger is ignored.',
)


class Device:
    """A source of a device: checks its parameters, and hands over items one by one.

    A subclass has `PARAMETERS` and `NAME`, implements `open` and `close`, and appends what it has
    received to ``_items`` in `_receive`. `open` sets ``origin_s`` when all is ready.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name. Missing ones have their defaults.

    Raises
    ------
    SourceError
        If a value is invalid.
    """

    NAME: ClassVar[str]
    """Name of the source."""
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self, values: Mapping[str, Any]) -> None:
        errors = check_values(self.PARAMETERS, values)
        if errors:
            raise SourceError(
                f'Invalid parameters of the source {self.NAME}: {"; ".join(errors)}.'
            )
        self._values = {**defaults(self.PARAMETERS), **values}
        self._items: deque[Chunk | Label] = deque()
        self._auxiliary: tuple[StreamInfo, ...] = ()
        self.origin_s = 0.0

    def open(self) -> StreamInfo:
        """Connect, start acquisition and return the description of the stream."""
        raise NotImplementedError

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk or label, or None after ``timeout_s``."""
        end_s = time.monotonic() + timeout_s
        while not self._items:
            left_s = end_s - time.monotonic()
            if left_s < 0:
                return None
            self._receive(left_s)
        return self._items.popleft()

    def _receive(self, timeout_s: float) -> None:
        """Wait for data for at most ``timeout_s``, and append what it contains to ``_items``."""
        raise NotImplementedError

    def auxiliary_streams(self) -> Sequence[StreamInfo]:
        """Return the descriptions of the streams beside the main one."""
        return self._auxiliary

    def health(self) -> Mapping[str, str]:
        """Return facts about the device; none by default."""
        return {}

    def set_label(self, label: Label) -> None:
        """Do nothing: a device does not know the label."""

    def close(self) -> None:
        """Release the device; may be called more than once."""
        raise NotImplementedError

    def _select(self, names: Sequence[str]) -> ChannelSelection:
        """Return the channels to publish out of those of the device."""
        values = self._values
        return select_channels(
            names, values['channels'], list(values['channel_names']), list(values['grids'])
        )


class TriggerLabels:
    """Turn a trigger input into labels: its class while it is high, none while it is low.

    Parameters
    ----------
    name : str
        Name of the class; empty to ignore the trigger.
    sampling_rate : float
        Sampling rate, Hz.
    """

    def __init__(self, name: str, sampling_rate: float) -> None:
        self._name = name
        self._rate = sampling_rate
        self._high = False
        self._repetition = -1

    def labels(self, block: Block, levels: NDArray[np.bool_]) -> list[Label]:
        """Return the labels that begin in a block.

        Parameters
        ----------
        block : Block
            Samples.
        levels : ndarray of bool, shape (n_samples,)
            Level of the trigger at each sample.
        """
        found: list[Label] = []
        if not self._name:
            return found
        for number in np.flatnonzero(np.diff(levels, prepend=self._high)).tolist():
            self._high = bool(levels[number])
            stamp_ns = sample_time_ns(block.stamp_ns, number, self._rate)
            self._repetition += self._high
            found.append(
                Label(stamp_ns, TRIGGER_CLASS, self._name, self._repetition)
                if self._high
                else Label(stamp_ns, NO_CLASS)
            )
        return found
