"""Kill the recorder at random moments and check what each session still contains.

Usage: python bench/kill_recorder.py [--kills 200] [--channels 64] [--rate 2000] [--longest 2.0]
       [--since published|received]

Driver (synthetic array) and recorder run in their own processes, and labels change five times per
second. The recorder is killed (SIGKILL) at a random moment. This process also receives the
published frames and compares them byte for byte. Half of the sessions are repaired by the next
recorder when it starts, the others by this process. Exit code 1 when a session cannot be opened
with the mcap library and with rosbags, has lost more than 1.0 s, or contains anything that was not
published.

A loss counts from the publication of the first missing frame, or with ``--since received`` from its
reception by the recorder, which acknowledges every frame: on an overloaded machine a process
without processor time receives late, and no recorder can save the frames that it has not received.
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
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.table import Table
from rosbags.rosbag2 import Reader

from myogestic_ros.core.signals import Label
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.msg import EmgFrame, Processed
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.nodes.common import processed_publisher, qos
from myogestic_ros.nodes.common.conversions import label_to_ros
from myogestic_ros.nodes.common.processed_publisher import processed_topic
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import needs_repair, repair_session
from myogestic_ros.sessions.recording.sample_losses import frame_span
from myogestic_ros.sessions.storage.bag import is_finished, read_custom_data

MAX_LOST_S = 1.0
NAMES = ('rest', 'fist', 'open')
PATIENCE_S = 60.0
MAX_FRAMES = 10_000
FIRST_CHUNK = 20_000
"""A file with more bytes than this contains frames."""


@dataclass(frozen=True)
class Loss:
    """Time lost by one kill, since publication and since reception, s; error, or '' for none."""

    lost_s: float
    received_s: float
    error: str
    labels: int
    frames: int


class Witness:
    """Node that publishes labels and stores the published frames."""

    def __init__(self) -> None:
        self.frames: dict[int, bytes] = {}
        self.published_s: dict[int, float] = {}  # time of publication
        self._received_s: dict[int, float] = {}  # when the recorder acknowledged an end sample
        self._node = rclpy.create_node('witness')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._node.create_subscription(EmgFrame, 'emg', self._on_frame, qos.EMG, raw=True)
        self._node.create_subscription(
            Processed, processed_topic('emg'), self._on_processed, qos.PROCESSED
        )
        self._labels = self._node.create_publisher(LabelMessage, 'label', qos.LABEL)
        self._node.create_timer(0.2, self._publish_label)
        self._count = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='witness', daemon=True)
        self._thread.start()  # receives frames while a session is checked

    def _on_frame(self, data: bytes, info: dict[str, int]) -> None:
        span = frame_span(data)
        if span is not None:
            self.published_s[span.first_sample] = info['source_timestamp'] * 1e-9
            self.frames[span.first_sample] = data

    def missing_since_s(self, last: int) -> float:
        """Return when the frame after the one with first sample ``last`` was published, s."""
        wait(lambda: max(self.frames) > last, 'the next frame')
        return self.published_s[min(first for first in list(self.frames) if first > last)]

    def _on_processed(self, message: Processed) -> None:
        stamp_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        self._received_s.setdefault(message.end_sample, stamp_s)

    def lost_since_received_s(self, last: int, killed_s: float) -> float:
        """Return the age at the kill of the oldest received frame after first sample ``last``."""
        frame = min(first for first in list(self.frames) if first > last)
        stamps_s = [at_s for end, at_s in list(self._received_s.items()) if end > frame]
        return max(0.0, killed_s - min(stamps_s, default=killed_s))

    def _publish_label(self) -> None:
        self._count += 1
        index = self._count % len(NAMES)
        self._labels.publish(label_to_ros(Label(time.time_ns(), index, NAMES[index])))

    def _spin(self) -> None:
        while not self._closed.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def close(self) -> None:
        """Stop receiving."""
        self._closed.set()
        self._thread.join()

    def discard_old_frames(self) -> None:
        """Delete all but the newest frames."""
        known = list(self.frames)  # a copy: the thread adds frames
        for first in sorted(known)[:-MAX_FRAMES]:
            del self.frames[first], self.published_s[first]
        for end in sorted(self._received_s)[:-MAX_FRAMES]:
            del self._received_s[end]


def wait(condition: Any, name: str) -> None:
    """Wait until a condition holds."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f'{name} took longer than {PATIENCE_S:g} s')
        time.sleep(0.01)


def record(folder: str) -> None:
    """Run a recorder that records from the start."""
    from myogestic_ros.nodes.common.main import run
    from myogestic_ros.nodes.recorder.node import RecorderNode

    processed_publisher.BATCH_FRAMES = 1  # `Witness` learns when each frame was received
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    parameters = (f'session_dir:={folder}', 'autostart:=activate')
    run(RecorderNode, ['recorder', '--ros-args', *(a for p in parameters for a in ('-p', p))])


def files(folder: Path) -> set[Path]:
    """Return the MCAP files of all sessions."""
    return set(folder.glob('*/*.mcap'))


