"""Tests of the tick queue and of the streams of a pipeline."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from myogestic_ros.core.pipeline.counters import TickCounters
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.tick_queue import TickQueue
from myogestic_ros.core.signals import Chunk, sample_time_ns
from myogestic_ros.core.streams.stream_spec import StreamSpec

MS = 1_000_000


def chunk(first, n=20, channels=2, rate=2000.0, value=0.0):
    data = np.full((n, channels), value, np.float32)
    return Chunk(first, sample_time_ns(0, first, rate), rate, data)


def test_stale_streams_are_named():
    ticks = TickQueue([StreamSpec('emg'), StreamSpec('glove')], 50.0)
    assert ticks.stale_streams(1) == ('emg', 'glove')
    ticks.push('emg', chunk(0), 100)
    assert ticks.stale_streams(100) == ('glove',)
    assert ticks.stale_streams(101) == ('emg', 'glove')
    ticks.push('glove', chunk(0, rate=100.0), 200)
    assert ticks.stale_streams(150) == ('emg',)


def test_stream_with_refused_chunks_only_is_stale():
    ticks = TickQueue([StreamSpec('emg')], 50.0)
    ticks.push('emg', chunk(0), 100)
    reason = ticks.push('emg', chunk(20, value=np.nan), 200)
    assert 'NaN' in reason
    assert ticks.stale_streams(150) == ('emg',)


def test_ticks_are_queued_only_while_enabled():
    ticks = TickQueue([StreamSpec('emg', 10.0)], 100.0)
    ticks.push('emg', chunk(0), 0)
    assert ticks.take() is None
    ticks.set_enabled(True)
    ticks.push('emg', chunk(20), 0)
    ticks.push('emg', chunk(40), 0)
    ticks.set_enabled(False)
    ticks.set_enabled(True)
    assert ticks.take() is None
    ticks.push('emg', chunk(60), 0)
    assert ticks.take().sample == 79


def test_expire_drops_ticks_that_wait_for_another_stream():
    ticks = TickQueue([StreamSpec('emg', 10.0), StreamSpec('glove', 10.0)], 100.0)
    ticks.set_enabled(True)
    ticks.push('glove', chunk(0, 1, rate=100.0), 1 * MS)
    for index in range(10):
        ticks.push('emg', chunk(index * 20), (index + 1) * 10 * MS)
    # The first two ticks end before the second sample of the glove; the others wait for it.
    waiting = ticks.expire(50 * MS)
    assert waiting > 0
    assert ticks.cutter.unsynchronized == waiting
    for index in range(1, 12):
        ticks.push('glove', chunk(index, 1, rate=100.0), 110 * MS)
    taken = []
    while (tick := ticks.take()) is not None:
        taken.append(tick.sample)
    assert taken[-1] == 199
    assert (np.diff(taken) > 0).all()
    assert set(taken[1:]) <= set(range(79, 200, 20))


def test_secondary_stream_may_change_its_rate():
    pipeline = Pipeline(50.0, streams=[StreamSpec('emg', 20.0), StreamSpec('glove', 50.0)])
    pipeline.extract(lambda windows: windows['glove'].shape)
    pipeline.predict(lambda model, shape: {'shape': shape})
    pipeline.use_model(1, '', [])
    pipeline.start_predicting()
    made = []
    for index in range(200):
        rate = 100.0 if index < 100 else 200.0
        n = int(rate / 100)
        first = index if index < 100 else (index - 100) * 2
        data = np.zeros((n, 3), np.float32)
        pipeline.push('glove', Chunk(first, index * 10 * MS, rate, data))
        pipeline.push('emg', chunk(index * 20))
        made += pipeline.step()
    assert {p.values['shape'] for p in made} == {(3, 5), (3, 10)}
    assert made[-1].sample >= 3800
    assert pipeline.streams[1] == StreamSpec('glove', 50.0, 3, 200.0)


def test_streams_have_channels_and_rate_once_known():
    pipeline = Pipeline(streams=[StreamSpec('emg', 100.0, channels=2)])
    assert pipeline.streams == [StreamSpec('emg', 100.0, 2, None)]
    pipeline.push('emg', chunk(0, channels=3))
    assert pipeline.streams == [StreamSpec('emg', 100.0, 2, None)]
    pipeline.push('emg', chunk(0))
    assert pipeline.streams == [StreamSpec('emg', 100.0, 2, 2000.0)]


def test_malformed_frame_is_reported_with_the_reason():
    pipeline, told = Pipeline(), []
    pipeline.observer.problem = lambda kind, sentence: told.append((kind, sentence))
    pipeline.push('emg', chunk(0))
    pipeline.push('emg', chunk(20, channels=3))
    assert told == [
        (
            'frame',
            "A frame of stream 'emg' was dropped: the frame has 3 channels at 2000 Hz, expected "
            '2 channels at 2000 Hz.',
        )
    ]


def test_latency_is_measured_from_the_arrival():
    pipeline = Pipeline(100.0, streams=[StreamSpec('emg', 10.0)])
    pipeline.extract(lambda windows: time.sleep(0.01))
    pipeline.predict(lambda model, features: {})
    pipeline.use_model(1, '', [])
    assert np.isnan(TickCounters().latency_percentiles()).all()
    pipeline.start_predicting()
    pipeline.push('emg', chunk(0), time.monotonic_ns())
    (prediction,) = pipeline.step()
    p50, p99 = pipeline.counters.latency_percentiles()
    assert 0.01 <= prediction.compute_s <= p50 <= p99 < 1.0


@pytest.mark.parametrize('streams', [1, 2])
def test_60_s_at_50_hz_give_3000_predictions(streams):
    """3,000 predictions in 60 s of signal, each 20 ms after the previous one."""
    names = ['emg', 'glove'][:streams]
    pipeline = Pipeline(50.0, streams=[StreamSpec(name, 15.0) for name in names])
    pipeline.extract(lambda windows: 0)
    pipeline.predict(lambda model, features: {})
    pipeline.use_model(1, '', [])
    pipeline.start_predicting()
    before = threading.active_count()
    stamps = []
    data = np.zeros((18, 8), np.float32)
    for first in range(0, 120_000, 18):
        if streams == 2:
            pipeline.push('glove', Chunk(first // 9, first * 500_000, 2000 / 9, data[:2]))
        pipeline.push('emg', Chunk(first, first * 500_000, 2000.0, data))
        stamps += [p.stamp_ns for p in pipeline.step()]
    assert threading.active_count() == before
    assert abs(len(stamps) - 3000) <= (1 if streams == 1 else 3)
    assert set(np.diff(stamps)) == {20 * MS}


def test_core_imports_no_ros():
    code = (
        'import importlib, pkgutil, sys, myogestic_ros.core as core\n'
        'for module in pkgutil.iter_modules(core.__path__, core.__name__ + "."):\n'
        '    importlib.import_module(module.name)\n'
        'ros = ("rclpy", "rcl_interfaces", "std_msgs", "builtin_interfaces", "rosidl")\n'
        'ours = ("myogestic_ros.msg", "myogestic_ros.srv", "myogestic_ros.nodes")\n'
        'print([name for name in sys.modules if name.startswith(ros + ours)])\n'
    )
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == '[]'
