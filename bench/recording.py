"""Measure which data rate a recorder takes without losing a sample, and its effect on predictions.

Usage: python bench/recording.py [throughput] [rates] [latency] [--seconds 60] [--folder DIR]

throughput: driver (synthetic array) and recorder only, 400 channels at 10,240 Hz (16 MB/s).
rates: driver, recorder and a predicting pipeline, at rising data rates, 10 s each.
latency: latency of predictions without a recorder, with an idle one, and while recording.

Driver, recorder and pipeline run in their own processes. Lost samples are counted in the session
by the index of the samples. The stamp of the last sample shows whether the driver kept up. Exit
code 1 when `throughput` loses a sample.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rich.console import Console
from rich.table import Table

from myogestic_ros.demo import steps
from myogestic_ros.demo.node_client import DemoError, NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.settings import DemoSettings
from myogestic_ros.nodes.common import qos
from myogestic_ros.sessions.reading.reader import Session

RATES = [
    *((64, 2000.0), (64, 10240.0), (128, 10240.0), (256, 10240.0)),
    *((400, 2048.0), (400, 5120.0), (400, 10240.0), (400, 20480.0), (400, 40960.0)),
]
SETTLE_S = 2.0
CONSOLE = Console(width=130)
QUIET = Console(quiet=True)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, s."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@dataclass
class Bench:
    """Running nodes and what they publish on /diagnostics."""

    operator: NodeClient
    nodes: NodeProcesses
    plan: DemoSettings
    diagnostics: dict[str, dict[str, str]]

    def diagnostic(self, node: str, name: str) -> float:
        """Return the newest value of a node on /diagnostics; NaN when there is none."""
        return float(self.diagnostics.get(f'/{node}', {}).get(name, 'nan'))


@contextmanager
def bench(plan: DemoSettings, names: tuple[str, ...]) -> Iterator[Bench]:
    """Start nodes and activate the driver."""
    with (
        NodeProcesses(plan.out / 'nodes') as nodes,
        open_node_client(nodes.exit_message) as operator,
    ):
        for name in names:
            nodes.start(name, getattr(plan, name)())
        for name in names:
            operator.transition(name, 'configure')
        operator.transition('driver', 'activate')
        diagnostics: dict[str, dict[str, str]] = {}

        def on_diagnostics(message: DiagnosticArray) -> None:
            for status in message.status:
                diagnostics[status.name] = {pair.key: pair.value for pair in status.values}

        operator._node.create_subscription(
            DiagnosticArray, '/diagnostics', on_diagnostics, qos.DIAGNOSTICS
        )
        operator.spin(SETTLE_S)
        yield Bench(operator, nodes, plan, diagnostics)


@dataclass(frozen=True)
class Recorded:
    """Contents of a recorded session, and processor use."""

    samples: int
    lost: int
    dropped: int
    megabytes: float
    behind_s: float
    cpu: dict[str, float]


def record(running: Bench, seconds: float) -> Recorded:
    """Record for ``seconds`` and count the samples in the session."""
    operator, nodes = running.operator, running.nodes
    names = [name for name in ('driver', 'recorder', 'pipeline') if name in nodes._processes]
    before = {name: cpu_seconds(nodes.pid(name)) for name in names}
    operator.trigger('recorder/start_recording')
    operator.spin(seconds)
    operator.trigger('recorder/stop_recording')
    stopped_s = time.time()
    cpu = {name: (cpu_seconds(nodes.pid(name)) - used) / seconds for name, used in before.items()}
    operator.spin(1.0)
    path = max((running.plan.out / 'sessions').iterdir(), key=lambda p: p.stat().st_mtime)
    found = count_samples(path, stopped_s, cpu)
    shutil.rmtree(path)
    return found


def count_samples(path: Path, stopped_s: float, cpu: dict[str, float]) -> Recorded:
    """Count the samples of a session by their index, independently of its metadata."""
    session = Session(path)
    samples = lost = 0
    following: int | None = None
    end_s = 0.0
    for chunk in session.chunks('emg'):
        lost += 0 if following is None else chunk.first_sample - following
        samples += chunk.n_samples
        following = chunk.end_sample
        end_s = chunk.stamp_ns * 1e-9 + chunk.n_samples / chunk.sampling_rate
    noted = sum(json.loads(session.info.extra['lost_samples']).values())
    if noted != lost:
        raise SystemExit(
            f'{path}: its metadata says {noted} lost samples, but {lost} were counted.'
        )
    dropped = sum(json.loads(session.info.extra['dropped_messages']).values())
    megabytes = sum(file.stat().st_size for file in path.iterdir()) / 1e6
    return Recorded(samples, lost, dropped, megabytes, stopped_s - end_s, cpu)


def throughput(folder: Path, channels: int, rate: float, seconds: float) -> bool:
    """Record with driver and recorder only; return True when no sample is lost."""
    plan = DemoSettings(
        out=folder, channels=channels, sampling_rate=rate, class_names=('rest', 'fist')
    )
    with bench(plan, ('driver', 'recorder')) as running:
        running.operator.set_label('fist')
        found = record(running, seconds)
    table = Table(title=f'{channels} channels at {rate:g} Hz for {seconds:g} s, driver + recorder')
    names = ('samples', 'expected', 'lost', 'dropped', 'MB', 'MB/s', 'behind (s)')
    for name in (*names, 'CPU driver', 'CPU recorder'):
        table.add_column(name, justify='right')
    table.add_row(
        *(str(found.samples), f'{rate * seconds:.0f}', str(found.lost), str(found.dropped)),
        *(f'{found.megabytes:.0f}', f'{found.megabytes / seconds:.1f}', f'{found.behind_s:.2f}'),
        *(f'{found.cpu[name]:.2f}' for name in ('driver', 'recorder')),
    )
    CONSOLE.print(table)
    enough = abs(found.samples - rate * seconds) < rate * 1.0
    return not found.lost and not found.dropped and enough


def start_predicting(running: Bench) -> None:
    """Record a few cues, train on them and start to predict."""
    operator, plan = running.operator, running.plan
    steps.train(QUIET, operator, steps.record_cues(QUIET, operator, plan))
    operator.trigger('pipeline/start_predicting')
    operator.spin(SETTLE_S)


def short_settings(folder: Path, channels: int, rate: float) -> DemoSettings:
    """Return settings whose training takes a few seconds."""
    return DemoSettings(
        out=folder,
        channels=channels,
        sampling_rate=rate,
        class_names=('rest', 'fist'),
        repetitions=2,
        hold_s=1.0,
    )


def rates(place: Path, seconds: float) -> None:
    """Record and predict at rising data rates; print the table."""
    table = Table(
        title=f'driver + recorder + pipeline (200 ms windows, 50 Hz), {seconds:g} s each'
    )
    for name in (
        *('channels', 'Hz', 'MB/s', 'lost\nrecorder', 'lost\npipeline', 'ticks\nskipped'),
        *(
            'coal-\nesced',
            'predict\nHz',
            'behind\ns',
            'CPU\ndriver',
            'CPU\nrecorder',
            'CPU\npipeline',
        ),
    ):
        table.add_column(name, justify='right')
    for channels, rate in RATES:
        folder = place / f'{channels}-{rate:g}'
        try:
            with bench(
                short_settings(folder, channels, rate), ('driver', 'recorder', 'pipeline')
            ) as running:
                start_predicting(running)
                names = ('emg: lost samples', 'overruns', 'coalesced', 'predictions')
                before = [running.diagnostic('pipeline', name) for name in names]
                found = record(running, seconds)
                after = [running.diagnostic('pipeline', name) for name in names]
        except DemoError as error:
            table.add_row(str(channels), f'{rate:g}', '[red]failed[/]')
            print(f'{channels} channels at {rate:g} Hz: {error}', file=sys.stderr)
            continue
        lost, overruns, coalesced, made = np.subtract(after, before)
        table.add_row(
            *(str(channels), f'{rate:g}', f'{channels * rate * 4e-6:.1f}', str(found.lost)),
            *(f'{lost:.0f}', f'{overruns:.0f}', f'{coalesced:.0f}', f'{made / (seconds + 1):.1f}'),
            f'{found.behind_s:.2f}',
            *(f'{found.cpu[name]:.2f}' for name in ('driver', 'recorder', 'pipeline')),
        )
        shutil.rmtree(folder)
    CONSOLE.print(table)


def latency(place: Path, seconds: float) -> None:
    """Print the latency with and without a recording, in turns, so that other load shows."""
    table = Table(title=f'newest sample published → prediction received, {seconds:g} s each (ms)')
    for name in ('channels', 'rate (Hz)', 'recorder', 'p50', 'p95', 'p99', 'predictions/s'):
        table.add_column(name, justify='right')
    for channels, rate in ((8, 2000.0), (64, 2000.0), (400, 2048.0)):
        folder = place / f'latency-{channels}'
        kinds = ('absent', 'idle', 'recording')
        found: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
        with bench(
            short_settings(folder, channels, rate), ('driver', 'recorder', 'pipeline')
        ) as running:
            start_predicting(running)
            operator = running.operator
            for kind in kinds * 3:
                if kind == 'absent':
                    operator.transition('recorder', 'cleanup')
                elif kind == 'idle':
                    operator.transition('recorder', 'configure')
                else:
                    operator.trigger('recorder/start_recording')
                operator.spin(1.0)
                operator.predictions.clear()
                operator.spin(seconds / 3)
                found[kind].append(np.array([a.latency_s * 1e3 for a in operator.predictions]))
                if kind == 'recording':
                    operator.trigger('recorder/stop_recording')
        for kind in kinds:
            values = np.concatenate(found[kind])
            p50, p95, p99 = np.percentile(values, [50, 95, 99])
            table.add_row(
                *(str(channels), f'{rate:g}', kind, f'{p50:.2f}', f'{p95:.2f}', f'{p99:.2f}'),
                f'{len(values) / seconds:.1f}',
            )
        shutil.rmtree(folder)
    CONSOLE.print(table)


def main() -> int:
    """Measure, print the tables and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    kinds = ('throughput', 'rates', 'latency')
    parser.add_argument('kinds', nargs='*', help=f'{", ".join(kinds)}; all by default')
    parser.add_argument('--seconds', type=float, default=60.0, help='duration of throughput, s')
    parser.add_argument('--channels', type=int, default=400)
    parser.add_argument('--rate', type=float, default=10240.0)
    parser.add_argument(
        '--folder', type=Path, help='folder on the disk to measure; default: a temporary one'
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.kinds) - set(kinds))
    if unknown:
        parser.error(f'got {", ".join(unknown)}, expected: {", ".join(kinds)}')
    what = arguments.kinds or kinds
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    passed = True
    with tempfile.TemporaryDirectory(
        prefix='myogestic-recording-', dir=arguments.folder
    ) as folder:
        place = Path(folder)
        if 'throughput' in what:
            passed = throughput(
                place / 'throughput', arguments.channels, arguments.rate, arguments.seconds
            )
        if 'rates' in what:
            rates(place, 10.0)
        if 'latency' in what:
            latency(place, 30.0)
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
