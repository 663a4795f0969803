"""Tests of `TickGrid` and of the ticks of `WindowCutter`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from myogestic_ros.core.signals import Chunk, sample_time_ns, samples_in
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.tick_grid import TickGrid
from myogestic_ros.core.streams.window_cutter import WindowCutter

RATE = 2000.0


def pushed(cutter, first, last, n=1, rate=RATE):
    """Push samples first … last - 1 in chunks of n; return the newest sample of each tick."""
    ticks = []
    for start in range(first, last, n):
        data = np.zeros((min(n, last - start), 1), np.float32)
        ticks += cutter.push('emg', Chunk(start, sample_time_ns(0, start, rate), rate, data))
    return [tick.sample for tick in ticks]


@pytest.mark.parametrize(
    ('predict_hz', 'expected'), [(20.0, 1200), (33.3, 1998), (50.0, 3000), (100.0, 6000)]
)
@pytest.mark.parametrize('n', [18, 7])
def test_number_of_ticks_in_60_s(predict_hz, expected, n):
    cutter = WindowCutter([StreamSpec('emg', 0.5)], predict_hz)
    samples = pushed(cutter, 0, 120_000, n)
    assert abs(len(samples) + cutter.coalesced - expected) <= 1
    assert cutter.coalesced == 0
    assert (np.diff(samples) > 0).all()
    hop = RATE / predict_hz
    assert np.diff(samples).min() >= int(hop)
    assert np.diff(samples).max() <= int(hop) + 1


@pytest.mark.parametrize('predict_hz', [0.0, -1.0])
def test_predict_hz_of_0_gives_one_tick_per_chunk(predict_hz):
    cutter = WindowCutter([StreamSpec('emg', 9.0)], predict_hz)
    samples = pushed(cutter, 0, 120_006, 18)
    assert samples == list(range(17, 120_006, 18))


@pytest.mark.parametrize('predict_hz', [33.3, 60.0, 29.97, 0.7])
@pytest.mark.parametrize('rate', [2000.0, 2048.0, 1925.925])
def test_grid_does_not_drift_in_one_hour(predict_hz, rate):
    grid = TickGrid(rate, predict_hz)
    samples = Fraction(repr(rate)) * 3600
    assert grid.count(int(samples)) == int(
        int(samples) * Fraction(repr(predict_hz)) / Fraction(repr(rate))
    )
    assert abs(grid.count(int(samples)) - 3600 * predict_hz) <= 1
    for tick in (1, 7, 3600, 100_000):
        end = grid.end(tick)
        assert 0 <= end - tick * Fraction(repr(rate)) / Fraction(repr(predict_hz)) < 1
        assert grid.count(end) == tick
        assert grid.count(end - 1) == tick - 1


def test_grid_depends_on_the_sample_index_only():
    whole = pushed(WindowCutter([StreamSpec('emg', 0.5)], 33.3), 0, 6000)
    late = pushed(WindowCutter([StreamSpec('emg', 0.5)], 33.3), 3333, 6000)
    assert late == [sample for sample in whole if sample >= 3333]


def test_rate_above_the_sampling_rate_gives_one_tick_per_sample():
    grid = TickGrid(100.0, 1e6)
    assert list(grid.due(5, 8)) == [6, 7, 8]
    assert [grid.end(tick) for tick in (6, 7, 8)] == [6, 7, 8]


@pytest.mark.parametrize('kind', [int, float, np.float32, np.float64])
def test_grid_accepts_numpy_numbers(kind):
    assert TickGrid(kind(2000), kind(50)).hop == 40


def test_predict_hz_may_change_while_running():
    cutter = WindowCutter([StreamSpec('emg', 5.0)], 50.0)
    samples = pushed(cutter, 0, 4000)
    cutter.predict_hz = 100.0
    samples += pushed(cutter, 4000, 8000)
    cutter.predict_hz = 0.0
    samples += pushed(cutter, 8000, 8100, 10)
    cutter.predict_hz = 20.0
    samples += pushed(cutter, 8100, 12000)
    assert (np.diff(samples) > 0).all()
    assert sum(sample < 4000 for sample in samples) == 100
    assert sum(4000 <= sample < 8000 for sample in samples) == 200
    assert sum(8000 <= sample < 8100 for sample in samples) == 10
    assert [s for s in samples if s >= 8100] == list(range(8199, 12000, 100))


def test_only_the_newest_of_several_ticks_is_cut():
    cutter = WindowCutter([StreamSpec('emg', 5.0)], 100.0)
    assert pushed(cutter, 0, 90, 90) == [79]
    assert cutter.coalesced == 3
    assert pushed(cutter, 90, 99, 9) == []
    assert pushed(cutter, 99, 5000, 4901) == [4999]  # longer than the ring buffer: cut in pieces
    assert len(TickGrid(RATE, 100.0).due(0, 5000)) == cutter.coalesced + 2


def test_all_ticks_are_cut_without_coalescing():
    cutter = WindowCutter([StreamSpec('emg', 5.0)], 100.0, coalesce=False)
    assert pushed(cutter, 0, 5000, 5000) == list(range(19, 5000, 20))
    assert cutter.coalesced == 0


def test_durations_are_rounded_to_samples():
    assert samples_in(200.0, 2000.0) == 400
    assert samples_in(0.0, 2000.0) == 1
    assert samples_in(33.3, 1000.0) == 33
    assert sample_time_ns(5, -2, 2000.0) == 5 - 1_000_000
