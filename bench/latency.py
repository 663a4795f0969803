"""Measure the latency from the newest sample to the received prediction, with real processes.

Usage: python bench/latency.py [--channels 8 64 400] [--seconds 20]

For each number of channels, driver (synthetic array, 2 kHz, 20 samples per frame) and pipeline
(default decoder, window 200 ms, 50 Hz) run in their own processes; this process receives the
predictions. The latency counts from the acquisition of the newest sample, which is when its frame
is published. Exit code 1 when a median exceeds its limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.table import Table

from myogestic_ros.demo import steps
from myogestic_ros.demo.node_client import NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.score import ReceivedPrediction
from myogestic_ros.demo.settings import DemoSettings
from myogestic_ros.msg import Prediction
from myogestic_ros.nodes.common import qos

LIMIT_MS = {8: 2.5, 64: 2.5, 400: 5.0}
OTHERS = {
    8: ('0.8 to 1.2', '5.6'),
    64: ('1.3 to 1.6', ''),
    400: ('7.2 to 7.7', ''),
}
"""Medians of LibEMG 2.0.3, live (it busy-waits; without its delay of 10 ms per chunk), and of
MyoGestic 2.6.2 (age of the newest sample when ``predict`` is called), ms."""


@dataclass(frozen=True)
class Row:
    """Latency in ms and processor use of one run."""

    channels: int
    latency_ms: np.ndarray
    compute_ms: float
    rate_hz: float
    cpu: dict[str, float]


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, s."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def measure(console: Console, channels: int, seconds: float) -> Row:
    """Run the nodes with ``channels`` channels and measure."""
    with tempfile.TemporaryDirectory(prefix='myogestic-latency-') as folder:
        plan = DemoSettings(
            with_hand=False,
            out=Path(folder),
            class_names=('rest', 'fist', 'open', 'pinch'),
            repetitions=2,
            hold_s=1.5,
            channels=channels,
        )
        with (
            NodeProcesses(plan.out / 'nodes') as nodes,
            open_node_client(nodes.exit_message) as operator,
        ):
            for name in ('driver', 'recorder', 'pipeline'):
                nodes.start(name, getattr(plan, name)())
            steps.bring_up(console, operator, plan)
            steps.train(console, operator, steps.record_cues(console, operator, plan))
            operator.transition('recorder', 'cleanup')  # so that it does not subscribe to emg
            return predict(operator, nodes, channels, seconds)


def listen(seconds: float) -> list[ReceivedPrediction]:
    """Receive predictions for ``seconds`` with a node of its own."""
    node = rclpy.create_node('listener', start_parameter_services=False)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    answers: list[ReceivedPrediction] = []

    def on_prediction(message: Prediction) -> None:
        now_s = time.time()
        stamp_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        answers.append(
            ReceivedPrediction(stamp_s, now_s - stamp_s, message.label, message.compute_time)
        )

    node.create_subscription(Prediction, 'pipeline/predictions', on_prediction, qos.PREDICTIONS)
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    return answers


def predict(operator: NodeClient, nodes: NodeProcesses, channels: int, seconds: float) -> Row:
    """Predict for ``seconds`` and measure."""
    operator.trigger('pipeline/start_predicting')
    answers = listen(1.0)
    before = {name: cpu_seconds(nodes.pid(name)) for name in ('driver', 'pipeline')}
    answers = listen(seconds)
    cpu = {name: (cpu_seconds(nodes.pid(name)) - used) / seconds for name, used in before.items()}
    operator.trigger('pipeline/stop_predicting')
    return Row(
        channels,
        np.array([a.latency_s * 1e3 for a in answers]),
        float(np.median([a.compute_s for a in answers])) * 1e3,
        (len(answers) - 1) / (answers[-1].stamp_s - answers[0].stamp_s),
        cpu,
    )


def table(rows: list[Row]) -> Table:
    """Return the table of all rows, with the figures of other software."""
    result = Table(title='newest sample published → prediction received (ms); CPU s per s')
    for name in (
        *('channels', 'p50', 'p95', 'p99', 'max', 'limit p50', 'compute', 'rate Hz'),
        *('CPU driver', 'CPU pipeline', 'LibEMG p50', 'MyoGestic p50'),
    ):
        result.add_column(name, justify='right')
    for row in rows:
        p50, p95, p99 = np.percentile(row.latency_ms, [50, 95, 99])
        result.add_row(
            str(row.channels),
            *(f'{value:.2f}' for value in (p50, p95, p99, row.latency_ms.max())),
            f'{LIMIT_MS.get(row.channels, float("inf")):g}',
            f'{row.compute_ms:.2f}',
            f'{row.rate_hz:.2f}',
            f'{row.cpu["driver"]:.2f}',
            f'{row.cpu["pipeline"]:.2f}',
            *OTHERS.get(row.channels, ('', '')),
        )
    return result


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--channels', type=int, nargs='+', default=[8, 64, 400])
    parser.add_argument('--seconds', type=float, default=20.0)
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    console = Console(width=160)
    quiet = Console(quiet=True)
    rows = [measure(quiet, channels, arguments.seconds) for channels in arguments.channels]
    console.print(table(rows))
    slow = [r for r in rows if np.median(r.latency_ms) > LIMIT_MS.get(r.channels, float('inf'))]
    return 1 if slow else 0


if __name__ == '__main__':
    sys.exit(main())
