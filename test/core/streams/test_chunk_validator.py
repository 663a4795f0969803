"""Tests of `ChunkValidator`: malformed, lost, duplicate chunks and changes of format."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.chunk_validator import ADOPT_AFTER, ChunkValidator, Verdict
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter

RATE = 1000.0


def chunk(first, n=10, channels=2, rate=RATE, begin_ns=0, value=1.0):
    data = np.full((n, channels), value, np.float32)
    return Chunk(first, sample_time_ns(begin_ns, first, rate), rate, data)


def begun(*arguments):
    validator = ChunkValidator(*arguments)
    assert validator.check(chunk(0)) is Verdict.RESTART
    assert validator.check(chunk(10)) is Verdict.APPEND
    return validator


@pytest.mark.parametrize(
    ('bad', 'kind', 'words'),
    [
        (chunk(20, n=0), 'empty', 'the frame has no samples; expected at least one'),
        (chunk(20, channels=0), 'empty', 'the frame has no samples; expected at least one'),
        (chunk(20, value=np.nan), 'not finite', 'the frame has NaN or Inf'),
        (chunk(20, value=np.inf), 'not finite', 'the frame has NaN or Inf'),
        (chunk(20, value=-np.inf), 'not finite', 'the frame has NaN or Inf'),
        (
            chunk(20, channels=3),
            'format',
            'the frame has 3 channels at 1000 Hz, expected 2 channels at 1000 Hz',
        ),
        (
            chunk(20, rate=500.0),
            'format',
            'the frame has 2 channels at 500 Hz, expected 2 channels at 1000 Hz',
        ),
        (chunk(20, begin_ns=-(10**9)), 'backwards', 's earlier than that of the previous frame'),
        (
            chunk(0),
            'backwards',
            'the stamp of the frame is 0.01 s earlier than that of the previous',
        ),
        (chunk(10), 'backwards', 'the frame is a duplicate of the previous frame'),
    ],
)
def test_malformed_chunk_is_refused_and_the_next_accepted(bad, kind, words):
    validator = begun()
    assert validator.check(bad) is Verdict.REFUSE
    assert validator.refused == {kind: 1}
    assert words in validator.reason
    assert validator.check(chunk(20)) is Verdict.APPEND
    assert (validator.chunks, validator.samples, validator.lost, validator.restarts) == (
        3,
        30,
        0,
        0,
    )


def test_chunk_with_a_single_nan_is_refused():
    validator = begun()
    bad = chunk(20)
    bad.data[3, 1] = np.nan
    assert validator.check(bad) is Verdict.REFUSE
    assert validator.check(chunk(30)) is Verdict.RESTART
    assert (validator.lost, validator.restarts) == (10, 0)


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
def test_huge_finite_values_are_accepted():
    assert begun().check(chunk(20, value=3e38)) is Verdict.APPEND


def test_lost_samples_are_counted():
    validator = begun()
    assert validator.check(chunk(45)) is Verdict.RESTART
    assert (validator.lost, validator.restarts) == (25, 0)


def test_restarted_driver_is_a_restart():
    validator = begun()
    assert validator.check(chunk(0, begin_ns=10**10)) is Verdict.RESTART
    assert validator.check(chunk(10, begin_ns=10**10)) is Verdict.APPEND
    assert (validator.lost, validator.restarts) == (0, 1)


@pytest.mark.parametrize(
    'changed', [{'channels': 3}, {'rate': 500.0}, {'begin_ns': -(10**12)}, {'rate': 2000.0}]
)
def test_lasting_change_of_format_is_accepted(changed):
    validator = begun()
    verdicts = [validator.check(chunk(i * 10, **changed)) for i in range(ADOPT_AFTER + 1)]
    assert verdicts == [Verdict.REFUSE] * (ADOPT_AFTER - 1) + [Verdict.RESTART, Verdict.APPEND]
    assert validator.restarts == 1
    assert validator.channels == changed.get('channels', 2)
    assert validator.sampling_rate == changed.get('rate', RATE)


def test_chunks_with_gaps_do_not_change_the_format():
    validator = begun()
    for index in range(50):
        assert validator.check(chunk(index * 20, channels=3)) is Verdict.REFUSE
    assert validator.channels == 2


def test_malformed_chunks_between_valid_ones_do_not_change_the_format():
    validator = begun()
    for index in range(20):
        assert validator.check(chunk(20 + index * 10)) is Verdict.APPEND
        assert validator.check(chunk(index * 10, channels=3)) is Verdict.REFUSE
    assert validator.refused == {'format': 20}


@pytest.mark.parametrize(
    ('fixed', 'changed'), [((2, None), {'channels': 3}), ((None, RATE), {'rate': 500.0})]
)
def test_required_format_never_changes(fixed, changed):
    validator = begun(*fixed)
    for index in range(20):
        assert validator.check(chunk(index * 10, **changed)) is Verdict.REFUSE
    assert validator.refused == {'format': 20}
    assert validator.check(chunk(20)) is Verdict.APPEND


def test_required_format_applies_to_the_first_chunk():
    validator = ChunkValidator(4, 500.0)
    assert validator.check(chunk(0)) is Verdict.REFUSE
    assert 'has 2 channels at 1000 Hz, expected 4 channels at 500 Hz' in validator.reason


def test_windows_after_a_change_have_only_new_samples():
    cutter = WindowCutter([StreamSpec('emg', 20.0)], 0.0)
    for index in range(10):
        cutter.push('emg', chunk(index * 10))
    made = []
    for index in range(10):
        made += cutter.push('emg', chunk(index * 10, channels=3, value=5.0))
    assert len(made) == 10 - (ADOPT_AFTER - 1) - 1
    assert all(tick.windows['emg'].shape == (3, 20) for tick in made)
    assert all((tick.windows['emg'] == 5).all() for tick in made)


@pytest.mark.parametrize('seed', range(5))
def test_duplicate_chunks_give_no_duplicate_ticks(seed):
    rng = np.random.default_rng(seed)
    cutter = WindowCutter([StreamSpec('emg', 5.0)], 100.0)
    samples = []
    for index in range(300):
        for _ in range(rng.integers(1, 3)):
            samples += [t.sample for t in cutter.push('emg', chunk(index * 10))]
    assert samples == list(range(9, 3000, 10))
    assert cutter.validator('emg').restarts == 0
