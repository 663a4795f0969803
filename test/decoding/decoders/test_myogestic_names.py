"""The names that MyoGestic's decoders import exist and behave as there."""

from __future__ import annotations

import numpy as np
import pytest

import myogestic_ros
from myogestic_ros import EdgeTrigger, features, filters
from myogestic_ros.filters import GaussianFilter, IdentityFilter, OneEuroFilter, make_filter

EMG = np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32)
FORMULAS = {
    'rms': lambda x: np.sqrt(np.mean(x.astype(float) ** 2, axis=1)),
    'mav': lambda x: np.mean(np.abs(x.astype(float)), axis=1),
    'wl': lambda x: np.abs(np.diff(x.astype(float), axis=1)).sum(axis=1),
    'var': lambda x: np.mean((x - x.mean(axis=1, keepdims=True)).astype(float) ** 2, axis=1),
    'zc': lambda x: (np.diff((x < 0).astype(int), axis=1) != 0).sum(axis=1),
}


@pytest.mark.parametrize('name', FORMULAS)
def test_feature_follows_its_formula(name):
    found = getattr(features, name)(EMG)
    assert found.shape == (4,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, FORMULAS[name](EMG), rtol=1e-6)
    many = getattr(features, name)(np.stack([EMG, 2 * EMG]))
    np.testing.assert_array_equal(many[0], found)


def test_features_of_known_windows():
    window = np.array([[1, -1, 1, -1], [2, 2, 2, 2], [0, -1, 0, 3]], np.float32)
    assert features.rms(window)[:2].tolist() == [1, 2]
    assert features.wl(window).tolist() == [6, 0, 5]
    assert features.var(window).tolist() == [1, 0, 2.25]
    assert features.zc(window).tolist() == [3, 0, 2]  # zero counts as positive


def test_filter_is_created_by_name():
    assert isinstance(make_filter('identity'), IdentityFilter)
    assert make_filter('gaussian', n_vectors=7).n_vectors == 7
    assert make_filter('one_euro', hz=32).hz == 32
    with pytest.raises(ValueError, match="no filter 'two_euro'; expected identity, gaussian or"):
        make_filter('two_euro')
    for name in ('IdentityFilter', 'GaussianFilter', 'OneEuroFilter', 'make_filter'):
        assert getattr(myogestic_ros, name) is getattr(filters, name)


@pytest.mark.parametrize('kind', [IdentityFilter, GaussianFilter, OneEuroFilter])
def test_filter_keeps_type_shape_and_constant_values(kind):
    work = kind()
    for dtype in (np.float32, np.float64):
        for _ in range(5):
            out = work(np.array([0.25, -1.0], dtype))
            assert out.dtype == dtype
            assert out.tolist() == pytest.approx([0.25, -1.0], rel=1e-12)
        work.reset()


def test_gaussian_filter_uses_its_weights():
    work = GaussianFilter(n_vectors=3, sigma=2.0)
    weights = np.exp(-(np.array([2, 1, 0]) ** 2) / 8)
    given = [np.array([v]) for v in (1.0, 5.0, -2.0, 4.0)]
    out = [float(work(v)[0]) for v in given]
    assert out[0] == 1.0
    assert out[1] == pytest.approx(weights[1:] @ [1, 5] / weights[1:].sum())
    assert out[3] == pytest.approx(weights @ [5, -2, 4] / weights.sum())
    with pytest.raises(ValueError, match='expected'):
        work(np.zeros((2, 2)))


def test_one_euro_filter_follows_its_formula():
    work = OneEuroFilter(hz=10.0, min_cutoff_hz=1.0, beta=0.5, derivative_cutoff_hz=2.0)
    assert work(np.array([1.0]))[0] == 1.0
    share = lambda cutoff: 1 / (1 + 1 / (2 * np.pi * cutoff * 0.1))  # noqa: E731
    speed = share(2.0) * 10.0
    expected = 1.0 + share(1.0 + 0.5 * speed) * 1.0
    assert work(np.array([2.0]))[0] == pytest.approx(expected, rel=1e-12)
    timed, untimed = OneEuroFilter(hz=10.0), OneEuroFilter(hz=10.0)
    for n, value in enumerate((0.0, 1.0, -1.0)):
        a = timed(np.array([value]), 0.1 * n)
        assert a[0] == pytest.approx(untimed(np.array([value]))[0])


def test_one_euro_filter_ignores_non_finite_values():
    work = OneEuroFilter()
    work(np.array([1.0, 2.0]))
    assert work(np.array([np.nan, 2.0])).tolist() == [1.0, 2.0]
    assert np.isfinite(work(np.array([1.0, 2.0]))).all()


@pytest.mark.parametrize('wrong', [{'hz': 0}, {'min_cutoff_hz': -1}, {'derivative_cutoff_hz': 0}])
def test_one_euro_filter_refuses_wrong_arguments(wrong):
    with pytest.raises(ValueError, match='expected more than 0'):
        OneEuroFilter(**wrong)


def test_edge_trigger_fires_once_per_change():
    fired = []
    trigger = EdgeTrigger(callback=fired.append)
    assert [trigger.fire_if_changed(v) for v in ('a', 'a', 'b', 'b', 'a')] == [
        *(True, False, True, False, True)
    ]
    assert fired == ['a', 'b', 'a']
    trigger.rebase('b')
    assert trigger.last == 'b'
    assert not trigger.fire_if_changed('b')


def test_edge_trigger_waits_for_stable_ticks():
    fired = []
    trigger = EdgeTrigger(fired.append, n_stable_ticks=3)
    for value in 'aababbbb':
        trigger.fire_if_changed(value)
    assert fired == ['b']
    for value in 'cc':
        trigger.fire_if_changed(value)
    trigger.rebase('x')
    assert not trigger.fire_if_changed('c')
    with pytest.raises(ValueError, match='at least 1'):
        EdgeTrigger(fired.append, n_stable_ticks=0)
