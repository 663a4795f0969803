"""Measure the driver with fake devices: age of the newest sample, losses, processor time.

Usage: python bench/devices.py [--seconds 20] [--only muovi lsl …] [--load-seconds 60]

Each fake device runs as a process of its own at its true cadence, the driver as another; this
process subscribes to `emg`. The age counts from the estimated acquisition of a frame's newest
sample until the frame is received here. The load is the fake Quattrocento with 408 values at
10,240 Hz, through driver and recorder. Exit code 1 when the load loses a sample, or the driver
needs more than half of a core for it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from myogestic_ros.demo.node_client import NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import qos
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sources.fakes.lsl_network import VARIABLE, write_configuration

DRIVER_CORES = 0.5
SETTLE_S = 3.0


@dataclass(frozen=True)
class Setup:
    """A device: parameters of its source, arguments of its fake."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    has_port: bool = True


SETUPS = [
    Setup('lsl', has_port=False),
    Setup('muovi'),
    Setup('muovi_plus'),
    Setup('sessantaquattro'),
    Setup('quattrocento', {'n_values': 216}),
    Setup('syncstation', {'slots': [0, 1]}),
]
LOAD = Setup('quattrocento', {'n_values': 408, 'sampling_rate': 10240})


@dataclass(frozen=True)
class Row:
    """Figures of one device."""

    name: str
    channels: int
    rate_hz: float
    frames_hz: float
    age_ms: np.ndarray
    lost: int
    driver_cores: float


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, s."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def fake(setup: Setup, port: int, signal: str) -> Iterator[None]:
    """Run the fake device."""
    arguments = ['--port', str(port)] if setup.has_port else []
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'myogestic_ros.cli', 'fake', setup.name),
            *('--signal', signal, *arguments, *setup.arguments),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def driver_parameters(setup: Setup, port: int) -> dict[str, Any]:
    """Return the parameters of the driver."""
    own = {f'{setup.name}.{key}': value for key, value in setup.parameters.items()}
    if setup.has_port:
        own |= {f'{setup.name}.host': '127.0.0.1', f'{setup.name}.port': port}
    return {'source': setup.name, **own}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return int(listener.getsockname()[1])


def stream(operator: NodeClient) -> None:
    """Activate the driver and wait until it streams."""
    operator.transition('driver', 'configure')
    operator.transition('driver', 'activate')
    status = operator.node_status
    operator.wait(lambda: status['driver'].state == 'streaming', 'the device', 30.0)


def measure(setup: Setup, seconds: float) -> Row:
    """Measure one device."""
    port = free_port()
    rows: list[tuple[int, int, float, float, int]] = []

    def on_frame(message: EmgFrame) -> None:
        n_samples = len(message.data) // message.channels
        stamp_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        newest_s = stamp_s + (n_samples - 1) / message.sampling_rate
        age_ms = (time.time() - newest_s) * 1e3
        rows.append(
            (message.first_sample, n_samples, age_ms, message.sampling_rate, message.channels)
        )

    with (
        tempfile.TemporaryDirectory(prefix='myogestic-devices-') as folder,
        NodeProcesses(Path(folder)) as nodes,
        fake(setup, port, 'arm'),
        open_node_client(nodes.exit_message) as operator,
    ):
        nodes.start('driver', driver_parameters(setup, port))
        operator._node.create_subscription(EmgFrame, 'emg', on_frame, qos.EMG)
        stream(operator)
        operator.spin(SETTLE_S)
        rows.clear()
        used = cpu_seconds(nodes.pid('driver'))
        operator.spin(seconds)
        cores = (cpu_seconds(nodes.pid('driver')) - used) / seconds
        received = list(rows)
    first, counts, ages, rates, channels = (
        np.array(column) for column in zip(*received, strict=True)
    )
    lost = int((first[1:] - first[:-1] - counts[:-1]).sum())
    frames_hz = len(received) / seconds
    return Row(setup.name, int(channels[0]), float(rates[0]), frames_hz, ages, lost, cores)


def load(seconds: float) -> tuple[int, float, float]:
    """Record the load; return lost samples, cores of the driver, and recorded seconds."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix='myogestic-devices-') as folder,
        NodeProcesses(Path(folder) / 'nodes') as nodes,
        fake(LOAD, port, 'pattern'),
        open_node_client(nodes.exit_message) as operator,
    ):
        nodes.start('driver', driver_parameters(LOAD, port))
        nodes.start('recorder', {'session_dir': str(Path(folder) / 'sessions')})
        operator.transition('recorder', 'configure')
        stream(operator)
        operator.trigger('recorder/start_recording')
        operator.spin(SETTLE_S)
        used = cpu_seconds(nodes.pid('driver'))
        operator.spin(seconds)
        cores = (cpu_seconds(nodes.pid('driver')) - used) / seconds
        operator.trigger('recorder/stop_recording')
        (path,) = (Path(folder) / 'sessions').iterdir()
        session = Session(path)
        end, lost, samples = None, 0, 0
        for chunk in session.chunks('emg'):
            lost += 0 if end is None else chunk.first_sample - end
            end = chunk.end_sample
            samples += chunk.n_samples
    return lost, cores, samples / 10240.0


def table(rows: list[Row]) -> Table:
    """Return the table of all devices."""
    result = Table(title='newest sample acquired → frame received (ms)')
    for name in (
        'device',
        'channels',
        'Hz',
        'frames/s',
        'p50',
        'p99',
        'max',
        'lost',
        'CPU driver',
    ):
        result.add_column(name, justify='right')
    for row in rows:
        p50, p99 = np.percentile(row.age_ms, [50, 99])
        result.add_row(
            row.name,
            str(row.channels),
            f'{row.rate_hz:g}',
            f'{row.frames_hz:.0f}',
            *(f'{value:.2f}' for value in (p50, p99, row.age_ms.max())),
            str(row.lost),
            f'{row.driver_cores:.2f}',
        )
    return result


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--load-seconds', type=float, default=60.0, help='0: leave the load out')
    parser.add_argument('--only', nargs='*', help='names of the devices; default: all')
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix='myogestic-lsl-') as folder:
        os.environ[VARIABLE] = write_configuration(Path(folder), f'bench-{os.getpid()}')
        return run(console, arguments)


def run(console: Console, arguments: argparse.Namespace) -> int:
    """Measure the devices and the load."""
    chosen = [s for s in SETUPS if arguments.only is None or s.name in arguments.only]
    rows = [measure(setup, arguments.seconds) for setup in chosen]
    if rows:
        console.print(table(rows))
    if not arguments.load_seconds:
        return 0
    lost, cores, recorded_s = load(arguments.load_seconds)
    console.print(
        f'load: 408 values at 10,240 Hz, {recorded_s:.1f} s recorded, {lost} samples lost, driver '
        f'{cores:.2f} cores (limit {DRIVER_CORES:g})'
    )
    return 1 if lost or cores > DRIVER_CORES else 0


if __name__ == '__main__':
    sys.exit(main())
