"""Sources of another package, installed for the processes that a test starts."""

from __future__ import annotations

LISTENING = '''
"""A source whose open() blocks in accept(), as a library's would, until the device dials in."""
import socket
import numpy as np
from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo

class Listening:
    PARAMETERS = (Parameter('port', 1, 'Port.'),)
    def __init__(self, values):
        self.port = values['port']
        self.listener = None
    def open(self):
        self.listener = socket.create_server(('127.0.0.1', self.port))
        try:
            self.peer, _ = self.listener.accept()
        except OSError:
            raise SourceError('Interrupted.')
        self.first = 0
        return StreamInfo('emg', 1000.0, ('a',))
    def interrupt(self):
        self.listener.shutdown(socket.SHUT_RDWR)
    def read(self, timeout_s):
        self.peer.settimeout(timeout_s)
        try:
            n = len(self.peer.recv(100))
        except TimeoutError:
            return None
        first, self.first = self.first, self.first + n
        return Chunk(first, first * 10**6, 1000.0, np.ones((n, 1), 'f4'))
    def set_label(self, label):
        pass
    def close(self):
        self.listener.close()
'''

WAITING = LISTENING.replace('import SourceError', 'import SourceError, SourceWaiting').replace(
    """        self.listener = socket.create_server(('127.0.0.1', self.port))
        try:
            self.peer, _ = self.listener.accept()
        except OSError:
            raise SourceError('Interrupted.')
""",
    """        if self.listener is None:
            self.listener = socket.create_server(('127.0.0.1', self.port))
            self.listener.settimeout(0.05)
        try:
            self.peer, _ = self.listener.accept()
        except TimeoutError:
            raise SourceWaiting(f'switch it on (listening on port {self.port})')
""",
)
"""The same as a source that says what it waits for."""


def install_source(folder, monkeypatch, code, **entries):
    """Install a module with sources; ``entries`` are classes by the name of the source."""
    package = folder / 'installed-1.dist-info'
    package.mkdir()
    (package / 'METADATA').write_text('Metadata-Version: 2.1\nName: installed\nVersion: 1\n')
    lines = [f'{name} = installed_source:{entry}\n' for name, entry in entries.items()]
    (package / 'entry_points.txt').write_text('[myogestic_ros.sources]\n' + ''.join(lines))
    (folder / 'installed_source.py').write_text(code)
    monkeypatch.setenv('PYTHONPATH', str(folder), prepend=':')
