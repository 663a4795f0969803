"""Measure the filters: time per frame, settling time and delay.

Usage: python bench/filters.py [--channels 8 64 400] [--rate 2000] [--chunk 20]

One thread. The delay is the median group delay from 50 to 150 Hz, where most of the power of
surface EMG lies.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import signal

from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_filter import StreamFilter

SPECS = (
    FilterSpec((20.0, 450.0)),
    FilterSpec((20.0, 450.0), order=2),
    FilterSpec((20.0, 0.0)),
    FilterSpec(notch=50.0, harmonics=1),
    FilterSpec(notch=50.0),
    FilterSpec(common_average=True),
    FilterSpec((20.0, 450.0), notch=50.0, common_average=True),
)
EMG_HZ = np.linspace(50.0, 150.0, 101)
REPEATS = 400


def cost_us(spec: FilterSpec, channels: int, rate: float, chunk: int) -> float:
    """Return the median time of one frame, µs."""
    data = np.random.default_rng(0).standard_normal((chunk, channels)).astype(np.float32)
    stream_filter = StreamFilter(spec, channels, rate)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        stream_filter(data)
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times))


def delay_ms(spec: FilterSpec, rate: float) -> float:
    """Return the median group delay over `EMG_HZ`, ms."""
    sections = spec.sections(rate)
    if not len(sections):
        return 0.0
    _, response = signal.sosfreqz(sections, EMG_HZ, fs=rate)
    phase = np.unwrap(np.angle(response), period=np.pi)  # the phase of a notch jumps by pi
    return 1e3 * float(np.median(-np.gradient(phase, 2 * np.pi * EMG_HZ)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--channels', type=int, nargs='+', default=[8, 64, 400])
    parser.add_argument('--rate', type=float, default=2000.0, help='Hz')
    parser.add_argument('--chunk', type=int, default=20, help='samples per frame')
    arguments = parser.parse_args()
    rate, chunk = arguments.rate, arguments.chunk
    table = Table(title=f'Filters at {rate:g} Hz, frames of {chunk} samples')
    table.add_column('filter')
    for channels in arguments.channels:
        table.add_column(f'{channels} ch, µs', justify='right')
    table.add_column('settling time, ms', justify='right')
    table.add_column('delay, ms', justify='right')
    for spec in SPECS:
        table.add_row(
            str(spec),
            *(f'{cost_us(spec, channels, rate, chunk):.0f}' for channels in arguments.channels),
            f'{1e3 * spec.settle_samples(rate) / rate:.0f}',
            f'{delay_ms(spec, rate):.1f}',
        )
    Console().print(table)


if __name__ == '__main__':
    main()
