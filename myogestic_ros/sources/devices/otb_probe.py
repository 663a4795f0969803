"""Wireless probes of OT Bioelettronica that dial in: what Muovi and Sessantaquattro share.

Every instant holds the channels, some accessory values, the use of the probe's buffer together
with the trigger input, and a sample counter of 16 bits, all of the same width, big-endian. There
is no header and no checksum: the number of values of an instant is known by trying at which width
the last value rises by one from instant to instant.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.sources.acquisition.block_builder import Block, BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.device import (
    STEP_S,
    TRIGGER_PARAMETER,
    Device,
    TriggerLabels,
)
from myogestic_ros.sources.acquisition.frame_length import (
    IDENTIFYING_FRAMES,
    find_frame_length,
)
from myogestic_ros.sources.acquisition.sample_formats import decode_int16, decode_int24, to_volt
from myogestic_ros.sources.acquisition.tcp import (
    DisconnectedError,
    FrameBuffer,
    TcpConnection,
    TcpListener,
)

__all__ = ['IMU_RATE', 'OtbProbe', 'probe_parameters']

COUNTER_VALUES = 2**16
FIRST_SAMPLES_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 3.0
IMU_RATE = 100.0
QUATERNION_SCALE = 1.0 / 16384.0
QUATERNION = ('w', 'x', 'y', 'z')


def probe_parameters(port: int) -> tuple[Parameter, ...]:
    """Return the parameters of every probe."""
    return (
        Parameter(
            'host', '0.0.0.0', 'Address of the network interface to listen on; 0.0.0.0: all.'
        ),
        Parameter('port', port, 'Port to listen on.', minimum=0, maximum=65535),
        Parameter(
            'scale',
            0.0,
            'Volt per step of the converter; 0: as the maker states.',
            minimum=0.0,
            maximum=1.0,
        ),
        TRIGGER_PARAMETER,
        Parameter('auxiliary', True, 'Publish the further inputs of the probe, see its page.'),
        *CHANNEL_PARAMETERS,
    )


def _decode(data: bytes, width: int, sample_bytes: int) -> NDArray[Any]:
    decode = decode_int16 if sample_bytes == 2 else decode_int24
    return decode(data, width, 'big')


class OtbProbe(Device):
    """A probe that dials in, is started by a command, and sends instants of equal width.

    A subclass tells the command, the widths that are possible, and the names of the values.
    """

    DEVICE: str
    """Name of the device in sentences."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.HAS_LABELS = bool(self._values['trigger'])
        self._listener: TcpListener | None = None
        self._connection: TcpConnection | None = None
        self._connected_s = 0.0
        self._received = b''  # before the width is known
        self._news_s = 0.0
        self._buffer_use = 0

    # -- for subclasses -----------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Sampling rate, Hz."""
        raise NotImplementedError

    @property
    def sample_bytes(self) -> int:
        """Bytes of a value."""
        raise NotImplementedError

    @property
    def volt_per_count(self) -> float:
        """Step of the converter as the maker states it, V."""
        raise NotImplementedError

    def command(self, go: bool) -> bytes:
        """Return the command that starts or stops acquisition."""
        raise NotImplementedError

    def widths(self) -> Sequence[int]:
        """Return the numbers of values of an instant that are possible, the likeliest first."""
        raise NotImplementedError

    def layout(self, width: int) -> tuple[list[str], slice | None, slice | None]:
        """Return the names of the channels, and the columns of the quaternion and of AUX inputs.

        Channels are the first columns. None where there are none.
        """
        raise NotImplementedError

    # -- source -------------------------------------------------------------------------------

    def open(self) -> StreamInfo:
        """Listen until the probe has dialled in and sends samples."""
        if self._listener is None:
            self._listener = TcpListener(self._values['host'], self._values['port'])
        if self._connection is None:
            self._accept()
        return self._begin(self._identify())

    def _accept(self) -> None:
        assert self._listener is not None
        connection = self._listener.accept(STEP_S)
        if connection is None:
            raise SourceWaiting(f'switch the {self.DEVICE} on ({self._listening})')
        self._connection = connection
        self._connected_s, self._received = time.monotonic(), b''
        try:
            connection.send(self.command(go=True))
        except DisconnectedError as error:
            self._hang_up()
            raise SourceWaiting(f'{_clause(error)} ({self._listening})') from error

    @property
    def _listening(self) -> str:
        assert self._listener is not None
        return f'listening on port {self._listener.port}'

    def _identify(self) -> int:
        """Return the width of an instant once enough of them have arrived."""
        assert self._connection is not None
        peer = self._connection.peer
        try:
            self._received += self._connection.receive(STEP_S)
        except DisconnectedError as error:
            self._hang_up()
            raise SourceWaiting(
                f'{_clause(error)} before it had sent enough samples ({self._listening})'
            ) from error
        widths = self.widths()
        lengths = [width * self.sample_bytes for width in widths]
        if len(self._received) >= IDENTIFYING_FRAMES * max(lengths):
            length = find_frame_length(self._received, lengths)
            if length is None:
                self.close()
                raise SourceError(
                    f'{peer} sends data without the sample counter of a {self.DEVICE}; expected '
                    f'instants of {" or ".join(map(str, widths))} values of {self.sample_bytes} '
                    f'bytes. Is it another device, or set to another mode?'
                )
            return length // self.sample_bytes
        if time.monotonic() - self._connected_s > FIRST_SAMPLES_TIMEOUT_S:
            received = len(self._received)
            self.close()
            raise SourceError(
                f'{peer} has connected, but sent only {received} bytes within '
                f'{FIRST_SAMPLES_TIMEOUT_S:g} s; expected the samples of a {self.DEVICE}. Is it '
                f'another device?'
            )
        raise SourceWaiting(f'the {self.DEVICE} at {peer} has connected, its samples are awaited')

    def _begin(self, width: int) -> StreamInfo:
        names, self._quaternion, self._inputs = self.layout(width)
        self._selection = self._select(names)
        scale = self._values['scale'] or self.volt_per_count
        self._scale = scale
        self._width = width
        self._frames = FrameBuffer(width * self.sample_bytes)
        rest = len(self._received) % (width * self.sample_bytes)
        self._frames.add(self._received[len(self._received) - rest :])
        self._received = b''
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(self.rate, self.origin_s, counter=COUNTER_VALUES)
        self._trigger = TriggerLabels(self._values['trigger'], self.rate)
        self._items.clear()
        self._auxiliary = self._describe_auxiliary()
        return StreamInfo(
            'emg',
            self.rate,
            self._selection.names,
            device=self.DEVICE,
            grid=self._selection.grid,
            grid_places=self._selection.grid_places,
        )

    def _describe_auxiliary(self) -> tuple[StreamInfo, ...]:
        found = []
        if self._values['auxiliary'] and self._quaternion is not None:
            found.append(StreamInfo('imu', IMU_RATE, QUATERNION, self.DEVICE, unit='1'))
        if self._values['auxiliary'] and self._inputs is not None:
            names = tuple(f'AUX{n + 1}' for n in range(self._inputs.stop - self._inputs.start))
            found.append(StreamInfo('aux', self.rate, names, self.DEVICE, unit='V'))
        return tuple(found)

    def _receive(self, timeout_s: float) -> None:
        assert self._connection is not None
        assert self._listener is not None
        try:
            data = self._connection.receive(timeout_s)
        except DisconnectedError as error:
            self._hang_up()
            raise SourceWaiting(
                f'{_clause(error)}; it will connect again ({self._listening})'
            ) from error
        now_s = time.monotonic()
        if not data:
            if now_s - self._news_s > SILENCE_TIMEOUT_S:
                peer = self._connection.peer
                self._hang_up()
                raise SourceWaiting(
                    f'{peer} has sent nothing for {SILENCE_TIMEOUT_S:g} s; it will connect again '
                    f'({self._listening})'
                )
            return
        self._news_s = now_s
        self._listener.refuse_others()
        whole = self._frames.add(data)
        if whole:
            values = _decode(whole, self._width, self.sample_bytes)
            self._builder.add(values, now_s, values[:, -1])
            self._builder.check_order(f'{self.DEVICE} at {self._connection.peer}')
        while (block := self._builder.pop()) is not None:
            self._items.extend(self._convert(block))

    def _convert(self, block: Block) -> list[Chunk | Label]:
        status = block.data[:, -2].astype(np.int32)
        self._buffer_use = int(status[-1]) & 0x7FFF
        data = to_volt(block.data[:, self._selection.slice], self._scale)
        items: list[Chunk | Label] = [*self._trigger.labels(block, (status & 0x8000) != 0)]
        items.append(Chunk(block.first_sample, block.stamp_ns, self.rate, data))
        if self._values['auxiliary']:
            items += self._convert_auxiliary(block)
        return items

    def _convert_auxiliary(self, block: Block) -> list[Chunk]:
        found = []
        if self._quaternion is not None:  # new at 100 Hz, repeated in between
            step = round(self.rate / IMU_RATE)
            skip = -block.first_sample % step
            values = block.data[skip::step, self._quaternion].astype(np.float32)
            if len(values):
                first = (block.first_sample + skip) // step
                stamp_ns = block.stamp_ns + round(skip * 1e9 / self.rate)
                values *= np.float32(QUATERNION_SCALE)
                found.append(Chunk(first, stamp_ns, IMU_RATE, values, 'imu'))
        if self._inputs is not None:
            data = to_volt(block.data[:, self._inputs], self.input_volt_per_count)
            found.append(Chunk(block.first_sample, block.stamp_ns, self.rate, data, 'aux'))
        return found

    @property
    def input_volt_per_count(self) -> float:
        """Step of the converter of the AUX inputs, V."""
        raise NotImplementedError

    def health(self) -> Mapping[str, str]:
        """Return the peer, the estimated rate, and the use of the probe's buffer."""
        connection = self._connection
        if connection is None or self._listener is None:
            return {}
        facts = {
            'peer': connection.peer,
            'buffer of the probe': str(self._buffer_use),
            **self._builder.health(),
        }
        if self._listener.refused:
            facts['refused connections'] = str(self._listener.refused)
        return facts

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Stop acquisition, end the connection and close the port."""
        if self._connection is not None:
            with contextlib.suppress(DisconnectedError):
                self._connection.send(self.command(go=False))
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def _clause(error: Exception) -> str:
    """Return the sentence of an error without its full stop."""
    return str(error).rstrip('.')
