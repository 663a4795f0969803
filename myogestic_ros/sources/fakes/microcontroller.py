"""Fake microcontroller at a serial port, for the source `serial`."""

from __future__ import annotations

import numpy as np

from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.sample_formats import encode_int16
from myogestic_ros.sources.fakes.serial_port import FakeSerialDevice

__all__ = ['FakeMicrocontroller']

STEP = 1e-6
"""Volt per count."""
SYNC = b'\xa5\x5a'
GREETING = b'boot: 0x13 ready\r\n'


class FakeMicrocontroller(FakeSerialDevice):
    """A sketch that samples 8 channels at 1000 Hz, in µV. Options: link, format (lines, packets).

    Lines begin with a counter of 16 bits. Packets are A5 5A, a counter of 8 bits, int16, CRC-8.
    """

    def serve(self) -> bool:
        """Greet as a boot loader does, then send; return True if unplugged."""
        self.write(GREETING)
        as_packets = self.settings.options.get('format') == 'packets'
        encode = _packets if as_packets else _lines
        n_channels = self.settings.channels or 8
        rate = self.settings.sampling_rate or 1000.0
        for packet in self.packets(n_channels, rate, max(1, round(rate / 200)), STEP):
            counts = np.rint(packet.data.astype(np.float64) / STEP).astype(np.int64)
            self.write(encode(packet.first_sample, counts), packet.cut)
            if packet.cut:
                return True
        return False


def _lines(first: int, counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> bytes:
    rows = enumerate(counts.tolist(), first)
    return ''.join(f'{n % 65536},{",".join(map(str, row))}\r\n' for n, row in rows).encode()


def _packets(first: int, counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> bytes:
    data = b''
    for n, row in enumerate(counts, first):
        body = bytes([n % 256]) + encode_int16(row, 'little')
        data += SYNC + body + bytes([crc8(body)])
    return data
