"""Measure the rate and regularity of the bridge's commands, and how soon they follow predictions.

Usage: python bench/bridge.py [--seconds 60] [--trials 300] [--output position]

The bridge runs in its own process; this process publishes the predictions and receives the
commands.

- Rate: predictions at 50 Hz.
- Latency: a prediction with another value is published at a random moment to a hand that holds its
  position. Measured from just before the publication to the arrival of the first command that
  differs, so DDS counts twice. The node's own figure, from the arrival of a prediction to the
  command, is printed too.
- Silence: from the last prediction to the first command that moves the hand to rest.

Exit code 1 when a figure exceeds its limit.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.table import Table
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.msg import Prediction
from myogestic_ros.nodes.common import qos

RATE_HZ = 100.0
PERIOD_MS = 1e3 / RATE_HZ
TIMEOUT_MS = 250.0
MIN_HZ, MAX_HZ = RATE_HZ * 0.99, RATE_HZ * 1.01
MAX_LATENCY_MS = PERIOD_MS + 1.0
MAX_SILENCE_MS = TIMEOUT_MS + PERIOD_MS + 1.0
MAPPING = {
    'mode': 'proportional',
    'joints': {f'joint_{n}': {'lower': -1.0, 'upper': 1.0} for n in range(8)},
    'limits': {'velocity': 10.0, 'acceleration': 1000.0},
    'postures': {'rest': {f'joint_{n}': 0.0 for n in range(8)}},
    'dofs': {'x': {'joints': {f'joint_{n}': 1.0 for n in range(8)}}},
}
PATIENCE_S = 20.0


class Bench:
    """A node that publishes predictions and receives commands."""

    def __init__(self) -> None:
        self._node = rclpy.create_node('bench', start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self.arrived_s: list[float] = []
        self.numbers: list[int] = []
        self.last = np.zeros(8)
        self.diagnostics: dict[str, str] = {}
        self._node.create_subscription(
            Float64MultiArray, 'hand/commands', self._on_command, QoSProfile(depth=1000)
        )
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.DIAGNOSTICS
        )
        self._predictions = self._node.create_publisher(
            Prediction, 'pipeline/predictions', qos.PREDICTIONS
        )

    def close(self) -> None:
        """Destroy the node."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _on_command(self, message: Float64MultiArray, info: Any) -> None:
        self.arrived_s.append(time.monotonic())
        self.numbers.append(info.get('publication_sequence_number') or len(self.numbers))
        self.last = np.frombuffer(message.data)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics = {pair.key: pair.value for pair in message.status[0].values}

    def wait(self, condition: Any, name: str) -> None:
        """Spin until a condition holds."""
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s:
                raise SystemExit(f'No {name} within {PATIENCE_S:g} s.')
            self._executor.spin_once(timeout_sec=0.1)

    def predict(self, value: float) -> float:
        """Publish a prediction stamped now; return the time, s."""
        message = Prediction(dof_names=['x'], dof_values=[value], model_id='bench')
        message.header.stamp = self._node.get_clock().now().to_msg()
        now_s = time.monotonic()
        self._predictions.publish(message)
        return now_s

    def arm(self) -> None:
        """Arm the bridge when its service is available."""
        client = self._node.create_client(Trigger, 'bridge/arm')
        self.wait(client.service_is_ready, 'service bridge/arm')
        self.wait(self._predictions.get_subscription_count, 'subscription of the bridge')
        self.wait(lambda: self._arm(client), 'arming')
        self.wait(lambda: self.arrived_s, 'command')

    def _arm(self, client: Any) -> bool:
        """Call ~/arm; False when the bridge is not active yet, or the answer was lost."""
        future = client.call_async(Trigger.Request())
        self._executor.spin_until_future_complete(future, timeout_sec=1.0)
        return bool(future.done() and future.result().success)

    def listen(self, seconds: float, value: float) -> None:
        """Publish predictions at 50 Hz and receive commands for some seconds."""
        end_s = time.monotonic() + seconds
        due_s = time.monotonic()
        while (now_s := time.monotonic()) < end_s:
            if now_s >= due_s:
                self.predict(value)
                due_s += 0.02
            self._executor.spin_once(timeout_sec=max(0.0, min(due_s, end_s) - time.monotonic()))

    def latencies_ms(self, trials: int) -> np.ndarray:
        """Return the times from a prediction to its command, ms, shape (trials,)."""
        found = []
        value = 0.2
        for _ in range(trials):
            # Long enough to reach the position, ending at a random moment of a command period.
            self.listen(0.15 + random.uniform(0.0, 0.02), value)
            value = -value
            before = self.last.copy()
            sent_s = self.predict(value)
            while np.array_equal(self.last, before):
                self._executor.spin_once(timeout_sec=0.1)
            found.append((self.arrived_s[-1] - sent_s) * 1e3)
        return np.array(found)

    def silences_ms(self, trials: int) -> np.ndarray:
        """Return the times from the last prediction to the way to rest, ms, shape (trials,)."""
        found = []
        for _ in range(trials):
            self.listen(0.3 + random.uniform(0.0, 0.02), 0.5)
            before = self.last.copy()
            sent_s = self.predict(0.5)
            while np.array_equal(self.last, before):
                self._executor.spin_once(timeout_sec=0.1)
            found.append((self.arrived_s[-1] - sent_s) * 1e3)
        return np.array(found)


