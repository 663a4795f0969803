"""Tests of `BatchCutter` and blocks: batches equal the windows that are cut live."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.batch_cutter import BatchCutter
from myogestic_ros.core.streams.blocks import Block, iter_blocks
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter

RATE = 2000.0
START_NS = 1_700_000_000_000_000_000


def stream(rng, n=300, channels=3, rate=RATE):
    """Return chunks with losses, duplicates, restarts, NaN and changes of format."""
    chunks, first = [], int(rng.integers(0, 5000))
    for _ in range(n):
        length = int(rng.integers(1, 60))
        data = rng.normal(size=(length, channels)).astype(np.float32)
        jitter = int(rng.integers(-50_000, 50_000))
        stamp_ns = sample_time_ns(START_NS, first, rate) + jitter
        chunk = Chunk(first, stamp_ns, rate, data)
        first += length
        fate = rng.random()
        if fate < 0.03:
            first += int(rng.integers(1, 100))  # lost
        elif fate < 0.05:
            data[0, 0] = np.nan
        elif fate < 0.07:
            chunks.append(chunk)  # duplicate
        elif fate < 0.08:
            first = 0  # the driver was restarted
        elif fate < 0.09:
            chunks.append(replace(chunk, stamp_ns=chunk.stamp_ns - 10**9))
        elif fate < 0.10:
            chunks.append(Chunk(first, stamp_ns, rate, np.empty((0, channels), np.float32)))
        elif fate < 0.11:
            channels += 1
            rate = RATE + channels
        chunks.append(chunk)
    return chunks


def one_by_one(chunks, window_ms, hz, filters=None):
    spec = StreamSpec('emg', window_ms, filters=filters)
    cutter = WindowCutter([spec], hz, coalesce=False)
    ticks = [tick for chunk in chunks for tick in cutter.push('emg', chunk)]
    return [(t.sample, t.stamp_ns, t.windows['emg']) for t in ticks], cutter.validator('emg')


def at_once(blocks, window_ms, hz, filters=None):
    cutter = BatchCutter(StreamSpec('emg', window_ms, filters=filters), hz)
    found = []
    for block in blocks:
        for batch in cutter.push(block):
            samples, stamps = batch.samples.tolist(), batch.stamps_ns.tolist()
            found += list(zip(samples, stamps, [np.array(w) for w in batch.data], strict=True))
    return found, cutter.validator


FILTERS = FilterSpec(bandpass=(100.0, 450.0), order=2, common_average=True)


@pytest.mark.parametrize(
    ('hz', 'filters'), [(20.0, None), (33.3, None), (2000.0, None), (50.0, FILTERS)]
)
@pytest.mark.parametrize('most', [1, 300, 100_000])
@pytest.mark.parametrize('seed', range(4))
def test_batches_equal_windows_cut_one_by_one(seed, most, hz, filters):
    chunks = stream(np.random.default_rng(seed))
    expected, one = one_by_one(chunks, 50.0, hz, filters)
    found, many = at_once(iter_blocks(chunks, most), 50.0, hz, filters)
    assert len(found) == len(expected) > (0 if filters else 30)
    for (sample, stamp_ns, window), (sample_, stamp_ns_, window_) in zip(
        found, expected, strict=True
    ):
        assert sample == sample_
        assert stamp_ns == stamp_ns_
        np.testing.assert_array_equal(window, window_)
    for name in ('refused', 'lost', 'restarts', 'chunks', 'samples'):
        assert getattr(many, name) == getattr(one, name), name


def test_overlapping_windows_share_memory():
    data = np.zeros((20_000, 2), np.float32)
    cutter = BatchCutter(StreamSpec('emg', 200.0), 20.0)
    (batch,) = cutter.push(Block.from_chunks([Chunk(0, START_NS, RATE, data)]))
    assert batch.data.shape == (197, 2, 400)
    assert not batch.data.flags.writeable
    assert np.shares_memory(batch.data[0], batch.data[1])


def test_block_returns_its_chunks():
    chunks = stream(np.random.default_rng(7))
    back = [chunk for block in iter_blocks(chunks, 500) for chunk in block.chunks()]
    assert len(back) == len(chunks)
    for one, two in zip(back, chunks, strict=True):
        assert (one.first_sample, one.stamp_ns, one.sampling_rate) == (
            two.first_sample,
            two.stamp_ns,
            two.sampling_rate,
        )
        np.testing.assert_array_equal(one.data, two.data)


def test_times_are_counted_from_the_stamp_of_the_chunk():
    chunks = [c for c in stream(np.random.default_rng(3), 20) if c.data.size]
    for block in iter_blocks(chunks):
        offsets = np.arange(block.n_samples)
        expected = [
            sample_time_ns(chunk.stamp_ns, k, chunk.sampling_rate)
            for chunk in block.chunks()
            for k in range(chunk.n_samples)
        ]
        assert block.times_ns(offsets).tolist() == expected
