"""TCP connections in short steps: frames in any pieces, ends, refusals, waiting."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from support.processes import until

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.acquisition.tcp import (
    DisconnectedError,
    FrameBuffer,
    TcpConnector,
    TcpListener,
)


@pytest.fixture
def listener():
    listener = TcpListener('127.0.0.1', 0)
    yield listener
    listener.close()


def dial(listener):
    return socket.create_connection(('127.0.0.1', listener.port))


def test_frames_are_whole_however_the_bytes_arrive():
    rng = np.random.default_rng(4)
    data = rng.bytes(7 * 1000)
    for _ in range(20):
        frames, got = FrameBuffer(7), b''
        ends = np.sort(rng.integers(0, len(data), 200)).tolist()
        for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
            part = frames.add(data[start:end])
            assert len(part) % 7 == 0
            got += part
        assert got == data


def test_a_device_that_dials_in_is_accepted_and_others_are_refused(listener):
    assert listener.accept(0.01) is None
    with dial(listener) as device:
        connection = listener.accept(10.0)
        connection.send(b'\x09')
        assert device.recv(10) == b'\x09'
        device.sendall(b'abc')
        assert connection.receive(10.0) == b'abc'
        assert connection.receive(0.01) == b''
        with dial(listener) as other:
            until(lambda: listener.refuse_others() or listener.refused)
            assert other.recv(1) == b''
        device.sendall(b'd')
        assert connection.receive(10.0) == b'd'
    with pytest.raises(DisconnectedError, match='has closed the connection'):
        connection.receive(10.0)
    connection.close()
    with pytest.raises(DisconnectedError, match='does not take commands'):
        connection.send(b'x')


def test_a_port_in_use_is_named_with_a_hint(listener):
    with pytest.raises(SourceError, match=rf'port {listener.port}.* another driver use it'):
        TcpListener('127.0.0.1', listener.port)


def test_a_device_is_dialled_until_it_answers():
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    connector = TcpConnector('127.0.0.1', port)
    assert connector.connect(0.05) is None
    assert connector.reason == 'connection refused'
    with socket.create_server(('127.0.0.1', port)) as server:
        connections = []
        until(lambda: connections.append(connector.connect(0.05)) or connections[-1])
        device, _ = server.accept()
        device.sendall(b'abc')
        assert connections[-1].receive(10.0) == b'abc'
        device.close()
        connections[-1].close()
    connector.close()


def test_an_address_that_does_not_answer_does_not_block():
    connector = TcpConnector('192.0.2.1', 23456)  # reserved for documentation
    began_s = time.monotonic()
    for _ in range(5):
        assert connector.connect(0.02) is None
    assert time.monotonic() - began_s < 2.0
    connector.close()
