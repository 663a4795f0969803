"""Base class of the fake devices at a serial port: a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import select
import time
import tty
from pathlib import Path

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.fakes.fake import Fake

__all__ = ['FakeSerialDevice']

STEP_S = 0.02
PAUSE_S = 0.3


class _ClosedError(Exception):
    """The program at the other end has closed the port."""


class FakeSerialDevice(Fake):
    """A device at a pseudo-terminal. Option: link, the path under which it appears."""

    def run(self) -> None:
        """Offer one port after the other until stopped; a cut connection is an unplugged device."""
        while not self.stopped.is_set():
            self._master, slave = os.openpty()
            try:
                tty.setraw(slave)
                name = os.ttyname(slave)
            finally:
                # Without another user of the port, its opening and closing can be noticed.
                os.close(slave)
            link = self._link(name)
            self.report(f'serial port {link or name}')
            try:
                self._serve_all()
            finally:
                if link is not None:
                    link.unlink(missing_ok=True)
                os.close(self._master)
            self.report('unplugged')
            self.stopped.wait(PAUSE_S)

    def serve(self) -> bool:
        """Serve while the port is open; return True if the device is unplugged."""
        raise NotImplementedError

    def _link(self, name: str) -> Path | None:
        """Let the path of the option refer to the port."""
        if not self.settings.options.get('link'):
            return None
        link = Path(self.settings.options['link'])
        if link.exists() and not link.is_symlink():
            raise SourceError(f'link: {link} exists and is not a link; expected a free path.')
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        return link

    def _serve_all(self) -> None:
        while not self.stopped.is_set():
            if not self._is_open():
                self.stopped.wait(STEP_S)
                continue
            self.report('port opened')
            with contextlib.suppress(_ClosedError):
                if self.serve():
                    return
            self.report('port closed')

    def _is_open(self) -> bool:
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def receive(self, timeout_s: float = 0.0) -> bytes:
        """Return what has arrived within ``timeout_s``."""
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        try:
            return os.read(self._master, 4096) if ready else b''
        except OSError as error:  # EIO
            raise _ClosedError from error

    def write(self, data: bytes, cut: bool = False) -> None:
        """Write bytes; before a ``cut``, only those up to any byte."""
        rest = data[: self._cuts.integers(len(data))] if cut else data
        os.set_blocking(self._master, False)
        while rest and not self.stopped.is_set():
            if not self._is_open():
                raise _ClosedError
            try:
                rest = rest[os.write(self._master, rest) :]
            except BlockingIOError:
                time.sleep(0.001)
