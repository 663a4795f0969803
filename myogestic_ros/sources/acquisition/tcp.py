"""TCP connections to devices that are dialled, or that dial in themselves, in short steps."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time

from myogestic_ros.core.errors import SourceError

__all__ = ['DisconnectedError', 'FrameBuffer', 'TcpConnection', 'TcpConnector', 'TcpListener']

RECEIVE_BUFFER = 1 << 20
"""Bytes that the operating system keeps while the source is busy: 0.1 s of the fastest device."""
RECEIVED_AT_ONCE = 1 << 18
CONNECT_TIMEOUT_S = 3.0
RETRY_INTERVAL_S = 0.5
SEND_TIMEOUT_S = 1.0


class DisconnectedError(SourceError):
    """The device has ended the connection."""


class TcpConnection:
    """Connection to a device.

    Parameters
    ----------
    connection : socket
        The connected socket; it is owned from now on.
    peer : str
        Address of the device.
    """

    def __init__(self, connection: socket.socket, peer: str) -> None:
        self._socket = connection
        self.peer = peer
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send a command.

        Raises
        ------
        DisconnectedError
            If the connection has ended.
        """
        try:
            self._socket.settimeout(SEND_TIMEOUT_S)
            self._socket.sendall(data)
        except OSError as error:
            raise DisconnectedError(
                f'{self.peer} does not take commands: {_reason(error)}.'
            ) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return the bytes that have arrived, b'' if none does within ``timeout_s``.

        Raises
        ------
        DisconnectedError
            If the connection has ended.
        """
        try:
            ready, _, _ = select.select([self._socket], [], [], timeout_s)
            if not ready:
                return b''
            data = self._socket.recv(RECEIVED_AT_ONCE)
        except (OSError, ValueError) as error:
            raise DisconnectedError(f'{self.peer} is gone: {_reason(error)}.') from error
        if not data:
            raise DisconnectedError(f'{self.peer} has closed the connection.')
        return data

    def close(self) -> None:
        """Close the connection; may be called more than once."""
        self._socket.close()


class TcpListener:
    """Port on which a device dials in. It stays open while the device comes and goes.

    Parameters
    ----------
    host : str
        Address of the network interface; '0.0.0.0' for all.
    port : int
        Port; 0 for any that is free.

    Raises
    ------
    SourceError
        If the port cannot be opened.
    """

    def __init__(self, host: str, port: int) -> None:
        self.refused = 0
        try:
            self._socket = socket.create_server((host, port), backlog=4)
        except OSError as error:
            hint = '; does another driver use it?' if error.errno == errno.EADDRINUSE else ''
            raise SourceError(
                f'Cannot listen on {host}, port {port}: {_reason(error)}{hint}.'
            ) from error
        # Set before a connection is accepted, so that its window is scaled for it.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setblocking(False)

    @property
    def port(self) -> int:
        """The port."""
        return int(self._socket.getsockname()[1])

    def accept(self, timeout_s: float) -> TcpConnection | None:
        """Return the connection of a device that dials in within ``timeout_s``, or None."""
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return None
        with contextlib.suppress(OSError):  # it may have given up already
            connection, (host, port) = self._socket.accept()
            return TcpConnection(connection, f'{host}:{port}')
        return None

    def refuse_others(self) -> None:
        """Close the connections of further devices at once, and count them in ``refused``."""
        while (other := self.accept(0.0)) is not None:
            other.close()
            self.refused += 1

    def close(self) -> None:
        """Close the port; may be called more than once."""
        self._socket.close()


class TcpConnector:
    """Dial a device until it answers.

    Parameters
    ----------
    host : str
        Address of the device.
    port : int
        Port of the device.

    Attributes
    ----------
    reason : str
        Reason why the last attempt failed; empty before that.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._began_s = 0.0
        self._retry_s = 0.0
        self.reason = ''

    def connect(self, timeout_s: float) -> TcpConnection | None:
        """Return a connection if the device answers within ``timeout_s``, or None.

        Call it again to wait for longer, or for another attempt.
        """
        end_s = time.monotonic() + timeout_s
        if self._socket is None and not self._dial(end_s):
            return None
        assert self._socket is not None
        left_s = max(0.0, end_s - time.monotonic())
        _, ready, _ = select.select([], [self._socket], [], left_s)
        if ready:
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._fail(os.strerror(error).lower())
                return None
            connection, self._socket = self._socket, None
            self.reason = ''
            return TcpConnection(connection, f'{self._address[0]}:{self._address[1]}')
        if time.monotonic() - self._began_s > CONNECT_TIMEOUT_S:
            self._fail('no answer')
        return None

    def _dial(self, end_s: float) -> bool:
        """Begin an attempt; return False if it is not time for it yet, or it fails at once."""
        pause_s = self._retry_s - time.monotonic()
        if pause_s > 0:
            time.sleep(max(0.0, min(pause_s, end_s - time.monotonic())))
        if time.monotonic() < self._retry_s:
            return False
        self._began_s = time.monotonic()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setblocking(False)
        try:
            self._socket.connect(self._address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(_reason(error))
            return False
        return True

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self._retry_s = time.monotonic() + RETRY_INTERVAL_S
        self.close()

    def close(self) -> None:
        """Give up the current attempt; may be called more than once."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class FrameBuffer:
    """Collect bytes, which arrive in any pieces, into whole frames of equal length.

    Parameters
    ----------
    frame_bytes : int
        Length of a frame, for example all channels of one instant.
    """

    def __init__(self, frame_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._rest = b''

    def add(self, data: bytes) -> bytes:
        """Return the bytes of all frames that are complete now; b'' if none is."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        return data[:whole] if self._rest else data


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.lower()
