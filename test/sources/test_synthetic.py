"""Synthetic source: reproducible samples, contractions, channel counts and rates."""

from __future__ import annotations

import time

import numpy as np
import pytest
from support.recorded import signal_summary

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Label
from myogestic_ros.decoding.quality.checks import summary_warnings
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.synthetic import Synthetic


class Clock:
    """Clock that advances only by `sleep`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def make(**values):
    """Return an open synthetic source and its simulated clock."""
    clock = Clock()
    source = Synthetic(values, Pacer(clock, clock.sleep))
    source.open()
    return source, clock


def take(source, seconds, name=None):
    """Set a label, and return the samples of the following seconds."""
    if name is not None:
        source.set_label(Label(0, 0, name))
    chunks = [source.read(1e9)]
    count = round(seconds * chunks[0].sampling_rate / chunks[0].n_samples)
    chunks += [source.read(1e9) for _ in range(count - 1)]
    return np.concatenate([chunk.data for chunk in chunks])


def test_same_seed_gives_same_samples():
    one, two, other = make(seed=3)[0], make(seed=3)[0], make(seed=4)[0]
    for name in ('rest', 'fist'):
        first = take(one, 0.5, name)
        assert np.array_equal(first, take(two, 0.5, name))
        assert not np.array_equal(first, take(other, 0.5, name))


def test_class_patterns_differ_and_do_not_depend_on_order():
    def pattern(names, name):
        source, _ = make(class_names=names, noise=0.0, mains=0.0)
        return take(source, 3.0, name)[2000:].std(axis=0)

    names = ['rest', 'fist', 'open', 'pinch', 'point']
    fist = pattern(names, 'fist')
    assert np.corrcoef(fist, pattern(names[::-1], 'fist'))[0, 1] > 0.95
    assert np.corrcoef(fist, pattern(names, 'open'))[0, 1] < 0.9
    assert pattern(names, 'rest').max() == 0


def test_nearest_mean_separates_classes():
    names = ['rest', 'fist', 'open', 'pinch', 'point']
    source, _ = make(class_names=names)
    means, found = {}, []
    for repetition in range(2):
        for name in names:
            data = take(source, 2.0, name)[1400:]
            rms = np.log(np.sqrt((data.reshape(-1, 200, 8) ** 2).mean(axis=1)))
            if repetition == 0:
                means[name] = rms.mean(axis=0)
            else:
                for row in rms:
                    nearest = min(names, key=lambda n: np.linalg.norm(means[n] - row))
                    found.append(nearest == name)
    assert np.mean(found) > 0.95


def test_spectrum_and_amplitude_are_those_of_surface_emg():
    source, _ = make(class_names=['rest', 'fist'], mains=0.0, noise=0.0)
    data = take(source, 5.0, 'fist')[2000:].astype(float)
    power = (np.abs(np.fft.rfft(data, axis=0)) ** 2).sum(axis=1)
    hertz = np.fft.rfftfreq(len(data), 1 / 2000)
    inside = power[(hertz > 15) & (hertz < 500)].sum() / power.sum()
    assert inside > 0.9
    assert 1e-5 < data.std() < 1e-3


def test_contraction_starts_after_reaction_time_and_unknown_class_is_rest():
    source, _ = make(noise=0.0, mains=0.0, reaction_time=0.3, rise_time=0.1)
    assert not take(source, 1.0, 'rest').any()
    data = take(source, 1.0, 'fist')
    assert not data[:580].any()
    assert 2.0 * data[620:700].std() < data[1200:].std()  # during the rise
    assert take(source, 3.0, 'no such class')[-1000:].std() < 1e-3 * data.std()


def recorded_warnings(**values):
    """Return the warnings about a recording of three classes, three repetitions each."""
    names = ['rest', 'fist', 'open']
    source, _ = make(class_names=names, reaction_time=0.2, **values)
    chunks, labels = [], []
    for repetition in range(3):
        for index, name in enumerate(names):
            labels.append((sum(map(len, chunks)), index, name, repetition))
            chunks.append(take(source, 2.0, name))
    return summary_warnings([signal_summary(np.concatenate(chunks), labels, 2000.0)])


@pytest.mark.parametrize('seed', range(3))
def test_default_recording_gives_no_quality_warning(seed):
    assert recorded_warnings(seed=seed) == []


def test_strong_mains_interference_gives_a_warning():
    (warning,) = recorded_warnings(mains=10e-6)
    assert 'mains interference' in warning
    assert '50 Hz' in warning


@pytest.mark.parametrize('channels', [1, 2, 64, 512])
@pytest.mark.parametrize('rate', [33.3, 200.0, 2048.0, 10240.0])
def test_channel_counts_and_rates_are_supported(channels, rate):
    source, _ = make(channels=channels, sampling_rate=rate)
    source.set_label(Label(0, 1, 'fist'))
    first = 0
    for _ in range(20):
        chunk = source.read(1e9)
        assert chunk.first_sample == first
        assert chunk.n_channels == channels
        assert chunk.data.dtype == np.float32
        assert np.isfinite(chunk.data).all()
        assert chunk.stamp_ns == round(first * 1e9 / rate)
        first = chunk.end_sample


def test_chunk_is_returned_when_its_newest_sample_is_due_without_drift():
    source, clock = make(sampling_rate=1000.0, chunk=7)
    for number in range(1, 2000):
        source.read(1e9)
        assert clock.now == pytest.approx(100.0 + (7 * number - 1) / 1000.0)
        if number == 500:
            clock.now += 0.003  # a late read does not delay the next chunk
    assert source.read(0.001) is None


def test_stream_info_contains_grid():
    def grid(**values):
        return Synthetic(values).open().grid

    assert grid(channels=64, grid_rows=4) == grid(channels=64, grid_rows=4, grid_columns=16)
    assert grid(channels=64, grid_rows=4) == (4, 16)
    assert grid(channels=8) == grid(channels=65, grid_rows=4) == (0, 0)


@pytest.mark.parametrize(
    'values',
    [
        {'channels': 0},
        {'channels': 513},
        {'nothing': 1},
        {'channels': 64, 'grid_rows': 4, 'grid_columns': 8},
    ],
)
def test_invalid_parameters_are_refused(values):
    with pytest.raises(SourceError, match='Invalid parameters of the synthetic source'):
        Synthetic(values)


def test_no_sample_is_read_before_it_was_acquired():
    source = Synthetic({})
    source.open()
    for _ in range(20):
        chunk = source.read(1.0)
        newest_s = chunk.stamp_ns * 1e-9 + (chunk.n_samples - 1) / chunk.sampling_rate
        assert time.monotonic() >= source.origin_s + newest_s
    source.close()
