"""Rate and regularity of commands, how soon they follow a prediction, and its absence.

Usage: python bench/bridge.py [--seconds 60] [--trials 300] [--output position]

The bridge runs as a process of its own; this one is pipeline and hand at once. Predictions come
at 50 Hz for the rate; for the latency a prediction with another value comes to a hand that stands
still, at a random moment, and the clock runs from just before it is published to the arrival of
the first command that differs: both ways over DDS, and more than what the node itself can see.
Its own figure, from the arrival of a prediction to the command, stands beside. And from the last
prediction to the first command that takes the hand to rest. Exit code 1 when a figure is beyond
its limit.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from myogestic_ros.msg import Prediction
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.table import Table
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.nodes.common import qos

RATE_HZ = 100.0
PERIOD_MS = 1e3 / RATE_HZ
TIMEOUT_MS = 250.0
MAPPING = {
    'mode': 'proportional',
    'joints': {f'joint_{n}': {'lower': -1.0, 'upper': 1.0} for n in range(8)},
    'limits': {'velocity': 10.0, 'acceleration': 1000.0},
    'postures': {'rest': {f'joint_{n}': 0.0 for n in range(8)}},
    'dofs': {'x': {'joints': {f'joint_{n}': 1.0 for n in range(8)}}},
}
PATIENCE_S = 20.0


class Bench:
    """Pipeline and hand."""

    def __init__(self) -> None:
        self._node = rclpy.create_node('bench', start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self.arrived_s: list[float] = []
        self.numbers: list[int] = []
        self.last = np.zeros(8)
        self.own: dict[str, str] = {}
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
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _on_command(self, message: Float64MultiArray, info: Any) -> None:
        self.arrived_s.append(time.monotonic())
        self.numbers.append(info.get('publication_sequence_number') or len(self.numbers))
        self.last = np.frombuffer(message.data)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.own = {pair.key: pair.value for pair in message.status[0].values}

    def until(self, condition: Any, what: str) -> None:
        """Listen until a condition holds."""
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s:
                raise SystemExit(f'There was no {what} within {PATIENCE_S:g} s.')
            self._executor.spin_once(timeout_sec=0.1)

    def predict(self, value: float) -> float:
        """Publish a prediction, new at this moment; return when."""
        message = Prediction(dof_names=['x'], dof_values=[value], model_id='bench')
        message.header.stamp = self._node.get_clock().now().to_msg()
        now_s = time.monotonic()
        self._predictions.publish(message)
        return now_s

    def arm(self) -> None:
        """Arm the bridge, once it is there."""
        client = self._node.create_client(Trigger, 'bridge/arm')
        self.until(client.service_is_ready, 'bridge')
        self.until(self._predictions.get_subscription_count, 'listener')
        success = False
        end_s = time.monotonic() + PATIENCE_S
        while not success and time.monotonic() < end_s:  # it may be configured still
            future = client.call_async(Trigger.Request())
            self.until(future.done, 'answer')
            success = future.result().success
        self.until(lambda: self.arrived_s, 'command')

    def listen(self, seconds: float, value: float) -> None:
        """Predict at 50 Hz, and listen, for a while."""
        end_s = time.monotonic() + seconds
        due_s = time.monotonic()
        while (now_s := time.monotonic()) < end_s:
            if now_s >= due_s:
                self.predict(value)
                due_s += 0.02
            self._executor.spin_once(timeout_sec=max(0.0, min(due_s, end_s) - time.monotonic()))

    def latencies_ms(self, trials: int) -> np.ndarray:
        """Return how long commands took to follow predictions, ms, shape (trials,)."""
        found = []
        value = 0.2
        for _ in range(trials):
            # Long enough to be there, and ending anywhere in a command period.
            self.listen(0.15 + random.uniform(0.0, 0.02), value)
            value = -value
            before = self.last.copy()
            sent_s = self.predict(value)
            while np.array_equal(self.last, before):
                self._executor.spin_once(timeout_sec=0.1)
            found.append((self.arrived_s[-1] - sent_s) * 1e3)
        return np.array(found)

    def silences_ms(self, trials: int) -> np.ndarray:
        """Return how long after the last prediction the hand heads for rest, ms, shape (trials,)."""
        found = []
        for _ in range(trials):
            self.listen(0.3 + random.uniform(0.0, 0.02), 0.5)
            before = self.last.copy()
            sent_s = self.predict(0.5)
            while np.array_equal(self.last, before):
                self._executor.spin_once(timeout_sec=0.1)
            found.append((self.arrived_s[-1] - sent_s) * 1e3)
        return np.array(found)


def row(table: Table, name: str, values: list[str], limit: str = '') -> None:
    """Add a row."""
    table.add_row(name, *values, limit)


def main() -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--trials', type=int, default=300)
    parser.add_argument('--output', choices=('position', 'velocity'), default='position')
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    rclpy.init()
    with tempfile.TemporaryDirectory(prefix='myogestic-bridge-') as folder:
        mapping = Path(folder, 'mapping.yaml')
        mapping.write_text(yaml.safe_dump(MAPPING))
        with NodeProcesses(Path(folder)) as nodes:
            parameters = {'mapping': str(mapping), 'state_topic': '', 'autostart': 'activate'}
            nodes.start('bridge', {**parameters, 'output': arguments.output})
            bench = Bench()
            bench.arm()
            bench.listen(1.0, 0.2)
            first = len(bench.arrived_s)
            bench.listen(arguments.seconds, 0.2)
            arrived_s = np.array(bench.arrived_s[first:])
            numbers = np.array(bench.numbers[first:])
            latency_ms = bench.latencies_ms(arguments.trials)
            silence_ms = bench.silences_ms(max(1, arguments.trials // 10))
            bench.listen(1.1, 0.2)
            own = bench.own
            bench.close()
    rclpy.try_shutdown()
    sent = int(numbers[-1] - numbers[0])
    rate_hz = sent / (arrived_s[-1] - arrived_s[0])
    interval_ms = np.diff(arrived_s) * 1e3
    p50 = float(np.median(latency_ms))

    table = Table(title=f'{sent} commands in {arguments.seconds:g} s; {len(latency_ms)} trials')
    for name in ('', 'p50', 'p95', 'p99', 'max', 'limit'):
        table.add_column(name, justify='left' if not name else 'right')

    def spread(values: np.ndarray) -> list[str]:
        return [f'{v:.2f}' for v in (*np.percentile(values, [50, 95, 99]), values.max())]

    low, high = RATE_HZ * 0.99, RATE_HZ * 1.01
    row(table, 'command rate [Hz]', [f'{rate_hz:.3f}', '', '', ''], f'{low:g} to {high:g}')
    row(table, 'interval as received [ms]', spread(interval_ms))
    row(table, 'off the period [ms]', spread(np.abs(interval_ms - PERIOD_MS)))
    limit = f'p50 {PERIOD_MS + 1:g}'
    row(table, 'prediction sent → command received [ms]', spread(latency_ms), limit)
    most_ms = TIMEOUT_MS + PERIOD_MS + 1.0
    row(table, 'last prediction → way to rest [ms]', spread(silence_ms), f'p95 {most_ms:g}')
    inside = [own.get(f'prediction to command p{p} [ms]', '') for p in (50, 99)]
    row(table, 'prediction received → command sent [ms]', [inside[0], '', inside[1], ''], limit)
    row(table, 'commands lost on the way', [str(sent + 1 - len(numbers)), '', '', ''])
    row(table, 'missed commands, as the node counts', [own.get('missed commands', ''), '', '', ''])
    Console(width=120).print(table)
    prompt = p50 <= PERIOD_MS + 1.0 and np.percentile(silence_ms, 95) <= most_ms
    return 0 if low <= rate_hz <= high and prompt else 1


if __name__ == '__main__':
    sys.exit(main())
