"""Fake probes of OT Bioelettronica that dial in: Muovi, Muovi+, Sessantaquattro."""

from __future__ import annotations

import socket
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.sources.acquisition.sample_formats import encode_int16, encode_int24
from myogestic_ros.sources.fakes.cadence import Packet
from myogestic_ros.sources.fakes.fake import FakeClient, arrived, quaternion

__all__ = ['FakeMuovi', 'FakeMuoviPlus', 'FakeSessantaquattro']

GAIN_8 = 286.1e-9
TRIGGER_PERIOD = 4000
"""The trigger is high for half of that number of samples, then low."""
BUFFER_USE = 5


def status_values(packet: Packet) -> NDArray[Any]:
    """Return the last two values of each instant: buffer with trigger, and counter, unsigned."""
    samples = packet.first_sample + np.arange(len(packet.data))
    high = samples % TRIGGER_PERIOD >= TRIGGER_PERIOD // 2
    return np.stack([BUFFER_USE | high << 15, samples % 2**16], axis=1)


def signed(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return unsigned values of a number of bits as signed ones of the same bits."""
    return np.asarray((values + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1))


class FakeProbe(FakeClient):
    """A probe that streams after a command with its lowest bit set, and stops after one without."""

    COMMAND_BYTES: int

    def configure(self, command: int) -> tuple[int, float, int, int, float]:
        """Return channels, rate in Hz, packet size, bits and step in V for a command."""
        raise NotImplementedError

    def accessory(self, packet: Packet, rate: float) -> NDArray[Any]:
        """Return the accessory values of each instant, in counts."""
        return np.hstack(
            [
                quaternion(packet.first_sample, len(packet.data), rate),
                signed(status_values(packet), 16),
            ]
        )

    def serve(self, connection: socket.socket) -> None:
        """Stream until a command without the lowest bit, which ends the connection."""
        command = int.from_bytes(self.receive(connection, self.COMMAND_BYTES), 'big')
        self.report(f'command {command:0{2 * self.COMMAND_BYTES}x}')
        if not command & 1:
            return  # as the devices do: they hang up
        n_channels, rate, size, bits, step = self.configure(command)
        encode = encode_int16 if bits == 16 else encode_int24
        for packet in self.packets(n_channels, rate, size, step):
            counts = np.rint(packet.data.astype(np.float64) / step)
            instants = np.hstack([counts, self.accessory(packet, rate)])
            data = encode(instants, 'big')
            self.send(connection, data, packet.cut)
            news = arrived(connection)
            if news and not news[-1] & 1:
                self.report(f'command {news.hex()}')
                return


class FakeMuovi(FakeProbe):
    """A Muovi: 18 instants every 9 ms."""

    PORT = 54321
    COMMAND_BYTES = 1
    CHANNELS = 32
    PACKET: ClassVar[dict[int, int]] = {16: 18, 24: 12}

    def configure(self, command: int) -> tuple[int, float, int, int, float]:
        emg = bool(command & 0x08)
        bits = 16 if emg else 24
        step = GAIN_8 * (2 if command >> 1 & 3 == 1 else 1)
        n_channels = self.settings.channels or self.CHANNELS
        return n_channels, 2000.0 if emg else 500.0, self.PACKET[bits], bits, step


class FakeMuoviPlus(FakeMuovi):
    """A Muovi+: 10 instants every 5 ms."""

    CHANNELS = 64
    PACKET: ClassVar[dict[int, int]] = {16: 10, 24: 6}


class FakeSessantaquattro(FakeProbe):
    """A Sessantaquattro; with the option ``plus=1`` a Sessantaquattro+."""

    PORT = 45454
    COMMAND_BYTES = 2

    def configure(self, command: int) -> tuple[int, float, int, int, float]:
        rate = (500.0, 1000.0, 2000.0, 4000.0)[command >> 13 & 3]
        n_channels = (8, 16, 32, 64)[command >> 11 & 3]
        if command >> 8 & 7 == 1:
            n_channels //= 2
        bits = 24 if command & 0x80 else 16
        code = command >> 4 & 3
        gain = {16: (8, 4, 6, 8), 24: (2, 4, 6, 8)}[bits][code]
        step = 9.6 / (gain * 2**24) * (4 if bits == 16 else 1)
        return n_channels, rate, max(1, round(rate / 100)), bits, step

    def accessory(self, packet: Packet, rate: float) -> NDArray[Any]:
        inputs = np.tile([100, -100], (len(packet.data), 1))
        status = signed(status_values(packet), 16)
        if self.settings.options.get('plus') == '1':
            return np.hstack(
                [inputs, quaternion(packet.first_sample, len(packet.data), rate), status]
            )
        return np.hstack([inputs, status])
