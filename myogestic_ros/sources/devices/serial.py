"""A microcontroller at a serial port: Arduino, ESP32, Teensy, and the electronics of prostheses."""

from __future__ import annotations

import contextlib
import errno
import glob
import time
from collections.abc import Mapping
from typing import Any

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.device import STEP_S, Device
from myogestic_ros.sources.acquisition.libraries import optional_library
from myogestic_ros.sources.acquisition.serial_frames import (
    CHECKS,
    NUMBERS,
    FrameReader,
    Frames,
    PacketReader,
    TextReader,
)

__all__ = ['Serial']

COUNTER_BITS = (0, 8, 16, 32)
FIRST_SAMPLES_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 3.0
START_INTERVAL_S = 1.0
MAX_DEVIATION = 0.02
"""A sketch that waits between its samples deviates by more than the crystal of its board."""
READ_BYTES = 65536


def _bytes_of(text: str) -> bytes:
    r"""Return the bytes of a command, in which ``\n``, ``\r`` and ``\x01`` have their meaning."""
    return text.encode('latin-1').decode('unicode_escape').encode('latin-1')


def _command_fault(value: Any) -> str | None:
    try:
        _bytes_of(value)
    except UnicodeError:
        return r'expected text with escapes such as \n or \x01'
    return None


def _sync_fault(value: Any) -> str | None:
    with contextlib.suppress(ValueError):
        if bytes.fromhex(value):
            return None
    return "expected hexadecimal bytes such as 'A5 5A'"


