"""OT Bioelettronica SyncStation: up to 16 wireless probes at one sampling rate."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.sources.acquisition.block_builder import Block, BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.device import TRIGGER_PARAMETER, TriggerLabels
from myogestic_ros.sources.acquisition.dialled_device import DialledDevice, address_parameters
from myogestic_ros.sources.acquisition.frame_length import IDENTIFYING_FRAMES, find_frame_length
from myogestic_ros.sources.acquisition.sample_formats import (
    decode_int16,
    decode_int24,
    to_volt,
)
from myogestic_ros.sources.acquisition.tcp import DisconnectedError, FrameBuffer, TcpConnection
from myogestic_ros.sources.devices.muovi import EEG_RATE, EMG_RATE, GAIN_8, MODES

__all__ = ['STOP', 'SyncStation', 'command', 'frame_layouts']

COUNTER_VALUES = 2**16
STATION_VALUES = 6
"""Three AUX inputs, load cell, buffer with trigger, and counter, of 16 bits each."""
STATION_INPUTS = ('AUX1', 'AUX2', 'AUX3', 'load cell')
N_SLOTS = 16


class Kind(NamedTuple):
    """Kind of a probe: its first and last slot, EMG channels, and possible values per instant."""

    first: int
    last: int
    channels: int
    widths: tuple[int, ...]


KINDS = (
    Kind(0, 3, 32, (38,)),  # Muovi
    Kind(4, 5, 64, (70, 68)),  # Muovi+, Sessantaquattro+: the maker's scripts differ
    Kind(6, 13, 2, (8,)),  # Due+
    Kind(14, 15, 4, (10, 8)),  # Quattro+: the maker's scripts differ
)
STOP = bytes([0, crc8(b'\x00')])


def kind_of(slot: int) -> Kind:
    """Return the kind of the probe in a slot."""
    return next(kind for kind in KINDS if kind.first <= slot <= kind.last)


def command(slots: Sequence[int], signal: str, mode: str) -> bytes:
    """Return the command that starts the probes in some slots.

    Parameters
    ----------
    slots : sequence of int
        Slots in ascending order, 0 to 15.
    signal : str
        ``'EMG'`` or ``'EEG'``.
    mode : str
        One of the modes of a Muovi.
    """
    settings = (signal == 'EMG') << 3 | MODES.index(mode) << 1 | 1
    packet = bytes([len(slots) << 1 | 1, *(slot << 4 | settings for slot in slots)])
    return packet + bytes([crc8(packet)])


def frame_layouts(slots: Sequence[int], sample_bytes: int) -> dict[int, tuple[int, ...]]:
    """Return the possible frames: the values of each probe, by the length of the frame in bytes."""
    layouts: dict[int, tuple[int, ...]] = {}
    for widths in itertools.product(*(kind_of(slot).widths for slot in slots)):
        layouts.setdefault(sum(widths) * sample_bytes + 2 * STATION_VALUES, widths)
    return layouts


def _slots_error(value: Any) -> str | None:
    slots = list(value)
    fits = slots and all(0 <= slot < N_SLOTS for slot in slots) and len(set(slots)) == len(slots)
    return None if fits else 'expected different slots from 0 to 15'


class SyncStation(DialledDevice):
    """SyncStation; the arguments are those of `Device`."""

    NAME = 'syncstation'
    DEVICE = 'SyncStation'
    PARAMETERS = (
        *address_parameters('192.168.76.1', 54320),
        Parameter(
            'slots',
            [0],
            'Probes: 0 to 3 Muovi, 4 and 5 Muovi+ or Sessantaquattro+, 6 to 13 Due+, 14 and 15 '
            'Quattro+.',
            check=_slots_error,
        ),
        Parameter(
            'signal', 'EMG', 'EMG: 2000 Hz, 16 bit; EEG: 500 Hz, 24 bit.', choices=('EMG', 'EEG')
        ),
        Parameter('mode', 'gain_8', 'Working mode of all probes.', choices=MODES),
        TRIGGER_PARAMETER,
        Parameter(
            'auxiliary',
            False,
            "Publish the station's inputs on aux, in steps of its converter.",
        ),
        *CHANNEL_PARAMETERS,
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.HAS_LABELS = bool(self._values['trigger'])
        emg = self._values['signal'] == 'EMG'
        self._slots = sorted(self._values['slots'])
        self._rate = EMG_RATE if emg else EEG_RATE
        self._sample_bytes = 2 if emg else 3
        self._step = GAIN_8 * (2 if self._values['mode'] == 'gain_4' else 1)
        self._lost_by_probe = dict.fromkeys(self._slots, 0)
        self._probe_counters: NDArray[np.int64] | None = None
        self._buffer_use = 0

    def open(self) -> StreamInfo:
        """Dial the station until it answers and sends samples."""
        names = [f'P{slot}.{n + 1}' for slot in self._slots for n in range(kind_of(slot).channels)]
        selection = self._select(names)
        self._connect('switch the SyncStation on, and connect this computer to its network')
        layouts = frame_layouts(self._slots, self._sample_bytes)
        received = self._first_bytes(IDENTIFYING_FRAMES * max(layouts))
        length = find_frame_length(received, list(layouts))
        if length is None:
            peer = self._connection.peer if self._connection is not None else ''
            self.close()
            raise SourceError(
                f'{peer} sends data without the sample counter of a SyncStation with probes in '
                f'the slots {", ".join(map(str, self._slots))}. Are other probes connected?'
            )
        self._selection = selection
        self._widths = layouts[length]
        self._length = length
        self._frames = FrameBuffer(length)
        self._frames.add(received[len(received) - len(received) % length :])
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(self._rate, self.origin_s, counter=COUNTER_VALUES)
        self._trigger = TriggerLabels(self._values['trigger'], self._rate)
        self._probe_counters = None
        self._items.clear()
        if self._values['auxiliary']:
            info = StreamInfo('aux', self._rate, STATION_INPUTS, self.DEVICE, unit='1')
            self._auxiliary = (info,)
        return StreamInfo(
            'emg',
            self._rate,
            selection.names,
            device=self.DEVICE,
            grid=selection.grid,
            grid_places=selection.grid_places,
        )

    def _greet(self, connection: TcpConnection) -> None:
        connection.send(command(self._slots, self._values['signal'], self._values['mode']))

    def _receive(self, timeout_s: float) -> None:
        assert self._builder is not None
        whole = self._frames.add(self._news(timeout_s))
        if whole:
            values = self._decode(whole)
            self._builder.add(values, self._news_s, values[:, -1])
            self._builder.check_order(f'{self.DEVICE} at {self._values["host"]}')
        while (block := self._builder.pop()) is not None:
            self._items.extend(self._convert(block))

    def _decode(self, data: bytes) -> NDArray[np.int32]:
        """Return the values of whole frames: those of the probes, then those of the station."""
        frames = np.frombuffer(data, np.uint8).reshape(-1, self._length)
        split = self._length - 2 * STATION_VALUES
        n_values = split // self._sample_bytes
        decode = decode_int16 if self._sample_bytes == 2 else decode_int24
        probes = decode(np.ascontiguousarray(frames[:, :split]), n_values, 'big')
        station = decode_int16(np.ascontiguousarray(frames[:, split:]), STATION_VALUES, 'big')
        return np.hstack([probes, station]).astype(np.int32)

    def _convert(self, block: Block) -> list[Any]:
        status = block.data[:, -2]
        self._buffer_use = int(status[-1]) & 0x7FFF
        electrodes, counters, start = [], [], 0
        for slot, width in zip(self._slots, self._widths, strict=True):
            electrodes.append(block.data[:, start : start + kind_of(slot).channels])
            start += width
            counters.append(block.data[:, start - 1])
        self._count_probe_losses(np.stack(counters, axis=1).astype(np.int64))
        data = to_volt(np.hstack(electrodes)[:, self._selection.slice], self._step)
        items: list[Any] = [*self._trigger.labels(block, (status & 0x8000) != 0)]
        items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, data))
        if self._values['auxiliary']:
            inputs = block.data[:, -STATION_VALUES:-2].astype(np.float32)
            items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, inputs, 'aux'))
        return items

    def _count_probe_losses(self, counters: NDArray[np.int64]) -> None:
        """Count the samples that were lost between a probe and the station."""
        if self._probe_counters is not None:
            steps = np.diff(np.vstack([self._probe_counters, counters]), axis=0)
            lost = ((steps - 1) % COUNTER_VALUES).sum(axis=0)
            for slot, number in zip(self._slots, lost.tolist(), strict=True):
                self._lost_by_probe[slot] += int(number)
        self._probe_counters = counters[-1:]

    def health(self) -> Mapping[str, str]:
        """Return the address, the estimated rate, and the losses of each probe."""
        facts = super().health()
        if not facts:
            return {}
        lost = {f'lost by probe {slot}': str(n) for slot, n in self._lost_by_probe.items()}
        return {**facts, 'buffer of the station': str(self._buffer_use), **lost}

    def close(self) -> None:
        """Stop acquisition and hang up."""
        if self._connection is not None:
            with contextlib.suppress(DisconnectedError):
                self._connection.send(STOP)
        self._hang_up()
