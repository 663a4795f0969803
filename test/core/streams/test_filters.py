"""Tests of filters: frequency response, independence of the chunk size, windows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import signal

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.filter_spec import SETTLED, FilterSpec
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter

RATE = 2000.0
RNG = np.random.default_rng(4)
NOISE = (1e-5 * RNG.standard_normal((6000, 5)) + [[0.3, -0.1, 0, 1e-3, 2.0]]).astype(np.float32)
FULL = FilterSpec((20.0, 450.0), notch=50.0, common_average=True)
SPECS = {
    'band-pass': FilterSpec((20.0, 450.0)),
    'high-pass': FilterSpec((20.0, 0.0), order=2),
    'low-pass': FilterSpec((0.0, 450.0), order=7),
    'notch': FilterSpec(notch=60.0, harmonics=5),
    'average': FilterSpec(common_average=True),
    'all': FULL,
}


def in_chunks(spec, data, sizes):
    """Filter a recording in chunks of these sizes, in a cycle."""
    work, done, start = StreamFilter(spec, data.shape[1], RATE), [], 0
    while start < len(data):
        for size in sizes:
            if start < len(data):
                done.append(work(data[start : start + size]))
                start += size
    return np.concatenate(done)


@pytest.mark.parametrize('name', SPECS)
@pytest.mark.parametrize('sizes', [(1,), (20,), (1, 7, 333, 2)])
def test_result_is_independent_of_the_chunk_size(name, sizes):
    whole = in_chunks(SPECS[name], NOISE, (len(NOISE),))
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(in_chunks(SPECS[name], NOISE, sizes), whole)


@pytest.mark.parametrize('order_of_memory', ['C', 'F'])
def test_input_may_be_any_view_and_is_not_modified(order_of_memory):
    data = np.array(NOISE, order=order_of_memory)
    data.flags.writeable = False
    work = StreamFilter(FULL, 5, RATE)
    np.testing.assert_array_equal(work(data), StreamFilter(FULL, 5, RATE)(NOISE))


def gain_db(spec, hz):
    """Return the gain for a sine, in dB."""
    t = np.arange(8000) / RATE
    data = np.sin(2 * np.pi * hz * t).astype(np.float32)[:, np.newaxis]
    out = in_chunks(spec, data, (50,))[4000:]
    return 20 * np.log10(out.std() / data.std())


def test_bandpass_attenuates_outside_the_band():
    spec = SPECS['band-pass']
    assert gain_db(spec, 20) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(spec, 450) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(spec, 100) == pytest.approx(0, abs=0.01)
    assert gain_db(spec, 5) < -40
    assert gain_db(spec, 950) < -60


def test_notch_removes_mains_and_harmonics_only():
    spec = FilterSpec(notch=50.0, harmonics=3)
    for line in (50, 100, 150):
        assert gain_db(spec, line) < -60
        assert gain_db(spec, line + 1.5) == pytest.approx(-3, abs=0.4)
        assert gain_db(spec, line + 20) > -0.2
    assert gain_db(spec, 200) > -0.1
    # Harmonics above half the sampling rate are left out.
    assert len(FilterSpec(notch=50.0, harmonics=40).sections(RATE)) == 19


def test_common_average_removes_the_common_signal():
    hum = np.sin(np.arange(6000)).astype(np.float32)[:, np.newaxis]
    out = in_chunks(SPECS['average'], NOISE + hum, (20,))
    np.testing.assert_allclose(out, NOISE - NOISE.mean(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(out.mean(axis=1), 0, atol=1e-7)


def test_result_equals_scipy():
    sections = signal.butter(4, [20, 450], 'bandpass', fs=RATE, output='sos')
    zi = signal.sosfilt_zi(sections)[:, np.newaxis] * NOISE[0].astype(float)[np.newaxis, :, None]
    expected, _ = signal.sosfilt(sections, NOISE.T.astype(float), zi=zi)
    got = in_chunks(SPECS['band-pass'], NOISE, (20,))
    np.testing.assert_array_equal(got, expected.T.astype(np.float32))


def test_constant_offset_causes_no_transient():
    data = NOISE + np.float32(10.0)
    out = in_chunks(SPECS['band-pass'], data, (20,))
    assert np.abs(out).max() < 20 * out[2000:].std(axis=0).max()


@pytest.mark.parametrize('name', SPECS)
def test_settled_filter_is_independent_of_earlier_samples(name):
    spec = SPECS[name]
    settle = spec.settle_samples(RATE)
    assert settle <= 0.6 * RATE
    early, late = in_chunks(spec, NOISE, (20,)), in_chunks(spec, NOISE[1000:], (20,))
    apart = np.abs(early[1000:] - late)[settle:]
    assert apart.max() <= 3 * SETTLED * early[2000:].std(axis=0).max() + 1e-12
    # After seven times as long, the difference is below the resolution of float32.
    if 7 * settle < len(late):
        assert np.abs(early[1000:] - late)[7 * settle :].max() < 1e-9


def test_silence_is_filtered_as_fast_as_signal():
    work = StreamFilter(FULL, 5, RATE)
    work(NOISE)
    for _ in range(300):  # denormal numbers without the limit on the state
        work(np.zeros((200, 5), np.float32))
    assert not work._state.any()
    assert not work(np.zeros((200, 5), np.float32)).any()


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'bandpass': (450.0, 20.0)}, 'expected the lower edge below the upper'),
        ({'bandpass': (20.0,)}, 'expected two edges'),
        ({'bandpass': (-1.0, 20.0)}, 'expected two edges'),
        ({'bandpass': (0.0, float('nan'))}, 'expected two edges'),
        ({'order': 0}, 'order 0, expected 1 to 10'),
        ({'notch': -50.0}, 'expected a frequency in Hz, 0 for no notch'),
        ({'notch': 50.0, 'harmonics': 0}, 'harmonics 0, expected 1 to 40'),
        ({'notch': 50.0, 'notch_width': 60.0}, 'less than notch'),
    ],
)
def test_invalid_filter_raises_with_the_reason(values, words):
    with pytest.raises(SignalError, match=words):
        FilterSpec(**values)


@pytest.mark.parametrize('name', SPECS)
def test_json_and_text_are_complete(name):
    spec = SPECS[name]
    assert FilterSpec.from_value(json.loads(json.dumps(spec.to_json()))) == spec
    assert StreamSpec('emg', filters=spec.to_json()).filters == spec
    assert str(spec) != 'none'
    assert len({str(spec) for spec in SPECS.values()}) == len(SPECS)
    assert str(FilterSpec(harmonics=7)) == str(FilterSpec()) == 'none'
    assert FilterSpec().is_off


def chunks(data, size, rate=RATE, first=0):
    for start in range(0, len(data), size):
        stamp_ns = sample_time_ns(0, first + start, rate)
        yield Chunk(first + start, stamp_ns, rate, data[start : start + size])


def windows(spec, items):
    cutter = WindowCutter([StreamSpec('emg', 100.0, filters=spec)], 50.0, coalesce=False)
    return {t.sample: t for item in items for t in cutter.push('emg', item)}


@pytest.mark.parametrize('size', [7, 20, 6000])
def test_windows_are_slices_of_the_filtered_signal(size):
    got = windows(FULL, chunks(NOISE, size))
    whole = in_chunks(FULL, NOISE, (6000,))
    settle = FULL.settle_samples(RATE)
    assert list(got) == [s for s in range(39, 6000, 40) if s + 1 - 200 >= settle]
    for sample, tick in got.items():
        np.testing.assert_array_equal(tick.windows['emg'], whole[sample + 1 - 200 : sample + 1].T)


def test_filter_restarts_after_lost_samples():
    spec = SPECS['band-pass']
    settle = spec.settle_samples(RATE)
    items = [c for c in chunks(NOISE, 20) if not 3000 <= c.first_sample < 3040]
    got = windows(spec, items)
    after = in_chunks(spec, NOISE[3040:], (20,))
    assert not [s for s in got if 3000 <= s < 3040 + settle + 199]
    ticks = [t for s, t in got.items() if s >= 3040]
    assert len(ticks) > 50
    for tick in ticks:
        end = tick.sample + 1 - 3040
        np.testing.assert_array_equal(tick.windows['emg'], after[end - 200 : end].T)
    assert {t.segment for s, t in got.items() if s < 3000} == {1}
    assert {t.segment for t in ticks} == {2}


@pytest.mark.parametrize(
    ('spec', 'rate', 'words'),
    [
        (FilterSpec((20.0, 450.0)), 200.0, 'bandpass edge, 450 Hz, is not below half'),
        (FilterSpec(notch=50.0), 100.0, 'notch, 50 Hz, is not below half the sampling rate, 50'),
        (FilterSpec(common_average=True), 2000.0, 'single channel would leave only zeros'),
    ],
)
def test_inapplicable_filter_raises_at_every_chunk(spec, rate, words):
    cutter = WindowCutter([StreamSpec('emg', filters=spec)], 50.0)
    for item in list(chunks(NOISE[:100, :1], 20, rate)):
        with pytest.raises(SignalError, match=f"Stream 'emg' has 1 channel.*{words}"):
            cutter.push('emg', item)
    cutter.use_filters({'emg': None})
    assert cutter.push('emg', Chunk(100, 0, rate, NOISE[:400, :1])) == []


def test_filters_may_change_between_chunks():
    cutter = WindowCutter([StreamSpec('emg', 100.0)], 50.0, coalesce=False)
    before = [t for c in chunks(NOISE[:1000], 20) for t in cutter.push('emg', c)]
    cutter.use_filters({'emg': SPECS['band-pass']})
    after = [t for c in chunks(NOISE[1000:], 20, first=1000) for t in cutter.push('emg', c)]
    assert before
    assert after
    expected = in_chunks(SPECS['band-pass'], NOISE[1000:], (20,))
    end = after[0].sample + 1 - 1000
    np.testing.assert_array_equal(after[0].windows['emg'], expected[end - 200 : end].T)