@dataclass(frozen=True)
class Figures:
    """Measurements of one run; the arrays hold one value per command or per trial."""

    arrived_s: np.ndarray
    numbers: np.ndarray
    latency_ms: np.ndarray
    silence_ms: np.ndarray
    diagnostics: dict[str, str]

    @property
    def sent(self) -> int:
        """Number of commands sent between the first and the last one that arrived."""
        return int(self.numbers[-1] - self.numbers[0])

    @property
    def rate_hz(self) -> float:
        """Mean rate of the commands, Hz."""
        return float(self.sent / (self.arrived_s[-1] - self.arrived_s[0]))


def measure(output: str, seconds: float, trials: int) -> Figures:
    """Start a bridge in its own process and measure its commands."""
    rclpy.init()
    with tempfile.TemporaryDirectory(prefix='myogestic-bridge-') as folder:
        mapping = Path(folder, 'mapping.yaml')
        mapping.write_text(yaml.safe_dump(MAPPING))
        with NodeProcesses(Path(folder)) as nodes:
            parameters = {'mapping': str(mapping), 'state_topic': '', 'autostart': 'activate'}
            nodes.start('bridge', {**parameters, 'output': output})
            bench = Bench()
            bench.arm()
            bench.listen(1.0, 0.2)
            first = len(bench.arrived_s)
            bench.listen(seconds, 0.2)
            arrived_s = np.array(bench.arrived_s[first:])
            numbers = np.array(bench.numbers[first:])
            latency_ms = bench.latencies_ms(trials)
            silence_ms = bench.silences_ms(max(1, trials // 10))
            bench.listen(1.1, 0.2)  # until the next message on /diagnostics
            figures = Figures(arrived_s, numbers, latency_ms, silence_ms, bench.diagnostics)
            bench.close()
    rclpy.try_shutdown()
    return figures


def percentiles(values: np.ndarray) -> list[str]:
    """Return the table cells of the median, 95th and 99th percentile and maximum."""
    return [f'{v:.2f}' for v in (*np.percentile(values, [50, 95, 99]), values.max())]


def make_table(figures: Figures, seconds: float) -> Table:
    """Return the table of all figures with their limits."""
    table = Table(
        title=f'{figures.sent} commands in {seconds:g} s; {len(figures.latency_ms)} trials'
    )
    for name in ('', 'p50', 'p95', 'p99', 'max', 'limit'):
        table.add_column(name, justify='left' if not name else 'right')

    def add_row(name: str, values: list[str], limit: str = '') -> None:
        table.add_row(name, *values, limit)

    own = figures.diagnostics
    interval_ms = np.diff(figures.arrived_s) * 1e3
    latency_limit = f'p50 {MAX_LATENCY_MS:g}'
    add_row(
        'command rate (Hz)', [f'{figures.rate_hz:.3f}', '', '', ''], f'{MIN_HZ:g} to {MAX_HZ:g}'
    )
    add_row('interval between received commands (ms)', percentiles(interval_ms))
    add_row('deviation from the period (ms)', percentiles(np.abs(interval_ms - PERIOD_MS)))
    add_row(
        'prediction published → command received (ms)',
        percentiles(figures.latency_ms),
        latency_limit,
    )
    add_row(
        'last prediction → first command towards rest (ms)',
        percentiles(figures.silence_ms),
        f'p95 {MAX_SILENCE_MS:g}',
    )
    inside = [own.get(f'prediction to command p{p} [ms]', '') for p in (50, 99)]
    add_row(
        'prediction received → command sent (ms)', [inside[0], '', inside[1], ''], latency_limit
    )
    lost = figures.sent + 1 - len(figures.numbers)
    add_row('commands lost in transport', [str(lost), '', '', ''])
    add_row('missed commands, as the node counts', [own.get('missed commands', ''), '', '', ''])
    return table


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--trials', type=int, default=300)
    parser.add_argument('--output', choices=('position', 'velocity'), default='position')
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    figures = measure(arguments.output, arguments.seconds, arguments.trials)
    Console(width=120).print(make_table(figures, arguments.seconds))
    passed = (
        MIN_HZ <= figures.rate_hz <= MAX_HZ
        and np.median(figures.latency_ms) <= MAX_LATENCY_MS
        and np.percentile(figures.silence_ms, 95) <= MAX_SILENCE_MS
    )
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