@contextmanager
def recorder(context: Any, folder: Path) -> Iterator[Any]:
    """Start a recorder; kill it on exit."""
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
    """Record, and kill ``after_s`` seconds after the first frames.

    Parameters
    ----------
    early : bool
        Count from the creation of the file instead, which may be before the first frame.
    cut : Path or None
        Session that the recorder must repair when it starts.

    Returns
    -------
    Path, float
        The session, and the time of the kill, s.
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
    """Return True after a repair; during it, `needs_repair` is already False."""
    custom_data = read_custom_data(path / 'metadata.yaml')
    return custom_data is not None and is_finished(custom_data) and not needs_repair(path)


def check(path: Path, killed_s: float, witness: Witness) -> Loss:
    """Compare the frames found by mcap, rosbags and our reader with the published ones."""
    try:
        with next(path.glob('*.mcap')).open('rb') as stream:
            reader = make_reader(stream, validate_crcs=True)
            if reader.get_summary() is None:
                return Loss(0.0, 0.0, 'no index', 0, 0)
            frames = [m.data for _, _, m in reader.iter_messages(topics=['/emg'])]
        with Reader(path) as bag:
            connections = [c for c in bag.connections if c.topic == '/emg']
            again = [bytes(data) for _, _, data in bag.messages(connections)]
        session = Session(path)
        chunks = list(session.chunks('emg')) if session.bag.message_count else []
        labels = session.labels()
    except Exception as exception:
        return Loss(float('inf'), float('inf'), f'it cannot be opened: {exception!r}', 0, 0)
    error = ''
    firsts = [chunk.first_sample for chunk in chunks]
    wait(
        lambda: not firsts or max(witness.frames) > firsts[-1],
        'receiving the frames of the session',
    )
    if not len(frames) == len(again) == len(chunks) or frames != again:
        error = 'the readers find different frames'
    elif [witness.frames.get(first) for first in firsts] != frames:
        error = 'a frame differs from the published one'
    elif any(a.end_sample != b.first_sample for a, b in zip(chunks[:-1], chunks[1:], strict=True)):
        holes = [
            (a.end_sample, b.first_sample)
            for a, b in zip(chunks[:-1], chunks[1:], strict=True)
            if a.end_sample != b.first_sample
        ]
        error = f'frames are missing: samples {holes} between {firsts[0]} and {firsts[-1]}'
    elif not {label.name for label in labels} <= set(NAMES):
        error = 'a label differs from the published ones'
    # Counted from the publication of the first missing frame, so that a late driver is no loss.
    missing_s = witness.missing_since_s(firsts[-1]) if firsts else killed_s
    received_s = witness.lost_since_received_s(firsts[-1], killed_s) if firsts else 0.0
    lost_s = max(0.0, killed_s - missing_s)
    loss = Loss(lost_s, received_s, error, len(labels), len(frames))
    if loss.error or loss.lost_s > MAX_LOST_S:
        print(f'{path.name}: {loss}', file=sys.stderr)
    return loss


def run(arguments: argparse.Namespace) -> list[Loss]:
    """Kill ``arguments.kills`` recorders."""
    rng = random.Random(arguments.seed)
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
                early = number % 4 == 3  # possibly before the first frame
                after_s = rng.uniform(0.0, 0.3 if early else arguments.longest)
                cut = pending[0] if pending else None
                path, killed_s = kill_once(context, folder, after_s, early, cut)
                if pending:
                    losses.append(check(*pending, witness))
                pending = path, killed_s
                if number % 4 >= 2 or number == arguments.kills - 1:
                    repair_session(path)
                    losses.append(check(path, killed_s, witness))
                    pending = None
                witness.discard_old_frames()
            witness.close()
    return losses


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--channels', type=int, default=64)
    parser.add_argument('--rate', type=float, default=2000.0)
    parser.add_argument('--longest', type=float, default=2.0, help='longest recording, s')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--since', choices=('published', 'received'), default='published')
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    rclpy.init()
    try:
        losses = run(arguments)
    finally:
        rclpy.try_shutdown()
    lost_s = np.array([loss.lost_s for loss in losses])
    n_errors = sum(bool(loss.error) for loss in losses)
    received_s = np.array([loss.received_s for loss in losses])
    table = Table(title=f'{len(losses)} kills, {arguments.channels} ch at {arguments.rate:g} Hz')
    for name in ('lost since', 'p50 (s)', 'p95', 'max', 'limit', 'errors', 'frames', 'labels'):
        table.add_column(name, justify='right')
    counts = [str(sum(getattr(loss, name) for loss in losses)) for name in ('frames', 'labels')]
    for name, values in (('published', lost_s), ('received', received_s)):
        figures = (np.median(values), np.percentile(values, 95), values.max())
        limit = f'{MAX_LOST_S:g}' if name == arguments.since else ''
        table.add_row(name, *(f'{x:.3f}' for x in figures), limit, str(n_errors), *counts)
    Console(width=120).print(table)
    judged_s = lost_s if arguments.since == 'published' else received_s
    return 1 if n_errors or judged_s.max() > MAX_LOST_S else 0


if __name__ == '__main__':
    sys.exit(main())
