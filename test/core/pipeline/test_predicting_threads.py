"""Tests of predicting and stopping in different threads."""

from __future__ import annotations

import threading
import time

from support.gate import Gate, chunk, ready, stepping

from myogestic_ros.core.pipeline.observer import Observer


def test_stop_returns_at_once_and_no_prediction_follows():
    gate = Gate()
    pipeline = ready(gate)
    pipeline.start_predicting()
    for index in range(3):  # one is computed, two are queued
        pipeline.push('emg', chunk(index))
    thread = stepping(pipeline)
    assert gate.entered.acquire(timeout=20)
    began = time.monotonic()
    pipeline.stop_predicting()
    assert time.monotonic() - began < 1.0
    assert pipeline.state == 'idle'
    gate.open.release(10)
    thread.join(20)
    assert not thread.is_alive()
    assert pipeline.observer.predictions == []
    assert pipeline.predictions == {}
    assert pipeline.counters.predictions == 0


def test_stop_drops_a_tick_that_is_taken_meanwhile():
    gate = Gate()
    pipeline = ready(gate)
    pipeline.start_predicting()
    pipeline.push('emg', chunk(0))
    set_enabled, threads = pipeline.reader.ticks.set_enabled, []

    def set_enabled_late(enabled):
        threads.append(stepping(pipeline))  # takes the tick while stop runs
        assert gate.entered.acquire(timeout=20)
        set_enabled(enabled)

    pipeline.reader.ticks.set_enabled = set_enabled_late
    pipeline.stop_predicting()
    gate.open.release()
    threads[0].join(20)
    assert pipeline.observer.predictions == []


def test_late_result_of_an_earlier_run_is_dropped():
    gate = Gate()
    pipeline = ready(gate)
    pipeline.start_predicting()
    pipeline.push('emg', chunk(0))
    thread = stepping(pipeline)
    assert gate.entered.acquire(timeout=20)
    pipeline.stop_predicting()
    pipeline.use_model('another', 'm2', ['fist'])
    pipeline.start_predicting()
    pipeline.push('emg', chunk(1))
    gate.open.release(10)
    thread.join(20)
    pipeline.step()
    assert [p.values for p in pipeline.observer.predictions] == [
        {'model': 'another', 'features': 1.0}
    ]
    assert pipeline.observer.predictions[0].model_id == 'm2'


def test_late_error_of_an_earlier_run_is_ignored():
    entered, go = threading.Event(), threading.Event()

    def fail_late(model, features):
        entered.set()
        go.wait(20)
        raise ValueError('late')

    pipeline = ready(fail_late)
    pipeline.max_consecutive_errors = 1
    pipeline.start_predicting()
    pipeline.push('emg', chunk(0))
    thread = stepping(pipeline)
    assert entered.wait(20)
    pipeline.stop_predicting()
    pipeline.start_predicting()
    go.set()
    thread.join(20)
    assert pipeline.state == 'predicting'


def test_stop_from_within_a_callback():
    pipeline = ready(lambda model, features: pipeline.stop_predicting() or {'class': 0})
    pipeline.start_predicting()
    pipeline.push('emg', chunk(0))
    assert pipeline.step() == []
    assert pipeline.state == 'idle'
    assert pipeline.observer.predictions == []


class WhileStopped(Observer):
    """Collects the predictions that are published while an event is set."""

    def __init__(self, stopped):
        self._stopped = stopped
        self.predictions = []

    def predicted(self, prediction):
        if self._stopped.is_set():
            self.predictions.append(prediction)


def test_no_prediction_while_stopped_under_load():
    """Push, step, and start and stop from three threads: no prediction while stopped."""
    pipeline = ready(lambda model, features: {'features': features})
    stopped, over = threading.Event(), threading.Event()
    pipeline.observer = observer = WhileStopped(stopped)

    def push():
        index = 0
        while not over.is_set():
            pipeline.push('emg', chunk(index))
            index += 1

    def step():
        while not over.is_set():
            pipeline.step()

    threads = [threading.Thread(target=target) for target in (push, step)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        before = pipeline.counters.predictions
        stopped.clear()
        pipeline.start_predicting()
        end = time.monotonic() + 20
        while pipeline.counters.predictions == before and time.monotonic() < end:
            time.sleep(0)
        pipeline.stop_predicting()
        stopped.set()
    over.set()
    for thread in threads:
        thread.join(20)
    assert observer.predictions == []
    assert pipeline.counters.predictions >= 50


def test_sys_exit_in_a_callback_counts_as_error():
    def leave(model, features):
        raise SystemExit(3)

    pipeline = ready(leave)
    pipeline.start_predicting()
    for index in range(10):
        pipeline.push('emg', chunk(index))
        pipeline.step()
    assert pipeline.state == 'idle'
    assert '10 errors in a row, last: SystemExit: 3' in pipeline.status_message
