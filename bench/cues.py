"""Measure how late the labels of a protocol are, compared with the protocol's schedule.

Usage: python bench/cues.py [--cues 200] [--hold 0.15]

Driver (synthetic array, 64 channels, 2 kHz), recorder and cues run in their own processes. The
stamps of the labels in the recorded session are compared with the schedule. Exit code 1 when a
label deviates by 20 ms or more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from rclpy.action import ActionClient
from rich.console import Console
from rich.table import Table

from myogestic_ros.action import RunProtocol
from myogestic_ros.demo.node_client import open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.sessions.reading.reader import Session

MAX_DELAY_MS = 20.0
COUNTDOWN_S = 1.0


def record(folder: Path, cues: int, hold_s: float) -> Path:
    """Run a protocol of ``cues`` cues and return the path of its session."""
    protocol = folder / 'protocol.yaml'
    protocol.write_text(
        f'classes: [fist]\nrepetitions: {cues}\nhold: {hold_s}\nrest: 0\n'
        f'countdown: {COUNTDOWN_S}\n'
    )
    synthetic = {'source': 'synthetic', 'synthetic.channels': 64, 'autostart': 'activate'}
    with (
        NodeProcesses(folder / 'nodes') as nodes,
        open_node_client(nodes.exit_message) as operator,
    ):
        nodes.start('driver', synthetic)
        sessions = {'session_dir': str(folder / 'sessions')}
        nodes.start('recorder', {**sessions, 'autostart': 'configure'})
        nodes.start('cues', {'autostart': 'configure'})
        client = ActionClient(operator._node, RunProtocol, 'cues/run_protocol')
        operator.wait(client.server_is_ready, 'the action server', 60.0)
        operator.wait(lambda: 'recorder' in operator.node_status, 'the recorder', 60.0)
        goal = client.send_goal_async(RunProtocol.Goal(protocol=str(protocol)))
        operator.wait(goal.done, 'the answer', 60.0)
        result = goal.result().get_result_async()
        operator.wait(result.done, 'the protocol', cues * hold_s * 2 + 60.0)
        client.destroy()
        return Path(result.result().result.session)


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--cues', type=int, default=200)
    parser.add_argument('--hold', type=float, default=0.15, help='s')
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    with tempfile.TemporaryDirectory(prefix='myogestic-cues-') as folder:
        labels = Session(record(Path(folder), arguments.cues, arguments.hold)).labels()
    stamps_s = np.array([label.stamp_ns - labels[0].stamp_ns for label in labels[1:]]) * 1e-9
    late_ms = (stamps_s - COUNTDOWN_S - np.arange(len(stamps_s)) * arguments.hold) * 1e3
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    table = Table(title=f'{len(late_ms)} labels, delay in ms; load {load:.1f} per core')
    figures = {'earliest': np.min(late_ms), 'median': np.median(late_ms)}
    figures |= {'p99': np.percentile(late_ms, 99), 'latest': np.max(late_ms)}
    for name in figures:
        table.add_column(name, justify='right')
    table.add_row(*(f'{value:.3f}' for value in figures.values()))
    Console(width=100).print(table)
    passed = len(late_ms) == arguments.cues + 1 and float(np.abs(late_ms).max()) < MAX_DELAY_MS
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
