"""Serial ports: golden bytes, any division of the bytes, and damaged or absent devices."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from support.fake_device import reading

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.serial_frames import PacketReader, TextReader
from myogestic_ros.sources.devices import serial as module
from myogestic_ros.sources.devices.serial import Serial

pytest.importorskip('serial', exc_type=Exception)
GOLDEN = bytes.fromhex('A5 5A 07 E8 03 FF FF 54')


def packet(counter, *values):
    body = bytes([counter]) + np.array(values, '<i2').tobytes()
    return b'\xa5\x5a' + body + bytes([crc8(body)])


def packets(check='crc8'):
    return PacketReader(2, 'int16', 'little', b'\xa5\x5a', 1, check)


def rows(frames):
    return [
        (int(counter), *map(float, values))
        for frame in frames
        for counter, values in zip(frame.counters, frame.data, strict=True)
    ]


def divided(reader, data, seed):
    rng, found = random.Random(seed), []
    while data:
        n = rng.randint(1, 11)
        found += reader.add(data[:n])
        data = data[n:]
    return found


def test_golden_packet():
    assert packet(7, 1000, -1) == GOLDEN
    assert rows(packets().add(GOLDEN + packet(8, 2, 3))) == [(7, 1000.0, -1.0), (8, 2.0, 3.0)]


@pytest.mark.parametrize('seed', range(20))
def test_any_division_gives_the_same_samples(seed):
    rng = random.Random(seed)
    sent = [(n % 256, rng.randint(-(2**15), 2**15 - 1), 0x5AA5 - 0x8000) for n in range(300)]
    data = b''.join(packet(*row) for row in sent)
    assert rows(divided(packets(), data, seed)) == sent
    text = ''.join(f'{n}, {a}\t{b};\r\n' for n, a, b in sent).encode()
    lines = divided(TextReader(2, with_counter=True), b'cut 1\n# comment\nboot\n' + text, seed)
    assert rows(lines) == sent
    assert sum(frame.unreadable for frame in lines) == 0


@pytest.mark.parametrize('seed', range(20))
def test_damage_costs_only_the_damaged_packets(seed):
    rng = random.Random(seed)
    sent = [packet(n, n, -n) for n in range(100)]
    damaged = sorted(rng.sample(range(5, 90), 3))
    for n in damaged:
        if rng.random() < 0.5:
            sent[n] = sent[n][:3] + bytes([sent[n][3] ^ 0x10]) + sent[n][4:]
        else:
            sent[n] = sent[n][:-1]  # a lost byte
    found = packets().add(b'garbage' + b''.join(sent) + b'\xa5\x5a')
    counters = {row[0] for row in rows(found)}
    assert counters <= set(range(100)) - set(damaged)
    assert len(counters) == 100 - len(damaged)
    assert sum(frame.unreadable for frame in found) == 3


def test_unreadable_lines_are_lost_samples():
    reader = TextReader(2, with_counter=False)
    first, second = reader.add(b'0,0\n1,2\n3,\nx,4\nnan,1\n5,6\n7')
    assert (first.unreadable, second.unreadable) == (0, 3)
    np.testing.assert_array_equal(second.data, [[5, 6]])
    assert reader.unreadable == 3


@pytest.mark.parametrize(
    ('number', 'order', 'data', 'value'),
    [
        ('int8', 'little', 'ff', -1),
        ('uint8', 'little', 'ff', 255),
        ('uint16', 'big', '0102', 258),
        ('int24', 'big', 'fffffe', -2),
        ('int32', 'little', 'ffffffff', -1),
        ('float32', 'little', '0000c03f', 1.5),
    ],
)
def test_numbers(number, order, data, value):
    body = bytes.fromhex(data)
    reader = PacketReader(1, number, order, b'\xa5', 0, 'sum8')
    (frames,) = reader.add(b'\xa5' + body + bytes([sum(body) % 256]) + b'\xa5')
    assert frames.data.tolist() == [[value]]


def test_a_port_that_is_not_there_is_waited_for(tmp_path):
    source = Serial({'port': str(tmp_path / 'absent')})
    with pytest.raises(SourceWaiting, match='connect the device: there is no port'):
        source.open()
    source.close()


def test_several_ports_and_wrong_values_are_refused(tmp_path):
    for name in 'ab':
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match='Several serial ports fit'):
        Serial({'port': str(tmp_path / '*')}).open()
    with pytest.raises(SourceError, match='sync'):
        Serial({'sync': 'xy'})


def test_commands_volts_damage_and_unplugging():
    master, slave = os.openpty()
    values = {'n_channels': 2, 'scale': 1e-3, 'offset': 512.0, 'channels': '2'}
    commands = {'start_command': r'go\n', 'stop_command': r'\x00'}
    source = Serial({'port': os.ttyname(slave), 'sampling_rate': 200.0, **values, **commands})
    try:
        with pytest.raises(SourceWaiting, match='samples of the device are awaited'):
            source.open()
        assert os.read(master, 10) == b'go\n'
        os.write(master, b'partial\n1,512\n')
        source.open()
        os.write(master, b'1,513\n?\n1,511\n')
        first, second = source.read(10.0), source.read(10.0)
        np.testing.assert_allclose([first.data[0, 0], second.data[0, 0]], [1e-3, -1e-3])
        assert (first.first_sample, second.first_sample) == (0, 2)
        assert source.health()['unreadable samples'] == '1'
        source.close()
        assert os.read(master, 10) == b'\x00'
    finally:
        os.close(master)
        os.close(slave)


def test_an_unplugged_board_and_garbage_get_a_sentence(monkeypatch):
    monkeypatch.setattr(module, 'FIRST_SAMPLES_TIMEOUT_S', 0.2)
    master, slave = os.openpty()
    source = Serial({'port': os.ttyname(slave), 'n_channels': 2})
    with reading(source) as run:
        os.write(master, os.urandom(1000).replace(b'\n', b''))
        run.until(lambda: run.failures)
        assert 'check baud_rate, format, n_channels' in str(run.failures[0])
        os.close(slave)
        os.close(master)
        run.until(lambda: 'there is no port' in run.waiting[-1])


def test_openings_leave_no_descriptor():
    master, slave = os.openpty()
    source = Serial({'port': os.ttyname(slave)})
    before = len(os.listdir('/proc/self/fd'))
    for _ in range(200):
        os.write(master, b'0\n1\n2\n')
        while True:
            try:
                source.open()
                break
            except SourceWaiting:
                os.write(master, b'0\n1\n2\n')
        source.close()
        source.close()
    assert len(os.listdir('/proc/self/fd')) == before
    os.close(master)
    os.close(slave)
