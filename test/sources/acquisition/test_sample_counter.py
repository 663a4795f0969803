"""Counters that wrap, skip, repeat and restart."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.sources.acquisition.sample_counter import Run, SampleCounter

NEVER = float('inf')


def indices(counter, values, newest=NEVER):
    """Return the index of each sample that is kept, by its position."""
    runs = counter.add(np.asarray(values), lambda: newest)
    return {
        position: run.first_sample + position - run.start
        for run in runs
        for position in range(run.start, run.stop)
    }


@pytest.mark.parametrize('modulus', [256, 65536])
def test_a_counter_that_wraps_loses_nothing(modulus):
    counter = SampleCounter(modulus, 100)
    values = (modulus - 5 + np.arange(2 * modulus + 10)) % modulus
    assert counter.add(values, lambda: NEVER) == [Run(0, len(values), 0)]


def test_lost_samples_are_holes_wherever_blocks_end():
    rng = np.random.default_rng(1)
    kept = np.flatnonzero(rng.random(5000) > 0.02)
    sent = (kept + 65000) % 65536
    for pieces in ([], [1, 2, 3], sorted(rng.integers(0, len(kept), 300).tolist())):
        counter = SampleCounter(65536, 100)
        found = []
        for values in np.split(sent, pieces):
            if len(values):
                found += list(indices(counter, values).values())
        assert found == (kept - kept[0]).tolist()


def test_samples_sent_twice_are_dropped_if_that_can_happen():
    counter = SampleCounter(256, 100, repeats=16)
    assert indices(counter, [250, 251, 251, 252]) == {0: 0, 1: 1, 3: 2}
    assert indices(counter, [250, 251, 252, 253, 254]) == {3: 3, 4: 4}
    assert indices(counter, [253, 254]) == {}
    assert indices(counter, [255, 0, 2]) == {0: 5, 1: 6, 2: 8}
    assert counter.repeated == 1 + 3 + 2
    assert counter.restarts == 0


def test_a_step_into_the_future_is_a_restart_of_the_counter():
    counter = SampleCounter(65536, tolerance=50)
    indices(counter, range(1000, 1100))
    found = indices(counter, range(0, 10), newest=130.0)  # 64436 samples ahead
    assert counter.restarts == 1
    assert list(found.values()) == list(range(121, 131))  # the newest is acquired now
    assert list(indices(counter, [10, 11]).values()) == [131, 132]


def test_a_gap_that_fits_the_time_is_a_loss():
    counter = SampleCounter(65536, tolerance=50)
    indices(counter, range(100))
    assert list(indices(counter, [5000], newest=5010.0).values()) == [5000]
    assert counter.restarts == 0


def test_a_restart_skips_at_least_one_sample():
    counter = SampleCounter(65536, tolerance=5)
    indices(counter, range(500, 600))
    assert list(indices(counter, [0, 1], newest=90.0).values()) == [101, 102]
