"""Kill the recorder at random moments, and see what of each session is left.

Usage: python bench/kill_recorder.py [--kills 200] [--channels 64] [--rate 2000] [--longest 2.0]

Driver (synthetic array) and recorder run as processes of their own, labels change five times a
second. The recorder is killed (SIGKILL) somewhere in its life. What had been published until then
is known here, byte for byte. Half of the sessions are repaired by the next recorder as it starts,
the others here. Exit code 1 when one does not open with the mcap library and with rosbags, has
lost more than 1.0 s, or holds anything else than what was published.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from mcap.reader import make_reader
from myogestic_ros.msg import EmgFrame
from myogestic_ros.msg import Label as LabelMessage
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.table import Table
from rosbags.rosbag2 import Reader

from myogestic_ros.core.signals import Label
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import label_to_ros
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import needs_repair, repair_session
from myogestic_ros.sessions.recording.sample_losses import frame_span
from myogestic_ros.sessions.storage.bag import is_finished, read_custom_data

MOST_LOST_S = 1.0
NAMES = ('rest', 'fist', 'open')
PATIENCE_S = 60.0
MOST_FRAMES = 10_000
FIRST_CHUNK = 20_000
"""A file of more bytes has frames in it."""


@dataclass(frozen=True)
class Loss:
    """What one kill cost, s; what is wrong with what is left, if anything."""

    lost_s: float
    fault: str
    labels: int
    frames: int


class Witness:
    """A node that says labels, and remembers what is published."""

    def __init__(self) -> None:
        self.frames: dict[int, bytes] = {}
        self.published_s: dict[int, float] = {}  # when the driver handed it over
        self._node = rclpy.create_node('witness')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._node.create_subscription(EmgFrame, 'emg', self._hear, qos.EMG, raw=True)
        self._labels = self._node.create_publisher(LabelMessage, 'label', qos.LABEL)
        self._node.create_timer(0.2, self._say_label)
        self._count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='witness', daemon=True)
        self._thread.start()  # it goes on hearing while a session is looked at

    def _hear(self, data: bytes, info: dict[str, int]) -> None:
        span = frame_span(data)
        if span is not None:
            self.published_s[span[0]] = info['source_timestamp'] * 1e-9
            self.frames[span[0]] = data

    def missing_since_s(self, last: int) -> float:
        """Return when the frame after the one with first sample ``last`` was published, s."""
        wait(lambda: max(self.frames) > last, 'the next frame')
        return self.published_s[min(first for first in list(self.frames) if first > last)]

    def _say_label(self) -> None:
        self._count += 1
        index = self._count % len(NAMES)
        self._labels.publish(label_to_ros(Label(time.time_ns(), index, NAMES[index])))

    def _spin(self) -> None:
        while not self._over.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        self._thread.join()

    def forget(self) -> None:
        """Let go of what is older than a minute or two."""
        known = list(self.frames)  # in one go, for the thread adds to them
        for first in sorted(known)[:-MOST_FRAMES]:
            del self.frames[first], self.published_s[first]


def wait(condition: Any, what: str) -> None:
    """Wait until a condition holds."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f'{what} took longer than {PATIENCE_S:g} s')
        time.sleep(0.01)


def record(folder: str) -> None:
    """Be a recorder that begins to record as it starts."""
    from myogestic_ros.nodes.common.main import run
    from myogestic_ros.nodes.recorder.node import RecorderNode

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    parameters = (f'session_dir:={folder}', 'autostart:=activate')
    run(RecorderNode, ['recorder', '--ros-args', *(a for p in parameters for a in ('-p', p))])


def files(folder: Path) -> set[Path]:
    """Return the sessions' files."""
    return set(folder.glob('*/*.mcap'))


@contextmanager
def recorder(context: Any, folder: Path) -> Iterator[Any]:
    """Start a recorder; kill it in the end."""
    process = context.Process(target=record, args=(str(folder),))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def kill_once(
    context: Any, folder: Path, after_s: float, early: bool, cut: Path | None
) -> tuple[Path, float]:
    """Record, kill so many seconds after the first frames (early: after its file is there).

    ``cut`` is a session that the recorder is to repair as it starts.
    """
    before = files(folder)
    with recorder(context, folder) as process:
        wait(lambda: files(folder) - before, 'a session')
        (file,) = files(folder) - before
        if cut is not None:
            wait(lambda: is_repaired(cut), 'a repair')
        if not early:
            wait(lambda: file.stat().st_size > FIRST_CHUNK, 'the first frames')
        time.sleep(after_s)
        process.kill()
        killed_s = time.time()
        process.join()
    return file.parent, killed_s


def is_repaired(path: Path) -> bool:
    """Tell whether a session has been repaired; while it is, it does not need it either."""
    custom_data = read_custom_data(path / 'metadata.yaml')
    return custom_data is not None and is_finished(custom_data) and not needs_repair(path)


