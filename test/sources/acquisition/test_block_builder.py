"""Blocks of samples: the same samples however they arrive, holes where samples are lost."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.sources.acquisition.block_builder import BlockBuilder

RATE = 1000.0


def drain(builder):
    """Return all blocks that are complete."""
    return list(iter(builder.pop, None))


def send(builder, values, pieces=(), arrival_s=None):
    """Add samples in pieces; the value of a sample is its counter."""
    blocks = []
    values = np.asarray(values)
    for part in np.split(values, list(pieces)):
        if len(part):
            at_s = part[-1] / RATE if arrival_s is None else arrival_s
            builder.add(part[:, None], at_s, part)
            blocks += drain(builder)
    return blocks


def test_any_division_gives_the_same_samples_and_holes():
    rng = np.random.default_rng(3)
    sent = np.flatnonzero(rng.random(4000) > 0.01)
    sent = sent[sent >= 1]
    for _ in range(20):
        builder = BlockBuilder(RATE, 0.0, counter=65536)
        pieces = np.unique(rng.integers(1, len(sent), rng.integers(1, 500)))
        blocks = send(builder, sent, pieces)
        index = np.concatenate([b.first_sample + np.arange(len(b.data)) for b in blocks])
        values = np.concatenate([b.data[:, 0] for b in blocks])
        assert np.array_equal(values - sent[0], index)
        assert len(values) > len(sent) - 5  # fewer than a block may wait for more
        assert builder.lost == index[-1] + 1 - len(index)
        stamps = [b.stamp_ns for b in blocks]
        assert (np.diff(stamps) > 0).all()


def test_a_burst_is_divided_into_blocks_of_limited_length():
    builder = BlockBuilder(RATE, 0.0, block_ms=10.0)
    blocks = send(builder, np.arange(1, 301), arrival_s=0.3)
    assert [len(block.data) for block in blocks] == [40] * 7 + [20]
    assert np.diff([block.stamp_ns for block in blocks]).tolist() == [40_000_000] * 7


def test_samples_wait_until_a_block_is_long_enough():
    builder = BlockBuilder(RATE, 0.0, block_ms=10.0)
    assert send(builder, [1, 2, 3]) == []
    (block,) = send(builder, range(4, 12))
    assert block.data.ravel().tolist() == list(range(1, 12))
    assert block.first_sample == 0


@pytest.mark.parametrize(('counter', 'lost'), [(0, 600), (256, 512)])
def test_samples_lost_without_a_trace_are_skipped_after_seconds(counter, lost):
    builder = BlockBuilder(RATE, 0.0, counter=counter, lag_limit_s=0.25)
    blocks = []
    for n in range(1, 800):  # blocks of 10 ms
        arrival_s = n * 0.01
        values = np.arange(10) + 10 * n
        if arrival_s > 3.0:  # `lost` samples never came
            arrival_s += lost / RATE
        builder.add(values[:, None], arrival_s, values % counter if counter else None)
        blocks += drain(builder)
    assert builder.lost == pytest.approx(lost, abs=0 if counter else 10)
    steps = np.diff([block.first_sample for block in blocks])
    assert (steps > 10).sum() == 1
    last = blocks[-1]
    assert last.stamp_ns * 1e-9 == pytest.approx(7.99 + lost / RATE, abs=0.03)
    assert 'delay [s]' not in builder.health()


def test_health_reports_the_estimated_rate_and_repeated_samples():
    builder = BlockBuilder(RATE, 0.0, counter=256, repeats=8)
    for n in range(1, 2000):
        values = (np.arange(10) + 10 * n) % 256
        builder.add(values[:, None], n * 0.01 * 1.0001, values)
        if n == 5:
            builder.add(values[-3:, None], n * 0.01, values[-3:])
    health = builder.health()
    assert health['samples sent twice'] == '3'
    assert health['estimated rate [Hz]'] == '999.900 (-100 ppm)'


def test_garbage_in_the_first_block_is_no_loss_of_many_samples():
    builder = BlockBuilder(RATE, 0.0, counter=65536)
    send(builder, [1, 2, 3, 0, 0, 0, 0, 40000, 7, 9])
    assert builder.restarts == 6
    assert builder.lost < 30
