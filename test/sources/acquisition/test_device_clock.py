"""The estimated clock of a device against the true one, in simulated time."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.sources.acquisition.device_clock import CRYSTAL, DeviceClock

RATE = 2000.0
BLOCK = 36
"""Samples that arrive together: two packets of a Muovi."""


def simulate(seconds, ppm=0.0, delays=None, limit=CRYSTAL, missing_at_s=None, missing=0):
    """Return the clock, times, and error of each stamp in s.

    ``delays(rng, times_s)`` returns the delay of each block, s; arrivals keep their order.
    """
    rng = np.random.default_rng(2)
    newest = np.arange(BLOCK - 1, int(seconds * RATE), BLOCK)
    acquired_s = 5.0 + newest / (RATE * (1 + ppm * 1e-6))
    delay_s = rng.exponential(0.004, len(newest)) if delays is None else delays(rng, acquired_s)
    arrivals_s = np.maximum.accumulate(acquired_s + 0.002 + delay_s)
    clock = DeviceClock(RATE, 5.0, limit)
    stamps_s, lags_s = np.empty(len(newest)), np.empty(len(newest))
    for i, (sample, arrival_s) in enumerate(
        zip(newest.tolist(), arrivals_s.tolist(), strict=True)
    ):
        shown = sample
        if missing_at_s is not None and acquired_s[i] > 5.0 + missing_at_s:
            shown -= missing  # lost without a trace
        clock.observe(shown, arrival_s)
        stamps_s[i] = clock.stamp_ns(shown) * 1e-9
        lags_s[i] = clock.lag_s()
    return clock, newest / RATE, stamps_s - (acquired_s - 5.0), stamps_s, lags_s


@pytest.mark.parametrize('ppm', [-200.0, 0.0, 200.0])
def test_a_drifting_device_is_followed_within_2_ms_over_an_hour(ppm):
    clock, times_s, error_s, stamps_s, _ = simulate(3600.0, ppm)
    settled = times_s > 5.0
    # 2 ms of the error are the shortest delay of an arrival, which nobody can see.
    assert np.abs(error_s[settled] - 0.002).max() < 0.002
    assert clock.deviation == pytest.approx(ppm * 1e-6, abs=20e-6)
    assert clock.sampling_rate == pytest.approx(RATE * (1 + ppm * 1e-6), abs=0.04)
    assert (np.diff(stamps_s) > 0).all()


def test_bursts_after_stalls_do_not_move_the_stamps():
    def stalls(rng, times_s):
        """Nothing arrives for 0.3 s every 2 s, then everything at once."""
        into_s = times_s % 2.0
        return np.where(into_s < 0.3, 0.3 - into_s, 0.0) + rng.exponential(0.002, len(times_s))

    _, times_s, error_s, stamps_s, _ = simulate(120.0, 50.0, stalls)
    assert np.abs(error_s[times_s > 5.0] - 0.002).max() < 0.002
    assert (np.diff(stamps_s) > 0).all()


def test_a_late_start_is_corrected_within_seconds():
    def backlog(rng, times_s):
        return np.where(times_s < 5.2, 0.2, 0.0) + rng.exponential(0.002, len(times_s))

    _, times_s, error_s, stamps_s, _ = simulate(20.0, 0.0, backlog)
    assert np.abs(error_s[times_s > 3.0] - 0.002).max() < 0.01
    assert (np.diff(stamps_s) > 0).all()


def test_samples_lost_without_a_trace_are_a_lasting_lag():
    clock, times_s, _, _, lags_s = simulate(10.0, missing_at_s=5.0, missing=1000)
    assert lags_s[times_s < 7.0].max() < 0.05
    assert lags_s.max() == pytest.approx(0.5, abs=0.02)
    clock.forget_lag()
    assert clock.lag_s() == 0.0


def test_a_wrong_nominal_rate_is_not_taken_for_losses():
    clock, _, _, _, lags_s = simulate(60.0, -10_000.0)
    assert lags_s.max() < 0.1
    assert clock.delay_s > 0.3  # which diagnostics show


def test_a_larger_deviation_is_followed_if_it_is_allowed():
    clock, times_s, error_s, _, _ = simulate(120.0, -10_000.0, limit=0.02)
    assert clock.sampling_rate == pytest.approx(RATE * 0.99, abs=0.1)
    assert np.abs(error_s[times_s > 30.0] - 0.002).max() < 0.01
