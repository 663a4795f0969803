"""Features compared with other programs and with the published formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import linalg, signal, stats

from myogestic_ros.core.errors import DecoderError, SignalError
from myogestic_ros.decoding.features import catalogue as features
from myogestic_ros.decoding.features.covariance import (
    half_vector,
    matrices,
    matrix_logarithm,
    regularise,
    tangent_vectors,
)

X = [3.0, -2, -4, 1, 5, -1, 2, -3, 0.5, 2.5, -1.5, -0.5, 4, -2.5, 1.5, -3.5]
BURG = {  # statsmodels 0.14, regression.linear_model.burg(X, order, demean=False)
    1: [-0.3289315726290516],
    2: [-0.43306268337033865, -0.31657377827551875],
    4: [-0.662086197378139, -0.6222228564304225, -0.5355438468061376, -0.3110322380081705],
    6: [
        *(-0.6634715825811387, -0.552954670106428, -0.412431479730889),
        *(-0.16767655680406993, 0.14443000932499825, 0.24952137439675362),
    ],
}


@pytest.fixture
def windows() -> np.ndarray:
    """Coloured noise with an offset, shape (2, 3, 101)."""
    noise = np.random.default_rng(1).normal(size=(2, 3, 110)).cumsum(-1)
    return noise[..., 9:] - 0.7 * noise[..., :-9] + 0.5


@pytest.mark.parametrize('order', BURG)
def test_ar_coefficients_are_those_of_statsmodels(order: int) -> None:
    assert features.ar([X], order)[0] == pytest.approx(BURG[order], rel=1e-9)


def test_ar_coefficients_of_a_known_process() -> None:
    noise = np.random.default_rng(0).normal(size=20_000)
    x = signal.lfilter([1.0], [1.0, -0.6, 0.3], noise)
    assert features.ar([x], 2)[0] == pytest.approx([0.6, -0.3], abs=0.03)


def test_amplitude_features_of_a_known_window() -> None:
    x = np.array([[1.0, -2.0, 4.0, 4.0]])  # differences -3, 6, 0
    assert features.iav(x) == pytest.approx([11.0])
    assert features.mavfd(x) == pytest.approx([3.0])
    assert features.dasdv(x) == pytest.approx([math.sqrt(15.0)])
    assert features.mfl(x) == pytest.approx([math.log10(math.sqrt(45.0))])
    assert features.log_detector(x) == pytest.approx([32.0**0.25])
    assert features.log_detector([[0.0, 2.0]]) == pytest.approx([0.0])
    assert features.log_detector([[0.0, 2.0]], floor=0.5) == pytest.approx([1.0])
    assert [int(features.wamp(x, t)[0]) for t in (0.0, 1.0, 3.0, 3.1, 7.0)] == [3, 2, 2, 1, 0]


def test_skewness_and_kurtosis_are_those_of_scipy(windows: np.ndarray) -> None:
    for got, expected in (
        (features.skewness(windows), stats.skew(windows, axis=-1)),
        (features.kurtosis(windows), stats.kurtosis(windows, axis=-1)),
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_hjorth_parameters_follow_their_formulas(windows: np.ndarray) -> None:
    first = np.diff(windows)
    second = np.diff(first)
    mobility = first.std(-1) / windows.std(-1)
    complexity = second.std(-1) / first.std(-1) / mobility
    expected = np.stack([windows.var(-1), mobility, complexity], -1)
    np.testing.assert_allclose(features.hjorth(windows), expected, rtol=1e-9)


@pytest.mark.parametrize('n_samples', [100, 101])
def test_frequencies_follow_the_periodogram_of_scipy(windows: np.ndarray, n_samples: int) -> None:
    x = windows[..., :n_samples]
    f, p = signal.periodogram(x, 1000.0)
    np.testing.assert_allclose(features.mnf(x, 1000.0), (f * p).sum(-1) / p.sum(-1), rtol=1e-9)
    for index in np.ndindex(2, 3):
        half = p[index].sum() / 2
        first = next(k for k in range(len(f)) if p[index][: k + 1].sum() >= half * (1 - 1e-12))
        assert features.mdf(x, 1000.0)[index] == pytest.approx(f[first])


def test_frequencies_of_a_sine() -> None:
    x = np.sin(2 * np.pi * 80.0 * np.arange(200) / 1000.0)[None] + 3.0
    assert features.mnf(x, 1000.0) == pytest.approx([80.0])
    assert features.mdf(x, 1000.0) == pytest.approx([80.0])


def naive_sampen(x: np.ndarray, m: int, r: float) -> float:
    """Compare all pairs of templates, sample by sample."""
    tolerance, count = r * float(np.std(x)), [0, 0]
    stretches = range(len(x) - m)
    for i in stretches:
        for j in stretches:
            if i < j and all(abs(x[i + k] - x[j + k]) <= tolerance for k in range(m)):
                count[0] += 1
                count[1] += abs(x[i + m] - x[j + m]) <= tolerance
    if not count[1]:
        return math.log(len(stretches) * (len(stretches) - 1) / 2)
    return math.log(count[0] / count[1])


@pytest.mark.parametrize(('m', 'r'), [(1, 0.3), (2, 0.2), (3, 0.5)])
def test_sample_entropy_follows_its_definition(windows: np.ndarray, m: int, r: float) -> None:
    got = features.sampen(windows, m, r)
    for index in np.ndindex(2, 3):
        assert got[index] == pytest.approx(naive_sampen(windows[index], m, r), rel=1e-9)


def test_sample_entropy_of_a_known_window() -> None:
    # 0 1 0 1 0 1: templates 01 10 01 10; equal pairs (0, 2), (1, 3); both have equal next samples.
    assert features.sampen([[0.0, 1, 0, 1, 0, 1]]) == pytest.approx([0.0])
    assert features.sampen([[0.0, 1, 3, 7, 15, 31]], r=1e-3) == pytest.approx([math.log(6)])


def test_tdpsd_follows_its_formulas(windows: np.ndarray) -> None:
    x = windows[0, 0]
    first, second = np.diff(x), np.diff(x, 2)
    m0, m2, m4 = (math.sqrt((s**2).sum()) ** 0.1 / 0.1 for s in (x, first, second))
    sparse = m0 / (math.sqrt(abs(m0 - m2)) * math.sqrt(abs(m0 - m4)))
    lengths = np.abs(first).sum() / np.abs(second).sum()
    values = [m0, abs(m0 - m2), abs(m0 - m4), sparse, m2 / math.sqrt(m0 * m4), lengths]
    assert features.tdpsd(windows)[0, 0] == pytest.approx(np.log(values), rel=1e-9)


def test_covariance_and_its_logarithm_follow_their_definitions(windows: np.ndarray) -> None:
    expected = np.cov(windows[1], bias=True)
    np.testing.assert_allclose(features.covariance(windows)[1], expected, rtol=1e-9)
    regular = expected + 0.01 * np.trace(expected) / 3 * np.eye(3)
    logarithm = linalg.logm(regular)
    got = features.log_covariance(windows)[1]
    np.testing.assert_allclose(matrices(got), logarithm, atol=1e-9)
    assert np.linalg.norm(got) == pytest.approx(np.linalg.norm(logarithm))
    reference = np.cov(windows[0], bias=True)
    whitening = linalg.fractional_matrix_power(reference, -0.5)
    tangent = tangent_vectors(expected, whitening)
    eigenvalues = linalg.eigvalsh(expected, reference)  # the affine-invariant distance
    assert np.linalg.norm(tangent) == pytest.approx(np.linalg.norm(np.log(eigenvalues)))
    assert half_vector(matrices(tangent)) == pytest.approx(tangent)


def test_logarithm_of_nearly_singular_matrices_is_finite() -> None:
    flat = regularise(np.zeros((2, 3, 3), np.float32), 0.01)
    assert np.isfinite(matrix_logarithm(flat)).all()
    assert np.isfinite(matrix_logarithm(np.ones((3, 3), np.float32))).all()


FLAT = {
    **dict.fromkeys(('mav', 'iav', 'rms', 'var', 'wl', 'mavfd', 'dasdv', 'skewness'), 0.0),
    **dict.fromkeys(('zc', 'ssc', 'ar', 'hjorth', 'sampen', 'covariance', 'log_detector'), 0.0),
    'kurtosis': -3.0,
    'mfl': -np.inf,
}


@pytest.mark.parametrize('name', FLAT)
def test_flat_channel_gives_finite_features(name: str) -> None:
    assert (getattr(features, name)(np.zeros((2, 20), np.float32)) == FLAT[name]).all()


def test_flat_channel_has_logarithm_and_frequency() -> None:
    flat = np.zeros((2, 20), np.float32)
    assert np.isfinite(features.tdpsd(flat)).all()
    assert np.isfinite(features.log_covariance(flat)).all()
    assert (features.mnf(flat, 100.0) == 0).all()
    assert (features.mdf(flat, 100.0) == 0).all()


@pytest.mark.parametrize(
    ('name', 'least'), [('ar', 5), ('hjorth', 3), ('sampen', 4), ('tdpsd', 3)]
)
def test_window_that_is_too_short_is_refused(name: str, least: int) -> None:
    getattr(features, name)(np.ones((2, least)))
    with pytest.raises(SignalError, match=f'at least {least} samples'):
        getattr(features, name)(np.ones((2, least - 1)))


def test_sets_are_computed_by_name(windows: np.ndarray) -> None:
    assert (features.compute_features(windows, 'HTD') == features.hudgins(windows)).all()
    options = {'WAMP': {'threshold': 0.5}}
    assert features.compute_features(windows, 'TSTD', options).shape == (2, 3 * (6 + 6))
    assert features.compute_features(windows, 'TDAR', {'AR': {'order': 2}}).shape == (2, 3 * 6)
    assert features.compute_features(windows[0], 'TDPSD').shape == (18,)
    assert features.compute_features(windows, 'RMS').shape == (2, 3)


def test_unknown_set_or_option_is_refused(windows: np.ndarray) -> None:
    with pytest.raises(DecoderError, match="no feature or set 'HDT'; expected a set .HTD"):
        features.compute_features(windows, 'HDT')
    with pytest.raises(DecoderError, match="Feature 'WAMP' cannot be computed: .*threshold"):
        features.compute_features(windows, 'WAMP')
    with pytest.raises(DecoderError, match="AR, which 'HTD' does not contain"):
        features.compute_features(windows, 'HTD', {'AR': {}})
