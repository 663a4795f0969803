"""Every source against its fake device, which runs as a process of its own."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import support.lsl  # noqa: F401 - before pylsl
from support.fake_device import (
    check_losses,
    check_pattern,
    check_stamps,
    fake_device,
    reading,
)

from myogestic_ros.sources.fakes.registry import fake_names
from myogestic_ros.sources.registry import device_names, source_factory

pytestmark = pytest.mark.processes


@dataclass
class Case:
    """A source, its fake device, and what is expected."""

    name: str
    channels: int
    rate: float
    step: float
    values: dict = field(default_factory=dict)
    arguments: tuple = ()
    auxiliary: tuple = ()
    columns: range | None = None  # those of the pattern that are published
    has_port: bool = True
    library: str = ''
    serial_port: str = ''  # parameter with the path of the serial port

    def __str__(self):
        return '-'.join([self.name, *(str(value) for value in self.values.values())])


CASES = [
    Case(
        'brainflow',
        8,
        250.0,
        4.5 / (2**23 - 1) / 24,
        library='brainflow',
        has_port=False,
        serial_port='serial_port',
    ),
    Case(
        'serial',
        8,
        1000.0,
        1e-6,
        {'n_channels': 8, 'scale': 1e-6, 'counter_bits': 16},
        library='serial',
        has_port=False,
        serial_port='port',
    ),
    Case(
        'serial',
        8,
        1000.0,
        1e-6,
        {'n_channels': 8, 'scale': 1e-6, 'counter_bits': 8, 'format': 'packets'},
        ('--set', 'format=packets'),
        library='serial',
        has_port=False,
        serial_port='port',
    ),
    Case('muovi', 32, 2000.0, 286.1e-9, auxiliary=('imu',)),
    Case('muovi', 32, 500.0, 286.1e-9, {'signal': 'EEG'}, auxiliary=('imu',)),
    Case('muovi_plus', 64, 2000.0, 572.2e-9, {'mode': 'gain_4'}, auxiliary=('imu',)),
    Case('sessantaquattro', 64, 2000.0, 9.6 / 2**25, auxiliary=('aux',)),
    Case(
        'sessantaquattro',
        16,
        1000.0,
        9.6 / 2**26,
        {'n_channels': 32, 'sampling_rate': 1000, 'bits': 24, 'mode': 'bipolar', 'gain': 4},
        ('--set', 'plus=1'),
        ('aux', 'imu'),
    ),
    Case('lsl', 8, 2000.0, 0.25e-6, library='pylsl', has_port=False),
    Case('quattrocento', 192, 2048.0, 5 / 2**16 / 150, {'n_values': 216}),
    Case(
        'quattrocento',
        64,
        10240.0,
        5 / 2**16 / 150,
        {'sampling_rate': 10240, 'channels': 'MULTIPLE2', 'auxiliary': True},
        auxiliary=('aux',),
        columns=range(192, 256),
    ),
    Case('syncstation', 32 + 64 + 2, 2000.0, 286.1e-9, {'slots': [0, 4, 6]}),
    Case(
        'syncstation',
        32,
        500.0,
        286.1e-9,
        {'slots': [2], 'signal': 'EEG', 'auxiliary': True},
        auxiliary=('aux',),
    ),
]


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


def start(case, *faults):
    """Return the source and the arguments of its fake device."""
    if case.library:
        pytest.importorskip(case.library, exc_type=Exception)
    address, arguments = {}, [*case.arguments, '--signal', 'pattern', *faults]
    if case.has_port:
        address = {'host': '127.0.0.1', 'port': free_port()}
        arguments += ['--port', address['port']]
    if case.serial_port:
        link = str(Path(tempfile.mkdtemp(prefix='myogestic-port-')) / 'port')
        address = {case.serial_port: link}
        arguments += ['--set', f'link={link}']
    source = source_factory(case.name)({**case.values, **address})
    return source, fake_device(case.name, *arguments)


def samples(run, connection=None):
    return sum(chunk.n_samples for chunk in run.chunks(connection=connection))


def test_every_device_has_a_case_and_a_fake():
    names = {case.name for case in CASES}
    assert names == set(device_names())
    assert names <= set(fake_names())


@pytest.mark.parametrize('case', CASES, ids=str)
def test_samples_are_exact_losses_are_holes_and_stamps_increase(case):
    faults = ('--drop', 0.1, '--stall', 0.3, '--drift-ppm', 200)
    source, fake = start(case, *faults)
    with fake as device:
        with reading(source) as run:
            run.until(lambda: len(device.lost()) > 8 and samples(run) > 3 * case.rate)
            chunks = run.chunks()
            auxiliary = {info.name for info in source.auxiliary_streams()}
            health = source.health()
        device.stop()
        lost = device.lost()
    assert not run.failures
    (info,) = run.infos
    assert (info.n_channels, info.sampling_rate, info.unit) == (case.channels, case.rate, 'V')
    check_pattern(chunks, case.step, case.columns)
    check_losses(chunks, lost)
    check_stamps(chunks)
    settled = run.ages_s[len(run.ages_s) // 2 :]
    # No sample is read before it was acquired, but for what the estimate of the clock still follows.
    assert min(settled) > -0.02
    assert np.percentile(settled, 10) < 0.1
    assert auxiliary == set(case.auxiliary)
    assert {item.stream for item in run.items} == {'', *case.auxiliary}
    assert 'estimated rate [Hz]' in health


CUT = {'muovi', 'sessantaquattro', 'quattrocento', 'syncstation'}
"""Devices whose connection is cut at any byte; their relatives share the code."""


@pytest.mark.parametrize('case', {c.name: c for c in CASES if c.name in CUT}.values(), ids=str)
def test_a_cut_connection_is_made_again_and_the_samples_go_on(case):
    source, fake = start(case, '--disconnect-after', 0.5)
    with fake, reading(source) as run:
        run.until(lambda: len(run.infos) >= 3 and samples(run, 2) > 100)
        for connection in range(3):
            check_pattern(run.chunks(connection=connection), case.step)
    reasons = [*run.waiting, *(str(error) for error in run.failures)]
    assert any('closed the connection' in reason for reason in reasons)
