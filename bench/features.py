"""Time the features: one window alone, and many windows at once.

    python bench/features.py [--channels 8 64 400] [--repeats 300]

Windows of 400 samples, float32, one thread. For comparison, Hudgins' set is also timed in a plain
NumPy implementation. Exit code 1 when ours takes longer for one window than the published time of
plain NumPy, or when 64 windows at once are less than five times as fast per window at 8 channels.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe
from myogestic_ros.decoding.features.catalogue import FEATURES, hudgins

N_SAMPLES, N_WINDOWS = 400, 64
PLAIN_NUMPY_US = {8: 48, 64: 126, 400: 509}
MIN_GAIN = 5.0
NEEDED: dict[str, dict[str, float]] = {
    'WAMP': {'threshold': 1e-5},
    'MNF': {'sampling_rate': 2000.0},
    'MDF': {'sampling_rate': 2000.0},
}
SLOW = 'SAMPEN'
"""Sample entropy compares every pair of samples; it is timed for the fewest channels only."""


def plain_hudgins(windows: Any) -> Any:
    """Return Hudgins' set of windows (..., n_channels, n_samples), in plain NumPy."""
    change = np.diff(windows)
    mav = np.abs(windows).mean(axis=-1)
    zc = (windows[..., :-1] * windows[..., 1:] < 0).sum(axis=-1)
    ssc = (change[..., :-1] * change[..., 1:] < 0).sum(axis=-1)
    wl = np.abs(change).sum(axis=-1)
    return np.concatenate([mav, zc, ssc, wl], axis=-1)


def median_us(run: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a call, µs."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times))


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--channels', nargs='*', type=int, default=[8, 64, 400])
    parser.add_argument('--repeats', type=int, default=300)
    options = parser.parse_args()
    console = Console()
    rows: dict[str, Callable[[Any], Any]] = {'HTD': hudgins, 'plain HTD': plain_hudgins}
    rows |= {name: partial(feature, **NEEDED.get(name, {})) for name, feature in FEATURES.items()}
    rows[DEFAULT] = lambda windows: recipe(DEFAULT).extract({'emg': windows})
    table = Table(title=f'µs per window of {N_SAMPLES} samples: one alone / {N_WINDOWS} at once')
    table.add_column('features')
    for channels in options.channels:
        table.add_column(f'{channels} ch', justify='right')
    alone: dict[tuple[str, int], float] = {}
    gain = np.inf
    rng = np.random.default_rng(0)
    stacks = {
        n: rng.normal(scale=1e-4, size=(N_WINDOWS, n, N_SAMPLES)).astype(np.float32)
        for n in options.channels
    }
    with threadpool_limits(1):
        for name, run in rows.items():
            cells = []
            for channels, stack in stacks.items():
                if name == SLOW and channels > min(stacks):
                    cells.append('')
                    continue
                n_repeats = 3 if name == SLOW else max(3, options.repeats * 8 // max(8, channels))
                one = median_us(partial(run, stack[0]), n_repeats)
                batch = median_us(partial(run, stack), max(3, n_repeats // 10)) / N_WINDOWS
                cells.append(f'{one:.0f} / {batch:.1f}')
                alone[name, channels] = one
                if name == 'HTD' and channels == 8:
                    gain = one / batch
            table.add_row(name, *cells)
    console.print(table)
    passed = gain >= MIN_GAIN and all(
        alone['HTD', channels] <= PLAIN_NUMPY_US.get(channels, np.inf) for channels in stacks
    )
    console.print(
        f'HTD {"passed" if passed else "FAILED"}. Limits for one window: {PLAIN_NUMPY_US} µs (plain '
        f'NumPy as published). {N_WINDOWS} windows at once, 8 channels: {gain:.1f} times as fast '
        f'(limit {MIN_GAIN:g}).'
    )
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
