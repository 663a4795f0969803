"""Base classes of the fake devices."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Label
from myogestic_ros.sources.fakes.cadence import Cadence, Faults, Packet
from myogestic_ros.sources.fakes.signals import Signal, make_signal

__all__ = ['Fake', 'FakeClient', 'FakeServer', 'FakeSettings']

REDIAL_INTERVAL_S = 0.2
SOCKET_STEP_S = 0.1


@dataclass(frozen=True)
class FakeSettings:
    """Settings of a fake device.

    Attributes
    ----------
    host : str
        Address to dial, or to listen on.
    port : int
        Port; 0: the one of the device, or for a server any that is free.
    channels : int
        Number of EMG channels; 0: the device's usual number.
    sampling_rate : float
        Sampling rate, Hz; 0: the device's usual rate, or the one that it is commanded.
    signal : str
        ``'arm'``, ``'pattern'``, or the path of a recording.
    faults : Faults
        Faults to make.
    options : dict of str to str
        Further settings of one device.
    """

    host: str = '127.0.0.1'
    port: int = 0
    channels: int = 0
    sampling_rate: float = 0.0
    signal: str = 'arm'
    faults: Faults = field(default_factory=Faults)
    options: dict[str, str] = field(default_factory=dict)


class Fake:
    """A fake device that runs until it is stopped.

    Parameters
    ----------
    settings : FakeSettings
        Settings.
    report : callable
        Called with a line about each event: connected, command, lost samples.
    """

    def __init__(
        self, settings: FakeSettings, report: Callable[[str], None] = lambda line: None
    ) -> None:
        self.settings = settings
        self.report = report
        self.stopped = threading.Event()
        self._signal: Signal | None = None
        self._cadence: Cadence | None = None
        self._label: Label | None = None
        self._cuts = np.random.default_rng(settings.faults.seed)

    def run(self) -> None:
        """Run until `stop` is called in another thread."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let `run` return soon."""
        self.stopped.set()

    def set_label(self, label: Label) -> None:
        """Let the simulated arm contract as a label asks; may be called from another thread."""
        self._label = label
        if self._signal is not None:
            self._signal.set_label(label)

    def packets(
        self, n_channels: int, sampling_rate: float, packet: int, volt_per_count: float
    ) -> Iterator[Packet]:
        """Yield packets when they are due; the device's clock goes on between connections."""
        if self._cadence is None:
            self._signal = make_signal(
                self.settings.signal, n_channels, sampling_rate, volt_per_count
            )
            if self._label is not None:
                self._signal.set_label(self._label)
            self._cadence = Cadence(
                self._signal,
                sampling_rate,
                packet,
                self.settings.faults,
                self.stopped,
                self.report,
            )
        return self._cadence.packets()

    def send(self, connection: socket.socket, data: bytes, cut: bool = False) -> None:
        """Send bytes; before a ``cut``, only those up to any byte."""
        connection.settimeout(None)
        connection.sendall(data[: self._cuts.integers(len(data))] if cut else data)


class FakeClient(Fake):
    """A device that dials in, streams on command, and dials again when it is hung up on."""

    PORT: int

    def run(self) -> None:
        """Dial until stopped."""
        address = (self.settings.host, self.settings.port or self.PORT)
        while not self.stopped.is_set():
            try:
                connection = socket.create_connection(address, timeout=SOCKET_STEP_S)
            except OSError:
                self.stopped.wait(REDIAL_INTERVAL_S)
                continue
            with connection, contextlib.suppress(OSError):
                self.report(f'connected to {address[0]}:{address[1]}')
                self.serve(connection)
            self.report('disconnected')
            self.stopped.wait(REDIAL_INTERVAL_S)

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection; return or raise OSError at its end."""
        raise NotImplementedError

    def receive(self, connection: socket.socket, n_bytes: int) -> bytes:
        """Return a command; b'' at the end of the connection, or when stopped."""
        return receive(connection, n_bytes, self.stopped)


class FakeServer(Fake):
    """A device that is dialled: one connection at a time."""

    PORT: int

    def __init__(
        self, settings: FakeSettings, report: Callable[[str], None] = lambda line: None
    ) -> None:
        super().__init__(settings, report)
        self.listener = listen(settings.host, settings.port)

    @property
    def port(self) -> int:
        """Port on which the device can be dialled."""
        return int(self.listener.getsockname()[1])

    def run(self) -> None:
        """Serve one connection after the other until stopped."""
        self.report(f'listening on port {self.port}')
        with self.listener:
            while not self.stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, peer = self.listener.accept()
                    with connection, contextlib.suppress(OSError):
                        self.report(f'connected to {peer[0]}:{peer[1]}')
                        self.serve(connection)
                    self.report('disconnected')

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection; return or raise OSError at its end."""
        raise NotImplementedError

    def receive(self, connection: socket.socket, n_bytes: int) -> bytes:
        """Return a command; b'' at the end of the connection, or when stopped."""
        return receive(connection, n_bytes, self.stopped)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket whose accept returns in short steps.

    Raises
    ------
    SourceError
        If the port is in use.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise SourceError(f'Cannot listen on {host}, port {port}: {error.strerror}.') from error
    listener.settimeout(SOCKET_STEP_S)
    return listener


def receive(connection: socket.socket, n_bytes: int, stopped: threading.Event) -> bytes:
    """Return exactly ``n_bytes``; b'' at the end of the connection, or when stopped."""
    data = b''
    connection.settimeout(SOCKET_STEP_S)
    while len(data) < n_bytes and not stopped.is_set():
        try:
            part = connection.recv(n_bytes - len(data))
        except TimeoutError:
            continue
        if not part:
            return b''
        data += part
    return data if len(data) == n_bytes else b''


def arrived(connection: socket.socket) -> bytes:
    """Return what has arrived without waiting.

    Raises
    ------
    ConnectionError
        If the connection has ended.
    """
    connection.setblocking(False)
    try:
        data = connection.recv(4096)
    except BlockingIOError:
        return b''
    if not data:
        raise ConnectionError('closed')
    return data


def quaternion(first_sample: int, n_samples: int, sampling_rate: float) -> NDArray[np.float64]:
    """Return a slow rotation in the counts of a motion sensor, new at 100 Hz, (n_samples, 4)."""
    step = max(1, round(sampling_rate / 100.0))
    angle = (first_sample + np.arange(n_samples)) // step * (step / sampling_rate) * 0.5
    zeros = np.zeros_like(angle)
    return np.stack([np.cos(angle), np.sin(angle), zeros, zeros], axis=1) * 16384