def judge(path: Path, killed_s: float, witness: Witness) -> Loss:
    """Compare what two independent readers and our own find with what was published."""
    try:
        with next(path.glob('*.mcap')).open('rb') as stream:
            reader = make_reader(stream, validate_crcs=True)
            if reader.get_summary() is None:
                return Loss(0.0, 'no index', 0, 0)
            frames = [m.data for _, _, m in reader.iter_messages(topics=['/emg'])]
        with Reader(path) as bag:
            connections = [c for c in bag.connections if c.topic == '/emg']
            again = [bytes(data) for _, _, data in bag.messages(connections)]
        session = Session(path)
        chunks = list(session.chunks('emg')) if session.bag.message_count else []
        labels = session.labels()
    except Exception as error:
        return Loss(float('inf'), f'it does not open: {error!r}', 0, 0)
    fault = ''
    firsts = [chunk.first_sample for chunk in chunks]
    wait(lambda: not firsts or max(witness.frames) > firsts[-1], 'hearing what it heard')
    if not len(frames) == len(again) == len(chunks) or frames != again:
        fault = 'readers find different frames'
    elif [witness.frames.get(first) for first in firsts] != frames:
        fault = 'a frame is not what was published'
    elif any(a.end_sample != b.first_sample for a, b in zip(chunks[:-1], chunks[1:], strict=True)):
        holes = [
            (a.end_sample, b.first_sample)
            for a, b in zip(chunks[:-1], chunks[1:], strict=True)
            if a.end_sample != b.first_sample
        ]
        fault = f'frames within are missing: {holes} of {firsts[0]} to {firsts[-1]}'
    elif not {label.name for label in labels} <= set(NAMES):
        fault = 'a label is not what was published'
    # A driver that is late itself is not the recorder's loss: when was the first frame published
    # that is not there?
    missing_s = witness.missing_since_s(firsts[-1]) if firsts else killed_s
    loss = Loss(max(0.0, killed_s - missing_s), fault, len(labels), len(frames))
    if loss.fault or loss.lost_s > MOST_LOST_S:
        print(f'{path.name}: {loss}', file=sys.stderr)
    return loss


def run(arguments: argparse.Namespace) -> list[Loss]:
    """Kill so often."""
    dice = random.Random(arguments.seed)
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['myogestic_ros.nodes.recorder.node'])  # imported once
    losses: list[Loss] = []
    with tempfile.TemporaryDirectory(prefix='myogestic-kill-') as place:
        folder = Path(place, 'sessions')
        values = {'channels': arguments.channels, 'sampling_rate': arguments.rate}
        with NodeProcesses(Path(place, 'nodes')) as nodes, contextlib.suppress(KeyboardInterrupt):
            nodes.start(
                'driver',
                {'autostart': 'activate', **{f'synthetic.{k}': v for k, v in values.items()}},
            )
            witness = Witness()
            wait(lambda: witness.frames, 'frames')
            pending: tuple[Path, float] | None = None
            for number in range(arguments.kills):
                early = number % 4 == 3  # perhaps before the first frame has come
                after_s = dice.uniform(0.0, 0.3 if early else arguments.longest)
                cut = pending[0] if pending else None
                path, killed_s = kill_once(context, folder, after_s, early, cut)
                if pending:
                    losses.append(judge(*pending, witness))
                pending = path, killed_s
                if number % 4 >= 2 or number == arguments.kills - 1:
                    repair_session(path)
                    losses.append(judge(path, killed_s, witness))
                    pending = None
                witness.forget()
            witness.close()
    return losses


def main() -> int:
    """Kill, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--channels', type=int, default=64)
    parser.add_argument('--rate', type=float, default=2000.0)
    parser.add_argument('--longest', type=float, default=2.0, help='longest recording, s')
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    rclpy.init()
    try:
        losses = run(arguments)
    finally:
        rclpy.try_shutdown()
    lost_s = np.array([loss.lost_s for loss in losses])
    faults = sum(bool(loss.fault) for loss in losses)
    table = Table(title=f'{len(losses)} kills, {arguments.channels} ch at {arguments.rate:g} Hz')
    for name in ('lost: p50 (s)', 'p95', 'most', 'allowed', 'faulty', 'frames', 'labels'):
        table.add_column(name, justify='right')
    table.add_row(
        *(f'{x:.3f}' for x in (np.median(lost_s), np.percentile(lost_s, 95), lost_s.max())),
        *(f'{MOST_LOST_S:g}', str(faults)),
        *(str(sum(getattr(loss, name) for loss in losses)) for name in ('frames', 'labels')),
    )
    Console(width=120).print(table)
    return 1 if faults or lost_s.max() > MOST_LOST_S else 0


if __name__ == '__main__':
    sys.exit(main())
