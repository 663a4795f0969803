"""How many predictions, and how regular: 60 s of a live graph at several rates.

Usage: python bench/ticks.py [--hz 50 0 20 33.3 100] [--seconds 60]

Driver (synthetic array, 8 channels, 2 kHz) and pipeline run as processes of their own; this
process counts what arrives between the answers of start_predicting and stop_predicting, and what
arrives after. Exit code 1 when a count is off by more than one, a stamp is not one hop after the
last, a prediction comes twice, or one comes after stop has answered.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from myogestic_ros.msg import Prediction
from rich.console import Console
from rich.table import Table

from myogestic_ros.demo import steps
from myogestic_ros.demo.node_client import NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.settings import DemoSettings
from myogestic_ros.nodes.common import qos

RATE_HZ = 2000.0
FRAMES_HZ = 100.0


def measure(operator: NodeClient, hz: float, seconds: float) -> tuple[list[str], bool]:
    """Predict for so many seconds of signal; return the row of the table, and whether it is right."""
    got: list[Prediction] = []
    node = operator._node
    subscription = node.create_subscription(
        Prediction, 'pipeline/predictions', got.append, qos.PREDICTIONS
    )
    operator.set_parameter('pipeline', 'predict_hz', hz)
    operator.spin(0.5)
    operator.trigger('pipeline/start_predicting')
    operator.wait(lambda: bool(got), 'the first prediction', 10.0)
    first = got[0].sample
    end = first + seconds * RATE_HZ
    operator.wait(lambda: got[-1].sample >= end, 'the signal', 3 * seconds + 30.0)
    operator.trigger('pipeline/stop_predicting')
    stopped = len(got)
    operator.spin(1.0)
    late = len(got) - stopped
    node.destroy_subscription(subscription)
    samples = np.array([message.sample for message in got if message.sample < end], np.int64)
    stamps_ns = np.array(
        [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in got if m.sample < end]
    )
    per_second = hz if hz > 0 else FRAMES_HZ
    hop = RATE_HZ / per_second
    gaps = np.diff(samples)
    regular = bool(
        (gaps >= math.floor(hop)).all()
        and (gaps <= math.ceil(hop)).all()
        and (np.abs(np.diff(stamps_ns) - gaps * 1e9 / RATE_HZ) <= 1).all()
    )
    twice = len(samples) - len(set(samples.tolist()))
    expected = seconds * per_second
    right = abs(len(samples) - expected) <= 1 and regular and not twice and not late
    row = [
        f'{hz:g}' if hz > 0 else 'each frame',
        f'{expected:.1f}',
        str(len(samples)),
        f'{np.diff(stamps_ns).min() / 1e6:.3f} to {np.diff(stamps_ns).max() / 1e6:.3f}',
        str(twice),
        str(late),
        'yes' if right else '[red]no[/]',
    ]
    return row, right


def main() -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--hz', type=float, nargs='+', default=[50.0, 0.0, 20.0, 33.3, 100.0])
    parser.add_argument('--seconds', type=float, default=60.0)
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    table = Table(title=f'{arguments.seconds:g} s of signal, 8 channels at 2 kHz')
    for name in ('predict_hz', 'expected', 'arrived', 'stamps apart (ms)', 'twice', 'after stop'):
        table.add_column(name, justify='right')
    table.add_column('right')
    quiet = Console(quiet=True)
    all_right = True
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
                row, right = measure(operator, hz, arguments.seconds)
                table.add_row(*row)
                all_right = all_right and right
    Console(width=120).print(table)
    return 0 if all_right else 1


if __name__ == '__main__':
    sys.exit(main())
