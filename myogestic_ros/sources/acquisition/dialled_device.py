"""Base class of the sources of devices that are dialled over TCP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.device import STEP_S, Device
from myogestic_ros.sources.acquisition.tcp import TcpConnection, TcpConnector

__all__ = ['DialledDevice', 'address_parameters']

FIRST_SAMPLES_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 3.0


def address_parameters(host: str, port: int) -> tuple[Parameter, ...]:
    """Return the parameters of the address of a device."""
    return (
        Parameter('host', host, 'Address of the device.'),
        Parameter('port', port, 'Port of the device.', minimum=1, maximum=65535),
    )


class DialledDevice(Device):
    """A device that is dialled, started by a command, and then sends samples."""

    DEVICE: str
    """Name of the device in sentences."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._connector: TcpConnector | None = None
        self._connection: TcpConnection | None = None
        self._connected_s = 0.0
        self._news_s = 0.0
        self._first = b''
        self._builder: BlockBuilder | None = None

    def _connect(self, hint: str) -> TcpConnection:
        """Return the connection to the device.

        Parameters
        ----------
        hint : str
            What to do so that the device answers: "switch the Quattrocento on".

        Raises
        ------
        SourceWaiting
            While the device does not answer.
        """
        if self._connection is None:
            host, port = self._values['host'], self._values['port']
            if self._connector is None:
                self._connector = TcpConnector(host, port)
            self._connection = self._connector.connect(STEP_S)
            if self._connection is None:
                reason = self._connector.reason or 'no answer yet'
                raise SourceWaiting(f'{hint} ({host}, port {port}: {reason})')
            self._connected_s = self._news_s = time.monotonic()
            self._first = b''
            self._greet(self._connection)
        return self._connection

    def _greet(self, connection: TcpConnection) -> None:
        """Start acquisition on a new connection."""
        raise NotImplementedError

    def _first_bytes(self, n_bytes: int) -> bytes:
        """Return the first bytes of a connection once there are at least ``n_bytes``.

        Raises
        ------
        SourceWaiting
            If there are fewer; call again later.
        SourceError
            If these do not arrive within some seconds.
        """
        assert self._connection is not None
        peer = self._connection.peer
        self._first += self._connection.receive(STEP_S)
        received = self._first
        if len(received) >= n_bytes:
            self._first = b''
            return received
        if time.monotonic() - self._connected_s > FIRST_SAMPLES_TIMEOUT_S:
            self.close()
            raise SourceError(
                f'{peer} has accepted the connection, but sent only {len(received)} bytes within '
                f'{FIRST_SAMPLES_TIMEOUT_S:g} s; expected the samples of a {self.DEVICE}. Is it '
                f'another device?'
            )
        raise SourceWaiting(f'{self.DEVICE} at {peer} is connected, its samples are awaited')

    def _news(self, timeout_s: float) -> bytes:
        """Return the bytes that arrive within ``timeout_s``, or b''.

        Raises
        ------
        SourceError
            If the connection has ended, or nothing has come for some seconds.
        """
        assert self._connection is not None
        data = self._connection.receive(timeout_s)
        now_s = time.monotonic()
        if data:
            self._news_s = now_s
        elif now_s - self._news_s > SILENCE_TIMEOUT_S:
            raise SourceError(
                f'{self.DEVICE} at {self._connection.peer} has sent nothing for '
                f'{SILENCE_TIMEOUT_S:g} s.'
            )
        return data

    def health(self) -> Mapping[str, str]:
        """Return the address and the estimated rate."""
        connection, builder = self._connection, self._builder
        if connection is None or builder is None:
            return {}
        return {'peer': connection.peer, **builder.health()}

    def _hang_up(self) -> None:
        """Close the connection."""
        if self._connector is not None:
            self._connector.close()
            self._connector = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
