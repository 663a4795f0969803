"""Features compared with known windows and with their formulas."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from myogestic_ros.core.errors import SignalError
from myogestic_ros.decoding.features import catalogue as features
from myogestic_ros.decoding.features import chunking as pieces
from myogestic_ros.decoding.features.catalogue import hudgins, mav, rms, ssc, var, wl, zc

#           x                        mav    zc ssc wl   sum of squares
BY_HAND = [
    ([1.0, -1.0, 1.0, -1.0], 1.0, 3, 2, 6.0, 4.0),
    ([1.0, 2.0, 3.0, 4.0], 2.5, 0, 0, 3.0, 30.0),
    ([3.0, -2.0, -4.0, 1.0], 2.5, 2, 1, 12.0, 30.0),
    ([1.0, 0.0, -1.0, 0.0], 0.5, 0, 1, 3.0, 2.0),  # a sample of 0 has no sign
    ([2.0, 2.0, 1.0, 1.0], 1.5, 0, 0, 1.0, 10.0),  # a plateau is not a slope sign change
    ([0.0, 0.0, 0.0, 0.0], 0.0, 0, 0, 0.0, 0.0),
]


@pytest.mark.parametrize(('x', 'x_mav', 'x_zc', 'x_ssc', 'x_wl', 'squares'), BY_HAND)
def test_features_of_known_windows(
    x: list[float], x_mav: float, x_zc: int, x_ssc: int, x_wl: float, squares: float
) -> None:
    window = np.array([x], np.float32)
    assert mav(window) == pytest.approx([x_mav])
    assert zc(window) == pytest.approx([x_zc])
    assert ssc(window) == pytest.approx([x_ssc])
    assert wl(window) == pytest.approx([x_wl])
    assert rms(window) == pytest.approx([math.sqrt(squares / 4)])
    assert var(window) == pytest.approx([np.var(x, ddof=1)])
    assert hudgins(window) == pytest.approx([x_mav, x_zc, x_ssc, x_wl])


def test_thresholds_of_known_windows() -> None:
    # Differences: 2, 3, 5, 1, 1; zero crossings at the first four; slope changes at each inner sample.
    window = np.array([[1.0, -1.0, 2.0, -3.0, -2.0, -3.0]])
    assert zc(window) == 3
    assert [int(zc(window, threshold)[0]) for threshold in (2.0, 2.5, 3.0, 5.0, 6.0)] == [
        3,
        2,
        2,
        1,
        0,
    ]
    # One of the two differences at a slope change must reach the threshold.
    assert [int(ssc(window, threshold)[0]) for threshold in (0.0, 1.0, 2.0, 4.0, 6.0)] == [
        4,
        4,
        3,
        2,
        0,
    ]
    assert hudgins(window, zc_threshold=5.0, ssc_threshold=4.0)[1:3] == pytest.approx([1, 2])


def naive(x: list[float], zc_threshold: float, ssc_threshold: float) -> list[float]:
    """Compute the formulas sample by sample."""
    n = len(x)
    crossings = sum(
        (x[k] > 0 > x[k + 1] or x[k] < 0 < x[k + 1]) and abs(x[k] - x[k + 1]) >= zc_threshold
        for k in range(n - 1)
    )
    turns = sum(
        (x[k - 1] < x[k] > x[k + 1] or x[k - 1] > x[k] < x[k + 1])
        and (abs(x[k] - x[k - 1]) >= ssc_threshold or abs(x[k] - x[k + 1]) >= ssc_threshold)
        for k in range(1, n - 1)
    )
    length = math.fsum(abs(x[k + 1] - x[k]) for k in range(n - 1))
    return [math.fsum(map(abs, x)) / n, crossings, turns, length]


@pytest.mark.parametrize('n_samples', [1, 2, 3, 9, 40, 400, 2041, 3000])
@pytest.mark.parametrize('threshold', [0.0, 3.5e-5])
def test_features_follow_their_formulas(n_samples: int, threshold: float) -> None:
    noise = np.random.default_rng(n_samples).normal(scale=1e-4, size=(5, n_samples))
    window = np.round(noise, 5).astype(np.float32)  # rounded: zeros and plateaus occur
    expected = [naive([float(v) for v in row], threshold, threshold) for row in window]
    got = hudgins(window, zc_threshold=threshold, ssc_threshold=threshold)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.reshape(4, 5).T, expected, rtol=1e-6)
    exact = window.astype(np.float64)
    np.testing.assert_allclose(rms(window), np.sqrt((exact**2).mean(axis=1)), rtol=1e-6)
    if n_samples > 1:
        np.testing.assert_allclose(var(window), exact.var(axis=1, ddof=1), rtol=1e-6)


NEEDED = {
    'wamp': {'threshold': 0.5},
    'mnf': {'sampling_rate': 1000.0},
    'mdf': {'sampling_rate': 1000.0},
    'compute_features': {'name': 'TDAR'},
}
FUNCTIONS = [name for name in features.__all__ if name.islower() and name not in ('feature_set',)]


@pytest.mark.parametrize('name', FUNCTIONS)
def test_many_windows_give_the_features_of_each(name: str) -> None:
    function = functools.partial(getattr(features, name), **NEEDED.get(name, {}))
    windows = np.random.default_rng(3).normal(size=(2, 3, 4, 101)).astype(np.float32)
    together = function(windows)
    for index in np.ndindex(2, 3):
        assert (together[index] == function(windows[index])).all()
    # Also from sample-major memory, as in a frame.
    turned = np.ascontiguousarray(windows.swapaxes(-1, -2)).swapaxes(-1, -2)
    assert (function(turned) == together).all()


def test_input_is_not_modified() -> None:
    window = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    window.flags.writeable = False
    before = window.copy()
    hudgins(window, zc_threshold=0.1, ssc_threshold=0.1)
    assert (window == before).all()


def test_integer_windows_are_counted() -> None:
    assert hudgins(np.array([[1, -2, 3]], np.int16)) == pytest.approx([2.0, 2, 1, 8.0])


def test_wrong_shape_of_a_window_is_refused() -> None:
    with pytest.raises(SignalError, match='expected .* n_channels, n_samples\\) with at least'):
        hudgins(np.zeros(8))
    with pytest.raises(SignalError, match='at least one sample'):
        hudgins(np.zeros((8, 0)))


@pytest.mark.parametrize('name', ['HTD', *features.FEATURES])
def test_many_windows_are_processed_in_chunks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        'WAMP': {'threshold': 0.1},
        'MNF': {'sampling_rate': 2e3},
        'MDF': {'sampling_rate': 2e3},
    }
    feature = hudgins if name == 'HTD' else features.FEATURES[name]
    feature = functools.partial(feature, **options.get(name, {}))
    windows = np.random.default_rng(5).normal(size=(7, 4, 50)).astype(np.float32)
    whole = feature(windows)
    for cached in (1, 4 * 50 * 2, 4 * 50 * 5):  # one, two and five windows per chunk
        monkeypatch.setattr(pieces, 'CACHED_SAMPLES', cached)
        assert (feature(windows) == whole).all()
        assert (feature(windows[:, np.newaxis])[:, 0] == whole).all()
    assert hudgins(windows[:0]).shape == (0, 16)
