"""Fake SyncStation."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.sample_formats import encode_int16, encode_int24
from myogestic_ros.sources.fakes.cadence import Packet
from myogestic_ros.sources.fakes.fake import FakeServer, arrived, quaternion
from myogestic_ros.sources.fakes.otb import GAIN_8, signed, status_values

__all__ = ['FakeSyncStation']

STATION_VALUES = 6


def n_channels_of(slot: int) -> int:
    """Return the number of electrodes of the probe in a slot."""
    return 32 if slot < 4 else 64 if slot < 6 else 2 if slot < 14 else 4


class FakeSyncStation(FakeServer):
    """A SyncStation with all probes that it is asked for."""

    PORT = 54320

    def serve(self, connection: socket.socket) -> None:
        """Obey commands until the connection ends."""
        while head := self.receive(connection, 1):
            n_probes = head[0] >> 1 & 0x1F
            command = head + self.receive(connection, n_probes + 1)
            self.report(f'command {command.hex()}')
            if crc8(command[:-1]) != command[-1]:
                self.report('wrong check')
            elif command[0] & 1:
                self.stream(connection, command[1:-1])
                if not self.stopped.is_set() and self.settings.faults.disconnect_after_s:
                    return

    def stream(self, connection: socket.socket, probes: bytes) -> None:
        """Send samples until the next command arrives."""
        emg = bool(probes[0] & 0x08)
        rate, bits = (2000.0, 16) if emg else (500.0, 24)
        step = GAIN_8 * (2 if probes[0] >> 1 & 3 == 1 else 1)
        sizes = [n_channels_of(probe >> 4) for probe in probes]
        for packet in self.packets(sum(sizes), rate, 18, step):
            data = self.encode(packet, sizes, rate, bits, step)
            self.send(connection, data, packet.cut)
            news = arrived(connection)
            if news:
                self.report(f'command {news.hex()}')
                return

    def encode(
        self, packet: Packet, sizes: list[int], rate: float, bits: int, step: float
    ) -> bytes:
        """Return the bytes of a packet."""
        n = len(packet.data)
        counts = np.rint(packet.data.astype(np.float64) / step)
        accessory = np.hstack(
            [quaternion(packet.first_sample, n, rate), signed(status_values(packet), 16)]
        )
        parts: list[NDArray[Any]] = []
        for part in np.split(counts, np.cumsum(sizes)[:-1], axis=1):
            parts += [part, accessory]
        probes = np.hstack(parts)
        station = np.zeros((n, STATION_VALUES))
        station[:, :4] = (1, 2, 3, 4)
        station[:, 4:] = signed(status_values(packet), 16)
        encode = encode_int16 if bits == 16 else encode_int24
        head = np.frombuffer(encode(probes, 'big'), np.uint8).reshape(n, -1)
        tail = np.frombuffer(encode_int16(station, 'big'), np.uint8).reshape(n, -1)
        return bytes(np.hstack([head, tail]).tobytes())
