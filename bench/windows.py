"""Time reading a long session and cutting it into windows, with Hudgins' features.

Usage: python bench/windows.py [--minutes 10] [--channels 64] [--rate 2000] [--repeats 3]

Two implementations read the same bag, each in its own process:

- ours: as in a training of a built-in decoder (`load_training_set`). Many frames are decoded at
  once, windows are views, overlapping windows share the computation of features, and only the
  features stay in memory.
- in memory: the published implementation of MyoGestic (`iter_labeled_windows` and features),
  written anew. The whole stream is read into one array, and each window costs one call of each
  feature.

Peak memory is counted above that of Python and the libraries. Exit code 1 when ours is less than
five times as fast, or when the results differ.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from synthetic_sessions import write_session

from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.training_set import load_training_set
from myogestic_ros.decoding.decoders.htd_lda import extract
from myogestic_ros.sessions.reading.reader import Session

WINDOW_MS, HOP_MS = 200.0, 50.0
CUE_S = 5.0
NAMES = ('rest', 'fist', 'open', 'pinch', 'point')
MIN_RATIO = 5.0


def cues(minutes: float, channels: int, rate: float) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield a cue every five seconds, of noise."""
    rng = np.random.default_rng(0)
    length = round(CUE_S * rate)
    noise = (rng.standard_normal((2 * length, channels)) * 1e-4).astype(np.float32)
    for cue in range(round(minutes * 60 / CUE_S)):
        start = int(rng.integers(0, length))
        index = cue % len(NAMES)
        yield index, NAMES[index], noise[start : start + length]


def ours(path: Path) -> np.ndarray:
    """Return the features of all windows, shape (n_windows, n_features)."""
    data = TrainingData([str(path)], streams=[StreamSpec('emg', WINDOW_MS)], hop_ms=HOP_MS)
    return load_training_set(data, extract, 0.0).features


def mav(x: np.ndarray) -> np.ndarray:
    return np.mean(np.abs(x), axis=1)


def zc(x: np.ndarray) -> np.ndarray:
    return np.sum(np.diff(np.signbit(x), axis=1), axis=1)


def ssc(x: np.ndarray) -> np.ndarray:
    return np.sum(np.diff(np.signbit(np.diff(x, axis=1)), axis=1), axis=1)


def wl(x: np.ndarray) -> np.ndarray:
    return np.sum(np.abs(np.diff(x, axis=1)), axis=1)


def in_memory(path: Path) -> np.ndarray:
    """Return the same features, computed window by window from the whole stream in memory."""
    session = Session(path)
    chunks = list(session.chunks('emg'))
    rate = chunks[0].sampling_rate
    stream = np.concatenate([chunk.data for chunk in chunks])
    times_ns = np.concatenate(
        [chunk.stamp_ns + np.arange(chunk.n_samples) * 1e9 / rate for chunk in chunks]
    )
    labels = session.labels()
    edges = [int(np.argmin(np.abs(times_ns - label.stamp_ns))) for label in labels]
    n_samples, hop = round(WINDOW_MS * rate / 1000), round(HOP_MS * rate / 1000)
    features = []
    for start, stop in zip(edges, [*edges[1:], len(stream)], strict=True):
        for begin in range(start, stop - n_samples + 1, hop):
            window = stream[begin : begin + n_samples].T
            features.append(np.concatenate([mav(window), zc(window), ssc(window), wl(window)]))
    return np.array(features, np.float32)


WAYS = {'ours': ours, 'in memory': in_memory}


def measure(way: str, path: Path, repeats: int) -> dict[str, Any]:
    """Run one implementation in this process."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times_s = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        features = WAYS[way](path)
        times_s.append(time.perf_counter() - start_s)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        'windows': len(features),
        'seconds': min(times_s),
        'memory_mb': (peak_kib - before_kib) / 1024 - features.nbytes / 2**20,
        'sums': [float(x) for x in features.astype(np.float64).mean(axis=0)],
    }


def measure_in_process(way: str, path: Path, repeats: int) -> dict[str, Any]:
    """Run one implementation in a new process."""
    arguments = ['--way', way, '--folder', str(path), '--repeats', str(repeats)]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=10.0, help='length of the session')
    parser.add_argument('--channels', type=int, default=64)
    parser.add_argument('--rate', type=float, default=2000.0, help='sampling rate, Hz')
    parser.add_argument('--repeats', type=int, default=3, help='runs; the fastest one counts')
    parser.add_argument('--folder', type=Path, help='folder for the session')
    parser.add_argument('--way', choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.folder, arguments.repeats)))
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder, 'session')
        length = (arguments.minutes, arguments.channels, arguments.rate)
        write_session(path, arguments.rate, cues(*length))
        found = {way: measure_in_process(way, path, arguments.repeats) for way in WAYS}
    title = (
        f'{arguments.minutes:g} min, {arguments.channels} channels, {arguments.rate:g} Hz; '
        f'{WINDOW_MS:g} ms every {HOP_MS:g} ms'
    )
    table = Table(title=title)
    for column in ('way', 'windows', 's', 'µs per window', 'peak memory, MB'):
        table.add_column(column, justify='left' if column == 'way' else 'right')
    for way, row in found.items():
        per_window_us = row['seconds'] / row['windows'] * 1e6
        table.add_row(
            way,
            str(row['windows']),
            f'{row["seconds"]:.2f}',
            f'{per_window_us:.0f}',
            f'{row["memory_mb"]:.0f}',
        )
    console = Console()
    console.print(table)
    ratio = found['in memory']['seconds'] / found['ours']['seconds']
    agree = found['ours']['windows'] == found['in memory']['windows'] and np.allclose(
        found['ours']['sums'], found['in memory']['sums'], rtol=1e-3
    )
    console.print(f'Ours is {ratio:.1f} times as fast (limit: at least {MIN_RATIO:g}).')
    console.print('Both compute the same features.' if agree else 'The features DIFFER.')
    return 0 if agree and ratio >= MIN_RATIO else 1


if __name__ == '__main__':
    raise SystemExit(main())
