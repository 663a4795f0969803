"""Tests of slow and hanging ``predict`` callbacks."""

from __future__ import annotations

import threading
import time
import tracemalloc

import pytest
from support.gate import Gate, chunk, ready, stepping

HOP_NS = 20_000_000


def test_slow_predict_skips_and_counts_ticks():
    pipeline = ready(lambda model, features: time.sleep(0.1) or {'features': features})
    pipeline.start_predicting()
    begin = time.monotonic_ns()
    pipeline.push('emg', chunk(0), begin)
    thread = stepping(pipeline)
    time.sleep(0.005)
    for index in range(1, 5):  # arrival times during the computation
        pipeline.push('emg', chunk(index), begin + index * 1_000_000)
    thread.join(20)
    pipeline.step()
    assert [p.sample for p in pipeline.observer.predictions] == [39]
    assert pipeline.reader.ticks.overruns == 4
    pipeline.push('emg', chunk(5), time.monotonic_ns())
    assert [p.sample for p in pipeline.step()] == [239]


def test_ticks_without_arrival_times_are_never_skipped():
    pipeline = ready(lambda model, features: time.sleep(0.03) or {})
    pipeline.start_predicting()
    for index in range(10):
        pipeline.push('emg', chunk(index))
    assert [p.sample for p in pipeline.step()] == list(range(39, 400, 40))
    assert pipeline.reader.ticks.overruns == 0


@pytest.mark.parametrize('predict_hz', [50.0, 0.0])
def test_hanging_predict_does_not_fill_the_memory(predict_hz):
    gate = Gate()
    pipeline = ready(gate)
    pipeline.predict_hz = predict_hz
    pipeline.start_predicting()
    begin = time.monotonic_ns()
    pipeline.push('emg', chunk(0), begin)
    thread = stepping(pipeline)
    assert gate.entered.acquire(timeout=20)
    for index in range(1, 100):
        pipeline.push('emg', chunk(index), begin + index * HOP_NS)
    tracemalloc.start()
    for index in range(100, 5000):  # 98 s
        pipeline.push('emg', chunk(index), begin + index * HOP_NS)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 100_000  # all the windows together have 1.6 MB
    assert len(pipeline.reader.ticks._ticks) <= 3
    assert pipeline.reader.ticks.overruns >= 4990
    pipeline.stop_predicting()
    gate.open.release(10)
    thread.join(20)
    assert pipeline.observer.predictions == []


def test_wait_for_tick_returns_when_a_tick_is_due():
    pipeline = ready(lambda model, features: {})
    pipeline.start_predicting()
    assert not pipeline.wait_for_tick(0.0)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(pipeline.wait_for_tick(20)))
    thread.start()
    pipeline.push('emg', chunk(0))
    thread.join(20)
    assert answers == [True]
