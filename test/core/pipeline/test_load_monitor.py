"""Tests of the load monitor."""

from __future__ import annotations

import numpy as np

from myogestic_ros.core.pipeline.load_monitor import LoadMonitor
from myogestic_ros.core.pipeline.tick_queue import TickQueue
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.stream_spec import StreamSpec


def push(ticks, first, n=100):
    ticks.push('emg', Chunk(first, first * 500_000, 2000.0, np.ones((n, 2), np.float32)), 0)


def test_losses_are_reported_at_most_once_a_second_until_recovery():
    ticks = TickQueue([StreamSpec('emg')], 50.0)
    push(ticks, 0)
    watch = LoadMonitor(ticks)
    assert watch.check(0.0) is None
    push(ticks, 150)
    assert '50 sample(s) lost' in watch.check(0.1)
    push(ticks, 300)
    assert watch.check(0.2) is None  # reported 0.1 s ago
    push(ticks, 450)
    assert '150 sample(s) lost' in watch.check(1.2)
    assert watch.check(2.0) is None
    assert watch.check(3.3) == ''
    assert watch.check(9.0) is None
    ticks.overruns += 3
    assert '3 prediction(s) skipped;' in watch.check(10.0)
