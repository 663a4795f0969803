"""Fake OpenBCI Cyton at a serial port, for the source `brainflow`."""

from __future__ import annotations

import numpy as np

from myogestic_ros.sources.acquisition.sample_formats import encode_int24
from myogestic_ros.sources.fakes.serial_port import STEP_S, FakeSerialDevice

__all__ = ['FakeCyton']

RATE = 250.0
N_CHANNELS = 8
STEP = 4.5 / (2**23 - 1) / 24
"""Step of the converter at gain 24, V."""
GREETING = b'OpenBCI V3 8-16 channel\r\nFirmware: v3.1.2\r\n$$$'
PACKET = 5
"""Samples that are due at once."""


class FakeCyton(FakeSerialDevice):
    """A Cyton board, which BrainFlow drives. Option: link, the path of its serial port."""

    def serve(self) -> bool:
        """Answer commands; stream between ``b`` and ``s``."""
        while not self.stopped.is_set():
            command = self.receive(STEP_S)
            if not command:
                if not self._is_open():
                    return False
                continue
            self.report(f'command {command.decode("latin-1")}')
            if command[-1:] == b'b':
                if self._stream():
                    return True
            elif command[-1:] != b's':
                self.write(GREETING)
        return False

    def _stream(self) -> bool:
        """Send packets until the next command; return True if unplugged."""
        for packet in self.packets(N_CHANNELS, RATE, PACKET, STEP):
            counts = np.rint(packet.data.astype(np.float64) / STEP)
            numbers = packet.first_sample + np.arange(len(counts))
            frames = b''.join(
                bytes([0xA0, number % 256]) + encode_int24(row[None], 'big') + bytes(6) + b'\xc0'
                for number, row in zip(numbers.tolist(), counts, strict=True)
            )
            self.write(frames, packet.cut)
            if packet.cut:
                return True
            command = self.receive()
            if command:
                self.report(f'command {command.decode("latin-1")}')
                return False
        return False
