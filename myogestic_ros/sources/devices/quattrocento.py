"""OT Bioelettronica Quattrocento: up to 384 channels at 10,240 Hz over Ethernet."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.device import TRIGGER_PARAMETER, TriggerLabels
from myogestic_ros.sources.acquisition.dialled_device import DialledDevice, address_parameters
from myogestic_ros.sources.acquisition.frame_length import IDENTIFYING_FRAMES, find_frame_length
from myogestic_ros.sources.acquisition.sample_formats import decode_int16, to_volt
from myogestic_ros.sources.acquisition.tcp import DisconnectedError, FrameBuffer, TcpConnection

__all__ = ['BIO_STEP', 'INPUT_STEP', 'STOP', 'Quattrocento', 'channel_names', 'command']

RATES = (512, 2048, 5120, 10240)
SIZES = {120: (2, 1), 216: (4, 2), 312: (6, 3), 408: (8, 4)}
"""Number of IN and of MULTIPLE IN connectors for each number of values of an instant."""
HIGH_PASS = ('0.7', '10', '100', '200')
LOW_PASS = ('130', '500', '900', '4400')
MODES = ('monopolar', 'differential', 'bipolar')
N_CONNECTORS = 12
N_INPUTS, N_ACCESSORY = 16, 8
COUNTER, TRIGGER, BUFFER = 0, 1, 3
"""Places among the accessory values."""
TRIGGER_THRESHOLD = 16000
BIO_STEP = 5.0 / 2**16 / 150.0
INPUT_STEP = 5.0 / 2**16 / 0.5
"""Steps of the converter for electrodes and for AUX IN, V."""
COUNTER_VALUES = 2**16
BLOCK_MS = 10.0


def _with_check(packet: bytes) -> bytes:
    return packet + bytes([crc8(packet)])


STOP = _with_check(b'\x80' + bytes(38))
"""Command that stops acquisition."""


def command(
    n_values: int, rate: int, mode: str, high_pass: str, low_pass: str, *, decimate: bool
) -> bytes:
    """Return the 40 bytes that start acquisition.

    Parameters
    ----------
    n_values : int
        One of `SIZES`.
    rate : int
        One of `RATES`, Hz.
    mode : str
        One of `MODES`, for all inputs.
    high_pass, low_pass : str
        One of `HIGH_PASS` and `LOW_PASS`, Hz, for all inputs.
    decimate : bool
        True to sample at 10,240 Hz and send every second, fifth or twentieth sample.
    """
    settings = 0x80 | decimate << 6 | RATES.index(rate) << 3 | list(SIZES).index(n_values) << 1 | 1
    filters = HIGH_PASS.index(high_pass) << 4 | LOW_PASS.index(low_pass) << 2 | MODES.index(mode)
    return _with_check(bytes([settings, 0, 0]) + bytes([0, 0, filters]) * N_CONNECTORS)


def channel_names(n_values: int) -> list[str]:
    """Return the names of the electrode channels: connector and number."""
    n_in, n_multiple = SIZES[n_values]
    names = [f'IN{k + 1}.{n + 1}' for k in range(n_in) for n in range(16)]
    return names + [f'MULTIPLE{k + 1}.{n + 1}' for k in range(n_multiple) for n in range(64)]


class Quattrocento(DialledDevice):
    """Quattrocento; the arguments are those of `Device`."""

    NAME = 'quattrocento'
    DEVICE = 'Quattrocento'
    PARAMETERS = (
        *address_parameters('169.254.1.10', 23456),
        Parameter(
            'sampling_rate',
            2048,
            'Sampling rate, Hz: 512, 2048, 5120 or 10240.',
            check=lambda value: None if value in RATES else 'expected 512, 2048, 5120 or 10240',
        ),
        Parameter(
            'n_values',
            408,
            'Values per instant, which select the connectors: 120 (IN1-2, MULTIPLE1), 216 (IN1-4, '
            'MULTIPLE1-2), 312 (IN1-6, MULTIPLE1-3) or 408 (all).',
            check=lambda value: None if value in SIZES else 'expected 120, 216, 312 or 408',
        ),
        Parameter('mode', 'monopolar', 'Detection of all inputs.', choices=MODES),
        Parameter('high_pass', '10', 'High-pass filter of all inputs, Hz.', choices=HIGH_PASS),
        Parameter('low_pass', '500', 'Low-pass filter of all inputs, Hz.', choices=LOW_PASS),
        Parameter('decimate', False, 'Sample at 10240 Hz and send every 2nd, 5th or 20th sample.'),
        TRIGGER_PARAMETER,
        Parameter('auxiliary', False, 'Publish the 16 channels of AUX IN on aux.'),
        *CHANNEL_PARAMETERS,
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.HAS_LABELS = bool(self._values['trigger'])
        self._rate = float(self._values['sampling_rate'])
        self._n_values = int(self._values['n_values'])
        self._frame_bytes = 2 * self._n_values
        self._buffer_use = 0

    def open(self) -> StreamInfo:
        """Dial the device until it answers and sends samples."""
        selection = self._select(channel_names(self._n_values))
        self._connect(
            "switch the Quattrocento on, and give this computer's Ethernet an address 169.254.x.x"
        )
        needed = IDENTIFYING_FRAMES * self._frame_bytes
        received = self._first_bytes(needed)
        after_counter = self._frame_bytes - 2 * (self._n_values - N_ACCESSORY + COUNTER + 1)
        if not find_frame_length(received, [self._frame_bytes], after_counter, 'little'):
            peer = self._connection.peer if self._connection is not None else ''
            self.close()
            raise SourceError(
                f'{peer} sends data without the sample counter of a Quattrocento with '
                f'{self._n_values} values. It was not stopped properly before, or is another '
                f'device: switch it off and on.'
            )
        self._selection = selection
        self._frames = FrameBuffer(self._frame_bytes)
        self._frames.add(received[len(received) - len(received) % self._frame_bytes :])
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(
            self._rate, self.origin_s, block_ms=BLOCK_MS, counter=COUNTER_VALUES
        )
        self._trigger = TriggerLabels(self._values['trigger'], self._rate)
        self._items.clear()
        if self._values['auxiliary']:
            names = tuple(f'AUX{n + 1}' for n in range(N_INPUTS))
            self._auxiliary = (StreamInfo('aux', self._rate, names, self.DEVICE),)
        return StreamInfo(
            'emg',
            self._rate,
            selection.names,
            device=self.DEVICE,
            grid=selection.grid,
            grid_places=selection.grid_places,
        )

    def _greet(self, connection: TcpConnection) -> None:
        values = self._values
        connection.send(
            command(
                self._n_values,
                int(self._rate),
                values['mode'],
                values['high_pass'],
                values['low_pass'],
                decimate=values['decimate'],
            )
        )

    def _receive(self, timeout_s: float) -> None:
        assert self._builder is not None
        whole = self._frames.add(self._news(timeout_s))
        if whole:
            values = decode_int16(whole, self._n_values, 'little')
            counters = values[:, self._n_values - N_ACCESSORY + COUNTER]
            self._builder.add(values, self._news_s, counters)
            self._builder.check_order(f'{self.DEVICE} at {self._values["host"]}')
        while (block := self._builder.pop()) is not None:
            accessory = block.data[:, self._n_values - N_ACCESSORY :]
            self._buffer_use = int(accessory[-1, BUFFER])
            self._items.extend(
                self._trigger.labels(block, accessory[:, TRIGGER] > TRIGGER_THRESHOLD)
            )
            data = to_volt(block.data[:, self._selection.slice], BIO_STEP)
            self._items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, data))
            if self._values['auxiliary']:
                start = self._n_values - N_ACCESSORY - N_INPUTS
                inputs = to_volt(block.data[:, start : start + N_INPUTS], INPUT_STEP)
                self._items.append(
                    Chunk(block.first_sample, block.stamp_ns, self._rate, inputs, 'aux')
                )

    def health(self) -> Mapping[str, str]:
        """Return the address, the estimated rate, and the space left in the device's buffer."""
        facts = super().health()
        return {**facts, 'buffer of the device': str(self._buffer_use)} if facts else {}

    def close(self) -> None:
        """Stop acquisition, without which the next connection would be out of step, and hang up."""
        if self._connection is not None:
            with contextlib.suppress(DisconnectedError):
                self._connection.send(STOP)
        self._hang_up()
