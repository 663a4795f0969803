"""Tests of the windows of `WindowCutter`."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import MAX_PENDING, WindowCutter

RATE = 2000.0
SIGNAL = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32)


def chunk(start, stop, rate=RATE, begin_ns=0, signal=SIGNAL):
    return Chunk(start, sample_time_ns(begin_ns, start, rate), rate, signal[start:stop])


def pieces(rng, n, largest):
    start = 0
    while start < n:
        stop = min(n, start + int(rng.integers(1, largest + 1)))
        yield start, stop
        start = stop


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('largest', [5, 60, 3000])
def test_windows_are_slices_of_the_signal(seed, largest):
    rng = np.random.default_rng(seed)
    cutter = WindowCutter([StreamSpec('emg', 100.0)], 33.3, coalesce=False)
    ticks = []
    for start, stop in pieces(rng, len(SIGNAL), largest):
        ticks += cutter.push('emg', chunk(start, stop))
    assert len(ticks) == 333 - 3
    for tick in ticks:
        window = tick.windows['emg']
        end = tick.sample + 1
        np.testing.assert_array_equal(window, SIGNAL[end - 200 : end].T)
        assert window.flags.c_contiguous
        assert window.flags.owndata
        assert window.dtype == np.float32
        assert abs(tick.stamp_ns - tick.sample * 500_000) <= 1


def test_callback_may_modify_its_window():
    cutter = WindowCutter([StreamSpec('emg', 40.0)], 0.0)
    first = cutter.push('emg', chunk(0, 80))[0].windows['emg']
    first[:] = 7
    second = cutter.push('emg', chunk(80, 90))[0].windows['emg']
    np.testing.assert_array_equal(second, SIGNAL[10:90].T)
    cutter.push('emg', chunk(90, 5000))
    assert (first == 7).all()


def test_array_of_the_sender_may_change_or_be_read_only():
    cutter = WindowCutter([StreamSpec('emg', 40.0)], 0.0)
    mine = SIGNAL[:50].copy()
    cutter.push('emg', Chunk(0, 0, RATE, mine))
    mine[:] = 9
    other = SIGNAL[50:80].copy()
    other.flags.writeable = False
    window = cutter.push('emg', Chunk(50, 25_000_000, RATE, other))[0].windows['emg']
    np.testing.assert_array_equal(window, SIGNAL[:80].T)


@pytest.mark.parametrize('predict_hz', [0.0, 50.0])
def test_no_tick_before_the_window_is_full(predict_hz):
    cutter = WindowCutter([StreamSpec('emg', 200.0)], predict_hz)
    for start in range(0, 390, 10):
        assert cutter.push('emg', chunk(start, start + 10)) == []
    assert [t.sample for t in cutter.push('emg', chunk(390, 400))] == [399]


def test_no_window_across_lost_samples():
    cutter = WindowCutter([StreamSpec('emg', 100.0)], 50.0)
    samples = []
    for start in range(0, 4000, 20):
        if start not in (1000, 2500):
            samples += [t.sample for t in cutter.push('emg', chunk(start, start + 20))]
    for hole in (1000, 2500):
        assert not [s for s in samples if hole <= s < hole + 20 + 199]
        assert any(hole + 219 <= s <= hole + 260 for s in samples)
    assert cutter.validator('emg').lost == 40
    assert cutter.validator('emg').restarts == 0


@pytest.mark.parametrize('first', [0, 300])
def test_restarted_driver_restarts_the_windows(first):
    cutter = WindowCutter([StreamSpec('emg', 100.0)], 50.0)
    for start in range(0, 1000, 20):
        cutter.push('emg', chunk(start, start + 20))
    ticks = []
    for start in range(first, first + 240, 20):
        ticks += cutter.push('emg', chunk(start, start + 20, begin_ns=10**10))
    assert [t.sample for t in ticks] == [
        s for s in range(39, 1000, 40) if first + 199 <= s < first + 240
    ]
    np.testing.assert_array_equal(ticks[0].windows['emg'], SIGNAL[: ticks[0].sample + 1][-200:].T)
    assert cutter.validator('emg').restarts == 1


def two_streams(predict_hz=50.0):
    return WindowCutter([StreamSpec('emg', 100.0), StreamSpec('imu', 60.0)], predict_hz)


@pytest.mark.parametrize('seed', range(5))
def test_windows_of_two_streams_end_at_the_same_instant(seed):
    rng = np.random.default_rng(seed)
    slow = np.arange(1000, dtype=np.float32)[:, None]
    offset_ns = 1_234_567
    events = []
    for start, stop in pieces(rng, 8000, 60):
        events.append((stop / RATE, 'emg', chunk(start, stop)))
    for start, stop in pieces(rng, 592, 6):
        events.append((stop / 148.0, 'imu', chunk(start, stop, 148.0, offset_ns, slow)))
    arrivals = {'emg': 0.0, 'imu': 0.0}
    arrived = []
    for time_s, name, piece in events:  # delayed by at most 60 ms, each stream in order
        arrivals[name] = max(arrivals[name] + 1e-9, time_s + rng.uniform(0, 0.06))
        arrived.append((arrivals[name], name, piece))
    cutter = two_streams()
    ticks = []
    for _, name, piece in sorted(arrived, key=lambda event: event[0]):
        ticks += cutter.push(name, piece)
    assert len(ticks) > 150
    assert (np.diff([t.sample for t in ticks]) > 0).all()
    for tick in ticks:
        end = tick.sample + 1
        np.testing.assert_array_equal(tick.windows['emg'], SIGNAL[end - 200 : end].T)
        newest = int((tick.stamp_ns - offset_ns) * 148.0 / 1e9 + 1e-6)
        np.testing.assert_array_equal(tick.windows['imu'][0], np.arange(newest - 8, newest + 1))


def test_ticks_expire_while_the_secondary_stream_stalls():
    cutter = two_streams()
    imu = np.zeros((4000, 1), np.float32)
    for start in range(0, 1000, 20):
        cutter.push('imu', chunk(start // 10, start // 10 + 2, 200.0, 0, imu), start)
        cutter.push('emg', chunk(start, start + 20), start)
    for start in range(1000, 2000, 20):
        assert cutter.push('emg', chunk(start, start + 20), start) == []
    assert cutter.unsynchronized == 0
    assert cutter.expire(1500) == 12 + (cutter.unsynchronized - 12)
    waiting = len(cutter._pending)
    assert waiting
    assert cutter._pending[0].arrived_ns >= 1500
    cutter.clear_pending()
    assert cutter.expire(10**9) == 0
    made = []
    for start in range(1000, 4000, 20):  # the stream resumes, and so do the ticks
        made += cutter.push('imu', chunk(start // 10, start // 10 + 2, 200.0, 0, imu), start)
        if start >= 2000:
            made += cutter.push('emg', chunk(start, start + 20), start)
    assert len(made) >= 49


def test_number_of_waiting_ticks_is_limited():
    cutter = two_streams(0.0)
    for start in range(0, 20_000, 10):
        assert cutter.push('emg', chunk(start, start + 10), start) == []
    assert len(cutter._pending) == MAX_PENDING
    assert cutter.unsynchronized == 2000 - 19 - MAX_PENDING


@pytest.mark.parametrize('names', [[], ['emg', 'emg']])
def test_missing_or_duplicate_stream_names_raise(names):
    with pytest.raises(SignalError, match='expected at least one, each name once'):
        WindowCutter([StreamSpec(name) for name in names], 50.0)
