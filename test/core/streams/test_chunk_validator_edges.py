"""Tests of implausible chunks and of the ring buffer."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS, ChunkValidator, Verdict
from myogestic_ros.core.streams.ring_buffer import RingBuffer
from myogestic_ros.core.streams.stream_spec import StreamSpec

NAN = float('nan')
INF = float('inf')


def chunk(first=0, shape=(10, 2), rate=1000.0, stamp_ns=None):
    stamp_ns = first * 1_000_000 if stamp_ns is None else stamp_ns
    return Chunk(first, stamp_ns, rate, np.ones(shape, np.float32))


@pytest.mark.parametrize(
    'bad',
    [chunk(rate=rate) for rate in (0.0, -1.0, NAN, INF, -INF, 1e300, 1e-300, 1e12)]
    + [
        chunk(shape=shape)
        for shape in ((10,), (), (2, 3, 4), (1, 1_000_000), (1, MAX_CHANNELS + 1))
    ],
    ids=lambda bad: f'{bad.data.shape} at {bad.sampling_rate}',
)
def test_implausible_chunks_are_refused(bad):
    pipeline = Pipeline()
    told = []
    pipeline.observer.problem = lambda kind, sentence: told.append(sentence)
    for _ in range(10):
        pipeline.push('emg', bad)
    validator = pipeline.reader.cutter.validator('emg')
    assert validator.refused == {'impossible': 10}
    assert (validator.chunks, validator.channels, validator.sampling_rate) == (0, None, None)
    assert 'at most 4096 channels, and a rate from 0.01 to 1e+06 Hz' in told[0]
    pipeline.push('emg', chunk())
    assert validator.chunks == 1


@pytest.mark.parametrize(
    ('fixed', 'words'),
    [
        ((4, None), 'has 2 channels at 1000 Hz, expected 4 channels at any rate'),
        ((None, 500.0), 'has 2 channels at 1000 Hz, expected any number of channels at 500 Hz'),
    ],
)
def test_partly_required_format_refuses_the_first_chunk(fixed, words):
    validator = ChunkValidator(*fixed)
    assert validator.check(chunk()) is Verdict.REFUSE
    assert words in validator.reason


@pytest.mark.parametrize('first', [2**63, 2**64 - 11])
def test_largest_sample_index_is_accepted(first):
    validator = ChunkValidator()
    validator.check(chunk())
    assert validator.check(chunk(first, stamp_ns=10**9)) is Verdict.RESTART
    assert validator.lost == first - 10
    assert validator.check(chunk(20, stamp_ns=2 * 10**9)) is Verdict.RESTART
    assert validator.restarts == 1


def test_single_stamp_from_the_future_does_not_stop_the_stream():
    pipeline = Pipeline(100.0, streams=[StreamSpec('emg', 20.0)])
    pipeline.extract(lambda windows: 0)
    pipeline.predict(lambda model, features: {})
    pipeline.use_model(1, '', [])
    pipeline.start_predicting()
    made = []
    for index in range(100):
        stamp_ns = 10**18 if index == 50 else index * 10_000_000
        pipeline.push('emg', chunk(index * 10, stamp_ns=stamp_ns))
        made += pipeline.step()
    assert 95 <= len(made) < 100
    assert made[-1].sample == 999


def test_malformed_frames_between_valid_ones_do_not_change_predictions():
    """With malformed frames in between, the predictions are those of the valid frames alone."""

    def run(malformed):
        pipeline = Pipeline(100.0, streams=[StreamSpec('emg', 20.0)])
        pipeline.extract(lambda windows: windows['emg'].sum())
        pipeline.predict(lambda model, features: {'sum': float(features)})
        pipeline.use_model(1, '', [])
        pipeline.start_predicting()
        made = []
        for index in range(50):
            data = np.full((10, 2), index, np.float32)
            pipeline.push('emg', Chunk(index * 10, index * 10_000_000, 1000.0, data))
            if malformed:
                pipeline.push('emg', malformed[index % len(malformed)])
            made += pipeline.step()
        return [(p.sample, p.stamp_ns, p.values) for p in made]

    bad = Chunk(10**6, 10**15, 1000.0, np.full((10, 2), np.nan, np.float32))
    malformed = [bad, chunk(shape=(0, 2)), chunk(shape=(10, 3)), chunk(rate=7.0), chunk(rate=NAN)]
    assert run(malformed) == run([]) != []


@pytest.mark.parametrize('seed', range(10))
def test_ring_buffer_returns_the_samples_that_it_holds(seed):
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(1, 50))
    ring = RingBuffer(2, 1000.0, depth)
    signal = rng.normal(size=(2000, 2)).astype(np.float32)
    ring.restart(0)
    end = 0
    while end < 2000:
        n = min(int(rng.integers(1, depth + 1)), 2000 - end)
        ring.append(Chunk(end, end * 1_000_000, 1000.0, signal[end : end + n]))
        end += n
        assert ring.end == end
        assert ring.holds(end, min(depth, end))
        assert not ring.holds(end + 1, 1)
        assert not ring.holds(end, end + 1)
        for stop in range(max(1, end - depth + 1), end + 1):
            n_samples = min(depth - (end - stop), stop)
            window = ring.window(stop, n_samples)
            np.testing.assert_array_equal(window, signal[stop - n_samples : stop].T)
            assert ring.time_ns(stop - 1) == (stop - 1) * 1_000_000
            assert ring.end_at((stop - 1) * 1_000_000) == stop
        assert ring.reached((end - 1) * 1_000_000)
        assert not ring.reached(end * 1_000_000)
