"""Windows that overlap in memory give the features of each window alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from myogestic_ros.decoding.features.catalogue import hudgins
from myogestic_ros.decoding.features.sliding import SlidingWindows

RNG = np.random.default_rng(0)


def windows(n_channels, n_samples, hop, n_windows, dtype=np.float32):
    signal = RNG.normal(scale=1e-4, size=(n_channels, (n_windows - 1) * hop + n_samples + 5))
    signal[RNG.random(signal.shape) < 0.05] = 0.0
    view = sliding_window_view(signal.astype(dtype), n_samples, axis=1)
    return view[:, 2 : 2 + (n_windows - 1) * hop + 1 : hop].transpose(1, 0, 2)


@pytest.mark.parametrize('thresholds', [{}, {'zc_threshold': 1e-4, 'ssc_threshold': 5e-5}])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize(
    ('n_channels', 'n_samples', 'hop', 'n_windows'),
    [
        (8, 400, 100, 30),
        (1, 40, 10, 7),
        (3, 41, 7, 50),
        (64, 400, 1, 2),
        (2, 3, 1, 9),
        (2, 2, 1, 9),
    ],
)
def test_sliding_windows_give_the_same_features(
    n_channels, n_samples, hop, n_windows, dtype, thresholds
):
    view = windows(n_channels, n_samples, hop, n_windows, dtype)
    sliding = SlidingWindows.from_windows(view)
    assert sliding is not None
    assert (sliding.n_windows, sliding.hop) == (n_windows, hop)
    many = hudgins(view, **thresholds)
    alone = [hudgins(np.array(window), **thresholds) for window in view]
    np.testing.assert_array_equal(many, alone)
    assert many.dtype == dtype


def test_windows_without_overlap_are_not_sliding():
    view = windows(4, 40, 10, 6)
    assert SlidingWindows.from_windows(view.copy()) is None
    assert SlidingWindows.from_windows(windows(4, 40, 40, 6)) is None
    assert SlidingWindows.from_windows(view[:1]) is None
    assert SlidingWindows.from_windows(view[0]) is None
    assert SlidingWindows.from_windows(view[:, :, ::2]) is None
    assert SlidingWindows.from_windows(view[::-1]) is None
    assert SlidingWindows.from_windows(view.tolist()) is None
    backwards = np.array(hudgins(view[::-1]))
    np.testing.assert_array_equal(backwards, hudgins(view)[::-1])
