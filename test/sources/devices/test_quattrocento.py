"""Quattrocento and SyncStation: bytes as the maker documents them, and hostile peers."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import numpy as np
import pytest
from support.fake_device import reading

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.sources.acquisition import dialled_device
from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.sample_formats import encode_int16
from myogestic_ros.sources.devices import quattrocento, syncstation
from myogestic_ros.sources.devices.quattrocento import Quattrocento
from myogestic_ros.sources.devices.syncstation import SyncStation


@pytest.fixture
def server():
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(20.0)
        yield server


def source_of(server, kind=Quattrocento, **values):
    if kind is Quattrocento:
        values = {'n_values': 120, **values}
    return kind({'host': '127.0.0.1', 'port': server.getsockname()[1], **values})


def instants(n, first=0, n_values=120):
    """Return instants with the counter at its place, whose first value is the sample's number."""
    samples = first + np.arange(n)
    values = np.zeros((n, n_values), np.int64)
    values[:, 0] = samples % 1000
    values[:, -8] = (samples + 2**15) % 2**16 - 2**15
    return encode_int16(values, 'little')


def open_when_ready(source):
    while True:
        try:
            return source.open()
        except SourceWaiting:
            continue


def test_check_of_the_catalogue():
    assert crc8(b'123456789') == 0xA1


@pytest.mark.parametrize(
    ('arguments', 'start', 'check'),
    [
        ((216, 2048, 'monopolar', '10', '500', False), '8b0000', 0x6A),
        ((408, 10240, 'monopolar', '10', '500', False), '9f0000', 0xA3),
        ((120, 512, 'monopolar', '10', '500', False), '810000', 0x82),
        ((120, 2048, 'monopolar', '10', '500', False), '890000', 0xF8),
        ((408, 2048, 'monopolar', '10', '500', False), '8f0000', 0x57),
        ((216, 2048, 'monopolar', '10', '500', True), 'cb0000', 0x91),
        ((216, 2048, 'differential', '10', '500', True), 'cb0000', 0xC1),
    ],
)
def test_commands_of_quattrocento(arguments, start, check):
    *positional, decimate = arguments
    packet = quattrocento.command(*positional, decimate=decimate)
    assert len(packet) == 40
    assert packet[:3].hex() == start
    assert packet[-1] == check
    mode = '15' if arguments[2] == 'differential' else '14'
    assert packet[3:39].hex() == f'0000{mode}' * 12


def test_stop_of_quattrocento():
    assert quattrocento.STOP.hex() == '80' + '00' * 38 + 'ef'


@pytest.mark.parametrize(
    ('slots', 'signal', 'mode', 'packet'),
    [
        ([0], 'EMG', 'gain_8', '0309c9'),
        ([0, 1], 'EMG', 'gain_8', '05091986'),
        ([4, 5], 'EMG', 'gain_8', '0549595b'),
        ([2], 'EMG', 'test', '032f37'),
    ],
)
def test_commands_of_syncstation(slots, signal, mode, packet):
    assert syncstation.command(slots, signal, mode).hex() == packet
    assert syncstation.STOP.hex() == '0000'


def test_frames_of_syncstation_with_uncertain_widths():
    assert syncstation.frame_layouts([0], 2) == {88: (38,)}
    assert syncstation.frame_layouts([0, 4], 2) == {228: (38, 70), 224: (38, 68)}
    assert syncstation.frame_layouts([14], 3) == {42: (10,), 36: (8,)}


def test_golden_samples_of_quattrocento(server):
    source = source_of(server, trigger='fist', auxiliary=True, channels='IN1')
    with contextlib.suppress(SourceWaiting):
        source.open()
    device, _ = server.accept()
    with device:
        device.sendall(instants(64))
        info = open_when_ready(source)
        assert info.channel_names[:2] == ('IN1.1', 'IN1.2')
        assert info.n_channels == 16
        assert device.recv(100)[:1] == b'\x89'
        golden = np.zeros((21, 120), np.int64)
        golden[:, :3] = (1000, -1, -32768)
        golden[:, 96] = 1000  # AUX IN 1
        golden[:, -8] = 64 + np.arange(21)
        golden[:, -7] = 32767  # trigger
        golden[:, -5] = 12  # buffer
        device.sendall(encode_int16(golden, 'little'))
        label, chunk, inputs = (source.read(5.0) for _ in range(3))
        assert label.name == 'fist'
        volts = [5.086263e-4, -5.086263e-7, -1.666667e-2]
        np.testing.assert_allclose(chunk.data[0, :3], volts, rtol=1e-6)
        assert inputs.data[0, 0] == pytest.approx(0.1525879, rel=1e-6)
        assert source.health()['buffer of the device'] == '12'
        source.close()
        assert device.recv(100) == quattrocento.STOP


def test_connectors_and_values():
    assert len(quattrocento.channel_names(408)) == 384
    assert quattrocento.channel_names(120)[31:34] == ['IN2.16', 'MULTIPLE1.1', 'MULTIPLE1.2']


@pytest.mark.parametrize('kind', [Quattrocento, SyncStation])
def test_a_device_that_is_not_there_is_waited_for(kind):
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    source = kind({'host': '127.0.0.1', 'port': port})
    for _ in range(3):
        with pytest.raises(SourceWaiting, match=rf'switch the {kind.DEVICE} on.*port {port}'):
            source.open()
    source.close()


@pytest.mark.parametrize('kind', [Quattrocento, SyncStation])
def test_garbage_and_an_early_end_are_refused_with_a_sentence(server, kind, monkeypatch):
    source = source_of(server, kind)
    for data, reason in (
        (os.urandom(100_000), f'without the sample counter of a {kind.DEVICE}'),
        (b'', 'has closed the connection'),
    ):
        with contextlib.suppress(SourceWaiting):
            source.open()
        device, _ = server.accept()
        with device:
            device.sendall(data)
            device.shutdown(socket.SHUT_WR)
            with pytest.raises(SourceError, match=reason) as error:
                open_when_ready(source)
            assert not isinstance(error.value, SourceWaiting)
        source.close()
    monkeypatch.setattr(dialled_device, 'FIRST_SAMPLES_TIMEOUT_S', 0.1)
    with pytest.raises(SourceError, match='sent only 0 bytes within'):
        open_when_ready(source)
    source.close()


def test_silence_is_a_failure(server, monkeypatch):
    monkeypatch.setattr(dialled_device, 'SILENCE_TIMEOUT_S', 0.1)
    source = source_of(server)
    with reading(source) as run:
        device, _ = server.accept()
        with device:
            device.sendall(instants(64))
            run.until(lambda: run.failures)
    assert 'has sent nothing for' in str(run.failures[0])


def test_a_lost_byte_ends_the_connection(server):
    source = source_of(server)
    with reading(source) as run:
        device, _ = server.accept()
        with device:
            device.sendall(instants(300)[:-1])
            run.until(lambda: run.infos)
            with contextlib.suppress(OSError):
                device.sendall(instants(500, first=300))
            run.until(lambda: run.failures)
    assert 'out of step' in str(run.failures[0])


def test_200_openings_leave_no_socket_and_no_thread(server, monkeypatch):
    monkeypatch.setattr(dialled_device, 'STEP_S', 0.001)

    def resources():
        return len(os.listdir('/proc/self/fd')), threading.active_count()

    source = source_of(server)
    before = resources()
    for _ in range(200):
        with contextlib.suppress(SourceWaiting):
            source.open()
        device, _ = server.accept()
        with device:
            device.sendall(instants(64))
            open_when_ready(source)
            source.close()
            source.close()
    assert resources() == before
