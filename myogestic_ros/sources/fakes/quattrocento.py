"""Fake Quattrocento."""

from __future__ import annotations

import socket

import numpy as np

from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.sample_formats import encode_int16
from myogestic_ros.sources.fakes.fake import FakeServer, arrived
from myogestic_ros.sources.fakes.otb import TRIGGER_PERIOD, signed

__all__ = ['FakeQuattrocento']

COMMAND_BYTES = 40
STEP = 5.0 / 2**16 / 150.0
RATES = (512, 2048, 5120, 10240)
TOTALS = (120, 216, 312, 408)
BUFFER_LEFT = 1000


class FakeQuattrocento(FakeServer):
    """A Quattrocento: sends as commanded, and nothing after a command with a wrong check."""

    PORT = 23456

    def serve(self, connection: socket.socket) -> None:
        """Obey commands until the connection ends."""
        while command := self.receive(connection, COMMAND_BYTES):
            self.report(f'command {command[:6].hex()} check {command[-1]:02x}')
            if crc8(command[:-1]) != command[-1]:
                self.report('wrong check')
            elif command[0] & 1:
                self.stream(connection, command[0])
                if not self.stopped.is_set() and self.settings.faults.disconnect_after_s:
                    return

    def stream(self, connection: socket.socket, settings: int) -> None:
        """Send samples until the next command arrives."""
        rate = RATES[settings >> 3 & 3]
        total = TOTALS[settings >> 1 & 3]
        n_channels = total - 24
        size = max(1, round(rate / 200))
        for packet in self.packets(n_channels, float(rate), size, STEP):
            counts = np.rint(packet.data.astype(np.float64) / STEP)
            samples = packet.first_sample + np.arange(len(packet.data))
            rest = np.zeros((len(samples), 24))
            rest[:, :16] = 1000  # AUX IN
            rest[:, 16] = signed(samples % 2**16, 16)
            rest[:, 17] = 32767 * (samples % TRIGGER_PERIOD >= TRIGGER_PERIOD // 2)
            rest[:, 19] = BUFFER_LEFT
            data = encode_int16(np.hstack([counts, rest]), 'little')
            self.send(connection, data, packet.cut)
            news = arrived(connection)
            if news:
                self.report(f'command {news[:6].hex()} check {news[-1]:02x}')
                return
