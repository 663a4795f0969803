"""Tests of chunks that arrive out of order: put in order, or lost beyond the bound."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.batch_cutter import BatchCutter
from myogestic_ros.core.streams.blocks import iter_blocks
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter

RATE = 2000.0
SPEC = StreamSpec('emg', 200.0)


def chunks(count, n=20):
    """Return chunks of 10 ms of noise."""
    rng = np.random.default_rng(1)
    return [
        Chunk(i * n, i * n * 500_000, RATE, rng.standard_normal((n, 3)).astype(np.float32))
        for i in range(count)
    ]


def cut(arrivals):
    """Return the windows of a live cutter, and the cutter."""
    cutter = WindowCutter([SPEC], 100.0, coalesce=False)
    ticks = [tick for chunk in arrivals for tick in cutter.push('emg', chunk)]
    return [(t.sample, t.stamp_ns, t.windows['emg'].tobytes()) for t in ticks], cutter


def cut_offline(arrivals, max_samples):
    """Return the windows of the cutter of recordings."""
    cutter = BatchCutter(SPEC, 100.0)
    return [
        (int(sample), int(stamp), np.ascontiguousarray(window).tobytes())
        for block in iter_blocks(arrivals, max_samples)
        for batch in cutter.push(block)
        for window, sample, stamp in zip(batch.data, batch.samples, batch.stamps_ns, strict=True)
    ]


def shuffled(items, late_by, every, seed=0):
    """Let single chunks arrive 1 to ``late_by`` chunks late."""
    rng = np.random.default_rng(seed)
    items = list(items)
    for index in range(every, len(items) - late_by, every):
        items.insert(index + int(rng.integers(1, late_by + 1)), items.pop(index))
    return items


@pytest.mark.parametrize('late_by', [1, 2, 4])
def test_chunks_out_of_order_give_the_windows_of_chunks_in_order(late_by):
    expected, _ = cut(chunks(200))
    arrivals = shuffled(chunks(200), late_by, every=9)
    windows, cutter = cut(arrivals)
    assert windows == expected
    assert cutter.reordered('emg') >= 20
    validator = cutter.validator('emg')
    assert (validator.lost, validator.refused.total(), validator.restarts) == (0, 0, 0)
    for max_samples in (20, 4096):
        assert cut_offline(arrivals, max_samples) == expected


def test_chunk_that_is_too_late_is_refused_and_counted():
    items = chunks(60)
    items.insert(30, items.pop(20))
    windows, cutter = cut(items)
    validator = cutter.validator('emg')
    assert (validator.lost, validator.gaps, validator.refused) == (20, 1, {'backwards': 1})
    assert cut_offline(items, 4096) == windows


@pytest.mark.parametrize('hole', [[20], [20, 21, 22], [20, 23], list(range(20, 40))])
def test_lost_chunks_delay_no_window(hole):
    items = [chunk for i, chunk in enumerate(chunks(100)) if i not in hole]
    cutter = WindowCutter([SPEC], 100.0, coalesce=False)
    for chunk in items:
        for tick in cutter.push('emg', chunk):
            assert tick.sample == chunk.end_sample - 1  # cut as its newest sample came
    assert cutter.validator('emg').lost == 20 * len(hole)
    assert cut_offline(items, 4096) == cut(items)[0]


@pytest.mark.parametrize('seed', range(20))
def test_live_and_offline_windows_are_equal_whatever_the_order(seed):
    rng = np.random.default_rng(seed)
    items = shuffled(chunks(300), 7, every=int(rng.integers(2, 30)), seed=seed)
    for index in rng.integers(0, len(items), 8):
        items.insert(int(rng.integers(0, len(items))), items[index])  # duplicates
    for index in sorted(rng.integers(0, len(items), 6), reverse=True):
        del items[index]
    bad = items[100]
    items[100] = Chunk(bad.first_sample, bad.stamp_ns, RATE, bad.data * np.float32(np.nan))
    assert cut_offline(items, 4096) == cut(items)[0]


def test_refused_samples_are_told_from_lost_ones():
    items = chunks(40)
    del items[30]
    items[10].data[3, 2] = np.nan
    validator = cut(items)[1].validator('emg')
    assert (validator.lost, validator.unusable, validator.gaps) == (40, 20, 2)
    assert validator.not_finite_channels == {2: 1}
