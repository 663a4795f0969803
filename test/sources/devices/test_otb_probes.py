"""Muovi, Muovi+ and Sessantaquattro: bytes as the maker documents them, and hostile peers."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import numpy as np
import pytest
from support.fake_device import gaps, reading
from support.processes import until

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.acquisition.sample_formats import encode_int16
from myogestic_ros.sources.devices import otb_probe
from myogestic_ros.sources.devices.muovi import Muovi, control_byte
from myogestic_ros.sources.devices.muovi_plus import MuoviPlus
from myogestic_ros.sources.devices.sessantaquattro import Sessantaquattro, command_word

GOLDEN = bytes.fromhex(
    '0001 FFFF 0064 0DA7 7FFF 8000' + '0000' * 26 + '4000 0000 0000 0000' + '8005' + '0102'
)
GOLDEN_VOLTS = [2.861e-7, -2.861e-7, 2.861e-5, 9.999195e-4, 9.374639e-3, -9.374925e-3]


def open_when_ready(source):
    while True:
        try:
            return source.open()
        except SourceWaiting:
            continue


def dial(source):
    with contextlib.suppress(SourceWaiting):
        source.open()
    return socket.create_connection(('127.0.0.1', source._listener.port))


def instants(n, first=0, width=38):
    """Return instants whose last value is the counter, and whose first ones are the sample's number."""
    samples = first + np.arange(n)
    values = np.zeros((n, width), np.int64)
    values[:, 0] = samples % 1000
    values[:, -1] = (samples + 2**15) % 2**16 - 2**15
    return encode_int16(values, 'big')


@pytest.mark.parametrize(
    ('signal', 'mode', 'go', 'byte'),
    [
        ('EMG', 'gain_8', True, '09'),
        ('EMG', 'gain_8', False, '08'),
        ('EMG', 'gain_4', True, '0b'),
        ('EMG', 'gain_4', False, '0a'),
        ('EMG', 'impedance', True, '0d'),
        ('EMG', 'test', True, '0f'),
        ('EEG', 'gain_8', True, '01'),
        ('EEG', 'gain_8', False, '00'),
    ],
)
def test_control_bytes_of_muovi(signal, mode, go, byte):
    assert control_byte(signal, mode, go).hex() == byte


@pytest.mark.parametrize(
    ('arguments', 'go', 'word'),
    [
        ((64, 2000, 16, 'monopolar', True, 8), True, '5841'),
        ((64, 2000, 16, 'monopolar', True, 8), False, '5840'),
        ((64, 2000, 24, 'monopolar', True, 2), True, '58c1'),
        ((64, 2000, 16, 'bipolar', True, 8), True, '5941'),
        ((32, 1000, 16, 'monopolar', True, 8), True, '3041'),
        ((64, 4000, 16, 'monopolar', True, 8), True, '7841'),
        ((64, 2000, 16, 'test', True, 8), True, '5f41'),
    ],
)
def test_command_words_of_sessantaquattro(arguments, go, word):
    assert command_word(*arguments, go=go).hex() == word


@pytest.mark.parametrize(('mode', 'factor'), [('gain_8', 1), ('gain_4', 2)])
def test_golden_instant_of_muovi(mode, factor):
    source = Muovi({'host': '127.0.0.1', 'port': 0, 'trigger': 'fist', 'mode': mode})
    with dial(source) as device:
        device.sendall(instants(100, first=258 - 100))  # the golden counter is 258
        assert open_when_ready(source).n_channels == 32
        assert device.recv(10) == control_byte('EMG', mode, True)
        device.sendall(GOLDEN + instants(40, first=259))
        label, none, chunk, motion = [source.read(5.0) for _ in range(4)]
        assert none.index == NO_CLASS
        assert (label.name, label.stamp_ns) == ('fist', chunk.stamp_ns)
        np.testing.assert_allclose(chunk.data[0, :6], np.multiply(GOLDEN_VOLTS, factor), rtol=1e-6)
        assert (chunk.data[0, 6:] == 0).all()
        assert motion.stream == 'imu'
        assert motion.data[0].tolist() == [1.0, 0.0, 0.0, 0.0]
        source.close()
        assert device.recv(10) == control_byte('EMG', mode, False)
        assert device.recv(10) == b''


def test_steps_of_the_converters():
    def step(**values):
        return Sessantaquattro(values).volt_per_count

    assert step() == pytest.approx(286.1e-9, rel=1e-4)
    assert step(gain=4) == pytest.approx(572.2e-9, rel=1e-4)
    assert step(gain=6) == pytest.approx(381.5e-9, rel=1e-4)
    assert step(bits=24) == pytest.approx(286.1e-9, rel=1e-4)
    assert step(bits=24, gain=4) == pytest.approx(143.0e-9, rel=1e-3)
    assert step(bits=24, gain=8) == pytest.approx(71.5e-9, rel=1e-3)
    with pytest.raises(SourceError, match='gain: got 2, expected one of 4, 6, 8 at 16 bits'):
        Sessantaquattro({'gain': 2})
    assert Muovi({'scale': 1e-6})._values['scale'] == 1e-6


