"""LinearDecoder gives the probabilities of scikit-learn, also for unusual data."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder, make_lda
from myogestic_ros.decoding.features.catalogue import hudgins


def decoder(
    n_classes: int, n_channels: int = 8, n_windows: int = 30, flat: tuple[int, ...] = ()
) -> tuple[LinearDecoder, np.ndarray, np.ndarray]:
    """Train on noise whose amplitude depends on class and channel; indices are not contiguous."""
    rng = np.random.default_rng(n_classes)
    classes = np.repeat(3 + 5 * np.arange(n_classes), n_windows)
    gains = np.exp(rng.normal(size=(n_classes, n_channels)))
    noise = rng.normal(scale=1e-5, size=(len(classes), n_channels, 100))
    windows = (noise * np.repeat(gains, n_windows, axis=0)[..., np.newaxis]).astype(np.float32)
    windows[:, list(flat)] = 0.0
    features = hudgins(windows)
    columns = [*range(n_channels), *range(3 * n_channels, 4 * n_channels)]
    steps = make_lda(columns).fit(features, classes)
    names = {int(index): f'class "{index}" / ü' for index in np.unique(classes)}
    return LinearDecoder(steps, names, {'accuracy': 0.5}), features, classes


@pytest.mark.parametrize('n_classes', [2, 3, 8, 20])
@pytest.mark.parametrize('flat', [(), (0, 5)])
def test_probabilities_are_those_of_scikit_learn(n_classes: int, flat: tuple[int, ...]) -> None:
    model, features, classes = decoder(n_classes, flat=flat)
    expected = model.estimator.predict_proba(features)
    got = np.array([model.probabilities(row) for row in features])
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    found = [model.predict(row)['class'] for row in features]
    assert found == model.estimator.predict(features).tolist()
    assert np.mean(found == classes) > 0.9


def test_prediction_contains_all_values() -> None:
    model, features, _ = decoder(3)
    prediction = model.predict(features[0])
    assert set(prediction) == {'label', 'class', 'probabilities'}
    assert prediction['label'] == model.class_names[prediction['class']]
    assert sum(prediction['probabilities'].values()) == pytest.approx(1.0)
    assert (
        max(prediction['probabilities'], key=prediction['probabilities'].get)
        == (prediction['label'])
    )
    assert type(prediction['class']) is int
    assert all(type(share) is float for share in prediction['probabilities'].values())


def test_pickled_model_predicts_the_same() -> None:
    model, features, _ = decoder(4)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(features[7]) == model.predict(features[7])
    assert again.scores == {'accuracy': 0.5}


def test_dead_or_restored_channel_gives_finite_probabilities() -> None:
    model, features, _ = decoder(4, flat=(2,))
    dead, awake = features[0].copy(), features[0].copy()
    dead[:] = 0.0
    awake[2::8] = features[0].max()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for row in (dead, awake):
            assert np.isfinite(model.probabilities(row)).all()


def test_other_number_of_features_is_refused() -> None:
    model, features, _ = decoder(2)
    with pytest.raises(DecoderError, match='trained on other channels'):
        model.predict(features[0, :-1])
