"""Count the predictions of live nodes at several rates, and check their regularity.

Usage: python bench/ticks.py [--hz 50 0 20 33.3 100] [--seconds 60]

Driver (synthetic array, 8 channels, 2 kHz) and pipeline run in their own processes. This process
counts the predictions that arrive between the responses of start_predicting and stop_predicting,
and after. Exit code 1 when a count deviates by more than one, a stamp is not one hop after the
previous one, a prediction arrives twice, or one arrives after the response of stop_predicting.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from myogestic_ros.demo import steps
from myogestic_ros.demo.node_client import NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.settings import DemoSettings
from myogestic_ros.msg import Prediction
from myogestic_ros.nodes.common import qos

RATE_HZ = 2000.0
FRAMES_HZ = 100.0


def receive(operator: NodeClient, hz: float, seconds: float) -> tuple[list[Prediction], int]:
    """Predict for ``seconds`` of signal.

    Returns
    -------
    list of Prediction, int
        The predictions of these seconds, and how many arrived after `stop_predicting`.
    """
    received: list[Prediction] = []
    node = operator._node
    subscription = node.create_subscription(
        Prediction, 'pipeline/predictions', received.append, qos.PREDICTIONS
    )
    operator.set_parameter('pipeline', 'predict_hz', hz)
    operator.spin(0.5)
    operator.trigger('pipeline/start_predicting')
    operator.wait(lambda: bool(received), 'the first prediction', 10.0)
    end = received[0].sample + seconds * RATE_HZ
    operator.wait(lambda: received[-1].sample >= end, 'the signal', 3 * seconds + 30.0)
    operator.trigger('pipeline/stop_predicting')
    stopped = len(received)
    operator.spin(1.0)
    node.destroy_subscription(subscription)
    return [message for message in received if message.sample < end], len(received) - stopped


def measure(operator: NodeClient, hz: float, seconds: float) -> tuple[list[str], bool]:
    """Predict for ``seconds`` of signal; return the table row, and True when all is correct."""
    received, late = receive(operator, hz, seconds)
    samples = np.array([message.sample for message in received], np.int64)
    stamps_ns = np.array([m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in received])
    per_second = hz if hz > 0 else FRAMES_HZ
    hop = RATE_HZ / per_second
    gaps, intervals_ns = np.diff(samples), np.diff(stamps_ns)
    regular = bool(
        (gaps >= math.floor(hop)).all()
        and (gaps <= math.ceil(hop)).all()
        and (np.abs(intervals_ns - gaps * 1e9 / RATE_HZ) <= 1).all()
    )
    twice = len(samples) - len(set(samples.tolist()))
    expected = seconds * per_second
    correct = abs(len(samples) - expected) <= 1 and regular and not twice and not late
    row = [
        f'{hz:g}' if hz > 0 else 'each frame',
        f'{expected:.1f}',
        str(len(samples)),
        f'{intervals_ns.min() / 1e6:.3f} to {intervals_ns.max() / 1e6:.3f}',
        str(twice),
        str(late),
        'yes' if correct else '[red]no[/]',
    ]
    return row, correct


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--hz', type=float, nargs='+', default=[50.0, 0.0, 20.0, 33.3, 100.0])
    parser.add_argument('--seconds', type=float, default=60.0)
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    table = Table(title=f'{arguments.seconds:g} s of signal, 8 channels at 2 kHz')
    for name in (
        'predict_hz',
        'expected',
        'received',
        'interval of stamps (ms)',
        'twice',
        'after stop',
    ):
        table.add_column(name, justify='right')
    table.add_column('correct')
    quiet = Console(quiet=True)
    all_correct = True
    with tempfile.TemporaryDirectory(prefix='myogestic-ticks-') as folder:
        plan = DemoSettings(
            with_hand=False,
            out=Path(folder),
            class_names=('rest', 'fist', 'open'),
            repetitions=2,
            hold_s=1.5,
        )
        with (
            NodeProcesses(plan.out / 'nodes') as nodes,
            open_node_client(nodes.exit_message) as operator,
        ):
            for name in ('driver', 'recorder', 'pipeline'):
                nodes.start(name, getattr(plan, name)())
            steps.bring_up(quiet, operator, plan)
            steps.train(quiet, operator, steps.record_cues(quiet, operator, plan))
            for hz in arguments.hz:
                row, correct = measure(operator, hz, arguments.seconds)
                table.add_row(*row)
                all_correct = all_correct and correct
    Console(width=120).print(table)
    return 0 if all_correct else 1


if __name__ == '__main__':
    sys.exit(main())