@pytest.mark.parametrize(
    ('source', 'widths'),
    [
        (Muovi({'host': '127.0.0.1', 'port': 0, 'mode': 'gain_4'}), {38: 32, 22: 16}),
        (MuoviPlus({'host': '127.0.0.1', 'port': 0}), {70: 64, 38: 32}),
        (Sessantaquattro({'host': '127.0.0.1', 'port': 0}), {68: 64, 72: 64, 70: 64}),
        (
            Sessantaquattro({'host': '127.0.0.1', 'port': 0, 'mode': 'bipolar', 'n_channels': 8}),
            {8: 4, 12: 4},
        ),
    ],
)
def test_the_width_of_an_instant_is_found_by_its_counter(source, widths):
    for width, n_channels in widths.items():
        with dial(source) as device:
            device.sendall(instants(300, first=65500, width=width))  # the counter wraps
            assert open_when_ready(source).n_channels == n_channels
            source.close()


def test_any_division_of_the_bytes_gives_the_same_samples():
    rng = np.random.default_rng(5)
    kept = [n for n in range(100, 3000) if rng.random() > 0.003]
    data = b''.join(instants(1, first=n) for n in kept)
    for _ in range(3):
        source = Muovi({'host': '127.0.0.1', 'port': 0, 'auxiliary': False})
        with dial(source) as device:
            device.sendall(instants(100))
            with reading(source) as run:
                run.until(lambda: run.infos)
                ends = np.sort(rng.integers(0, len(data), 400)).tolist()
                for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
                    device.sendall(data[start:end])
                run.until(lambda: sum(c.n_samples for c in run.chunks()) > len(kept) - 10)
                chunks = run.chunks()
        values = np.concatenate([np.rint(c.data[:, 0] / 286.1e-9) for c in chunks]).astype(int)
        assert values.tolist() == [n % 1000 for n in kept[: len(values)]]
        lost = sum(n for _, n in gaps(chunks))
        assert lost == chunks[-1].end_sample - len(values) > 0


@pytest.mark.parametrize('n_bytes', [0, 1, 75, 76, 5000])
def test_a_device_that_hangs_up_early_is_waited_for_again(n_bytes):
    source = Muovi({'host': '127.0.0.1', 'port': 0})
    with dial(source) as device:
        device.sendall(bytes(n_bytes))
        device.shutdown(socket.SHUT_WR)
        reasons = []
        expected = ('closed the connection', 'without the sample counter')
        while not any(text in reason for reason in reasons for text in expected):
            with pytest.raises((SourceWaiting, SourceError)) as error:
                source.open()
            reasons.append(str(error.value))
        with dial(source) as again:
            again.sendall(instants(200))
            assert open_when_ready(source).n_channels == 32
    source.close()


def test_garbage_is_refused_with_a_sentence():
    source = Muovi({'host': '127.0.0.1', 'port': 0})
    with dial(source) as device:
        device.sendall(os.urandom(20000))
        with pytest.raises(SourceError, match='without the sample counter of a Muovi') as error:
            open_when_ready(source)
        assert not isinstance(error.value, SourceWaiting)


def test_samples_that_get_out_of_step_end_the_connection():
    source = Muovi({'host': '127.0.0.1', 'port': 0})
    with dial(source) as device:
        device.sendall(instants(200))
        with reading(source) as run:
            run.until(lambda: run.infos)
            device.sendall(instants(500, first=200)[:-3])
            with contextlib.suppress(OSError):
                device.sendall(instants(2000, first=700))  # three bytes were lost
            run.until(lambda: run.failures)
            assert 'out of step' in str(run.failures[0])


def test_two_drivers_on_one_port_are_told_apart():
    first = Muovi({'host': '127.0.0.1', 'port': 0})
    with pytest.raises(SourceWaiting, match='switch the Muovi on'):
        first.open()
    second = Muovi({'host': '127.0.0.1', 'port': first._listener.port})
    with pytest.raises(SourceError, match='does another driver use it'):
        second.open()
    first.close()


def test_a_second_probe_is_refused_and_counted():
    source = Muovi({'host': '127.0.0.1', 'port': 0})
    with dial(source) as device:
        device.sendall(instants(200))
        with reading(source) as run:
            run.until(lambda: run.infos)
            with socket.create_connection(('127.0.0.1', source._listener.port)) as other:
                device.sendall(instants(100, first=200))
                other.settimeout(20.0)
                assert other.recv(1) == b''
            until(lambda: source.health().get('refused connections') == '1')
            assert source.health()['peer'].startswith('127.0.0.1:')


def test_200_openings_leave_no_socket_and_no_thread(monkeypatch):
    monkeypatch.setattr(otb_probe, 'STEP_S', 0.001)

    def resources():
        return len(os.listdir('/proc/self/fd')), threading.active_count()

    source = Muovi({'host': '127.0.0.1', 'port': 0})
    before = resources()
    for _ in range(200):
        with dial(source) as device:
            device.sendall(instants(200))
            open_when_ready(source)
            source.close()
            source.close()
    assert resources() == before