class Serial(Device):
    """A device at a serial port; the arguments are those of `Device`."""

    NAME = 'serial'
    PARAMETERS = (
        Parameter(
            'port', '/dev/ttyACM0', 'Serial port, or a pattern for one, as /dev/serial/by-id/*.'
        ),
        Parameter('baud_rate', 115200, 'Bits per second.', minimum=300, maximum=20_000_000),
        Parameter(
            'format',
            'lines',
            'One line of text, or one packet of bytes per sample.',
            choices=('lines', 'packets'),
        ),
        Parameter('n_channels', 1, 'Channels that the device sends.', minimum=1, maximum=1024),
        Parameter(
            'sampling_rate', 1000.0, 'Sampling rate, Hz.', minimum=1.0, maximum=100_000.0
        ),
        Parameter(
            'scale', 1.0, 'Volt at the electrodes per unit of the samples.', minimum=1e-12,
            maximum=1e6,
        ),
        Parameter('offset', 0.0, 'Value of a sample that stands for 0 V.'),
        Parameter(
            'counter_bits',
            0,
            'Bits of the sample counter before the channels, 0 (none), 8, 16 or 32. In lines it is '
            'the first number.',
            check=lambda value: None if value in COUNTER_BITS else 'expected 0, 8, 16 or 32',
        ),
        Parameter(
            'sync', 'A5 5A', 'First bytes of a packet, hexadecimal.', check=_sync_fault
        ),
        Parameter('number', 'int16', 'Numbers in packets.', choices=tuple(NUMBERS)),
        Parameter(
            'byte_order', 'little', 'Byte order in packets.', choices=('little', 'big')
        ),
        Parameter('check', 'crc8', 'Check at the end of packets.', choices=CHECKS),
        Parameter(
            'start_command',
            '',
            r'Bytes that start the device, such as start\n; sent every second until it sends; empty: '
            'none.',
            check=_command_fault,
        ),
        Parameter(
            'stop_command', '', 'Bytes that stop the device; empty: none.', check=_command_fault
        ),
        *CHANNEL_PARAMETERS,
    )  # fmt: skip

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._port: Any = None
        self._reader: FrameReader | None = None
        self._builder: BlockBuilder | None = None
        self._rate = float(self._values['sampling_rate'])
        self._opened_s = self._commanded_s = self._news_s = 0.0

    def open(self) -> StreamInfo:
        """Open the port, start the device, and wait for its first samples."""
        values = self._values
        selection = self._select([f'CH{n + 1}' for n in range(values['n_channels'])])
        if self._port is None:
            self._port = self._open_port()
            self._opened_s = time.monotonic()
            self._commanded_s = -float('inf')
            self._reader = self._new_reader()
        assert self._reader is not None
        now_s = time.monotonic()
        # A board that is reset by the opening does not hear the first command.
        if values['start_command'] and now_s - self._commanded_s > START_INTERVAL_S:
            self._commanded_s = now_s
            self._write(_bytes_of(values['start_command']))
        frames = self._reader.add(self._read(STEP_S))
        if not frames:
            if now_s - self._opened_s > FIRST_SAMPLES_TIMEOUT_S:
                port = self._port.port
                self.close()
                raise SourceError(
                    f'No {values["format"]} with {values["n_channels"]} channels came from {port} '
                    f'within {FIRST_SAMPLES_TIMEOUT_S:g} s; check baud_rate, format, n_channels '
                    f'and counter_bits, and that the device has been started.'
                )
            raise SourceWaiting(
                f'{self._port.port} is open, the samples of the device are awaited'
            )
        self._selection = selection
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(
            self._rate,
            self.origin_s,
            counter=2 ** values['counter_bits'] if values['counter_bits'] else 0,
            max_deviation=MAX_DEVIATION,
        )
        self._items.clear()
        return StreamInfo(
            'emg',
            self._rate,
            selection.names,
            device=f'serial {self._port.port}',
            grid=selection.grid,
            grid_places=selection.grid_places,
        )

    def _new_reader(self) -> FrameReader:
        values = self._values
        if values['format'] == 'lines':
            return TextReader(values['n_channels'], with_counter=bool(values['counter_bits']))
        return PacketReader(
            values['n_channels'],
            values['number'],
            values['byte_order'],
            bytes.fromhex(values['sync']),
            values['counter_bits'] // 8,
            values['check'],
        )

    def _open_port(self) -> Any:
        """Return the open port, or raise SourceWaiting while it is not there."""
        serial = optional_library('serial', 'pyserial>=3.5', 'serial')
        wanted = self._values['port']
        found = sorted(glob.glob(wanted)) or [wanted]
        if len(found) > 1:
            raise SourceError(
                f"Several serial ports fit '{wanted}': {', '.join(found)}; set port to one of them."
            )
        try:
            return serial.Serial(
                found[0], self._values['baud_rate'], timeout=0, write_timeout=1.0, exclusive=True
            )
        except ValueError as error:
            raise SourceError(f'Cannot open {found[0]}: {error}.') from error
        except OSError as error:
            if error.errno == errno.EACCES:
                raise SourceError(
                    f'No permission to open {found[0]}; add yourself to the group dialout: '
                    f'sudo usermod -aG dialout $USER, and log in again.'
                ) from error
            if error.errno not in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO):
                raise SourceError(f'Cannot open {found[0]}: {error}.') from error
            time.sleep(STEP_S)
            comports = optional_library(
                'serial.tools.list_ports', 'pyserial>=3.5', 'serial'
            ).comports
            others = ', '.join(sorted(port.device for port in comports())) or 'none'
            raise SourceWaiting(
                f'connect the device: there is no port {wanted} (serial ports: {others})'
            ) from error

    def _read(self, timeout_s: float) -> bytes:
        """Return what arrives within ``timeout_s``."""
        try:
            self._port.timeout = timeout_s
            first: bytes = self._port.read(1)
            if not first:
                return b''
            self._port.timeout = 0
            rest: bytes = self._port.read(READ_BYTES)
            return first + rest
        except OSError as error:  # SerialException is one
            raise SourceError(f'{self._port.port} was unplugged: {error}.') from error

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise SourceError(f'{self._port.port} takes no commands: {error}.') from error

    def _receive(self, timeout_s: float) -> None:
        assert self._builder is not None
        assert self._reader is not None
        received = self._read(timeout_s)
        now_s = time.monotonic()
        for frames in self._reader.add(received):
            self._news_s = now_s
            self._add(frames, now_s)
        if now_s - self._news_s > SILENCE_TIMEOUT_S:
            raise SourceError(
                f'No samples have come from {self._port.port} for {SILENCE_TIMEOUT_S:g} s.'
            )
        while (block := self._builder.pop()) is not None:
            self._items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, block.data))

    def _add(self, frames: Frames, now_s: float) -> None:
        assert self._builder is not None
        values = self._values
        chosen = frames.data[:, self._selection.slice]
        volts = ((chosen - values['offset']) * values['scale']).astype('float32')
        if values['counter_bits']:
            self._builder.add(volts, now_s, frames.counters)
            return
        self._builder.skip(frames.unreadable)
        self._builder.add(volts, now_s)

    def health(self) -> Mapping[str, str]:
        """Return the port, the estimated rate, and the number of unreadable samples."""
        port, reader, builder = self._port, self._reader, self._builder
        if port is None or reader is None or builder is None:
            return {}
        facts = {'port': str(port.port), **builder.health()}
        if reader.unreadable:
            facts['unreadable samples'] = str(reader.unreadable)
        return facts

    def close(self) -> None:
        """Stop the device and close the port."""
        port, self._port = self._port, None
        self._builder = None
        if port is None:
            return
        with contextlib.suppress(OSError):
            if self._values['stop_command']:
                port.write(_bytes_of(self._values['stop_command']))
        with contextlib.suppress(OSError):
            port.close()
