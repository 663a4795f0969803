"""Built-in decoders on recorded sessions: classes, faulty channels, targets, recalibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.arm_session import write_arm
from support.recorded import synthetic_emg, write_signal
from support.trained import data_of, kept

from myogestic_ros.core.errors import DecoderError, TrainingError
from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.decoding.decoders import htd_lda
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe, recipe_names
from myogestic_ros.sessions.reading.windows import iter_windows

RATE = 1000.0
CLASSIFIERS = [n for n in recipe_names() if recipe(n).kind == 'classification']
KNN = 'sklearn.neighbors:KNeighborsClassifier(n_neighbors=3)'


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('sessions')


@pytest.fixture(scope='module')
def monday(folder: Path) -> Path:
    return write_signal(folder / 'monday', *synthetic_emg(repetitions=3, seconds=1.5), RATE)


@pytest.fixture(scope='module')
def arm(folder: Path) -> Path:
    return write_arm(folder / 'arm', cue_s=1.5)


def shares(name: str, model: Any, path: Path) -> float:
    """Return the accuracy of a model on the windows of a session."""
    extract = recipe(name).extract
    right = []
    for window in iter_windows([path], 'emg', 200.0, 100.0, settle_ms=500.0):
        said = model.predict(extract({'emg': window.data}))
        probabilities = np.array(list(said['probabilities'].values()))
        assert np.isfinite(probabilities).all()
        assert probabilities.sum() == pytest.approx(1.0)
        assert said['label'] == model.class_names[said['class']]
        right.append(said['class'] == window.class_index)
    return float(np.mean(right))


@pytest.mark.parametrize('name', [*CLASSIFIERS, KNN])
def test_classifier_is_trained_and_predicts(
    name: str, folder: Path, monday: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = kept(name, data_of(monday), tmp_path)
    said = capsys.readouterr().out
    assert 'Cross-validation, one repetition left out at a time' in said
    assert model.scores['accuracy'] > 0.9
    later = write_signal(tmp_path / 'later', *synthetic_emg(seed=9, repetitions=1), RATE)
    assert shares(name, model, later) > 0.9
    assert model.class_names == {0: 'rest', 1: 'fist', 2: 'pinch'}


@pytest.mark.parametrize('classes', [['rest', 'fist', 'pinch'], ['rest', 'fist']])
def test_decoder_file_and_built_in_decoder_predict_the_same(
    monday: Path, classes: list[str]
) -> None:
    written, by_recipe = htd_lda.pipeline, named_decoder('htd_lda')
    one, other = (
        pipeline.callbacks.train(data_of(monday, class_names=classes))
        for pipeline in (written, by_recipe)
    )
    assert one.scores == other.scores
    assert one.class_names == other.class_names
    count = 0
    for window in iter_windows([monday], 'emg', 200.0, 50.0):
        features = written.callbacks.extract({'emg': window.data})
        assert np.array_equal(features, by_recipe.callbacks.extract({'emg': window.data}))
        said, expected = (
            written.callbacks.predict(one, features),
            by_recipe.callbacks.predict(other, features),
        )
        assert (said['label'], said['class']) == (expected['label'], expected['class'])
        assert said['probabilities'] == pytest.approx(expected['probabilities'], abs=1e-9)
        count += 1
    assert count > 100


@pytest.mark.parametrize('name', CLASSIFIERS)
@pytest.mark.parametrize(
    'repetitions',
    [{0: 3, 1: 3}, {3: 2, 17: 4, 900: 2}, {0: 4, 1: 2, 5: 1}, {0: 1, 1: 1}],
    ids=['two', 'indices with holes', 'one of a single repetition', 'single repetitions'],
)
def test_any_set_of_classes_is_trained(
    name: str, repetitions: dict[int, int], folder: Path, tmp_path: Path
) -> None:
    path = folder / ' '.join(map(str, sorted(repetitions.items())))
    if not path.exists():
        write_classes(path, repetitions)
    model = kept(name, data_of(path), tmp_path)
    assert model.class_names == {index: f'class "{index}" ü' for index in repetitions}
    assert shares(name, model, path) > 0.9
    if set(repetitions.values()) == {1}:
        assert model.scores == {}


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_twenty_classes_are_trained(name: str, folder: Path, tmp_path: Path) -> None:
    path = folder / 'twenty'
    if not path.exists():
        write_classes(path, dict.fromkeys(range(20), 2))
    model = kept(name, data_of(path), tmp_path)
    assert len(model.class_names) == 20
    assert shares(name, model, path) > 0.9


def write_classes(
    path: Path, repetitions: dict[int, int], channels: int = 8, length: int = 1000, **spoil: Any
) -> Path:
    """Write a session whose classes differ in the gains of the channels."""
    rng = np.random.default_rng(3)
    order = [
        i for r in range(max(repetitions.values())) for i in repetitions if r < repetitions[i]
    ]
    gains = {i: np.exp(np.random.default_rng(i).normal(size=channels)) for i in repetitions}
    signal = [2e-5 * gains[i] * rng.standard_normal((length, channels)) for i in order]
    data = np.concatenate(signal) * spoil.get('scale', 1.0) + spoil.get('offset', 0.0)
    data[:, spoil.get('flat', [])] = 0.0
    seen = dict.fromkeys(repetitions, -1)
    labels = []
    for number, index in enumerate(order):
        seen[index] += 1
        labels.append((number * length, index, f'class "{index}" ü', seen[index]))
    return write_signal(path, data.astype(np.float32), labels, RATE)


@pytest.mark.parametrize('name', CLASSIFIERS)
@pytest.mark.parametrize('flat', [[0, 7], list(range(1, 8))], ids=['two flat', 'all but one'])
def test_flat_channels_are_reported_and_trained(
    name: str, flat: list[int], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / f'flat {len(flat)}'
    if not path.exists():
        write_classes(path, {0: 3, 5: 3}, flat=flat)
    model = kept(name, data_of(path), tmp_path)
    assert 'flat' in capsys.readouterr().out
    assert shares(name, model, path) > 0.9
    extract = recipe(name).extract
    awake = np.random.default_rng(4).normal(size=(8, 200)).astype(np.float32)
    for window in (awake, np.zeros((8, 200), np.float32), np.full((8, 200), 3.0, np.float32)):
        values = list(model.predict(extract({'emg': window}))['probabilities'].values())
        assert np.isfinite(values).all()
        assert sum(values) == pytest.approx(1.0)


@pytest.mark.parametrize('name', CLASSIFIERS)
@pytest.mark.parametrize('channels', [1, 64])
def test_one_channel_and_many_are_trained(
    name: str, channels: int, folder: Path, tmp_path: Path
) -> None:
    path = folder / f'{channels} channels'
    if not path.exists():
        write_classes(path, {0: 2, 1: 2, 2: 2}, channels)
    model = kept(name, data_of(path), tmp_path)
    assert shares(name, model, path) > 0.9
    if (
        name != 'riemann' or channels == 1
    ):  # riemann averages channels, so their number is not checked
        with pytest.raises(DecoderError, match='trained on other channels'):
            model.predict(recipe(name).extract({'emg': np.ones((channels + 1, 200), np.float32)}))


@pytest.mark.parametrize('name', recipe_names())
def test_number_of_features_of_400_channels_is_limited(name: str) -> None:
    window = np.random.default_rng(0).standard_normal((400, 400)).astype(np.float32)
    features = recipe(name).extract({'emg': window})
    assert features.size <= 10 * 400
    assert np.isfinite(features).all()


@pytest.mark.parametrize('name', [DEFAULT, KNN])
def test_callbacks_are_imported_in_another_process(name: str) -> None:
    pipeline = named_decoder(name)
    for callback in (
        pipeline.callbacks.train,
        pipeline.callbacks.adapt,
        pipeline.callbacks.predict,
    ):
        reference = CallbackReference.from_function(callback)
        assert reference is not None
        assert reference.resolve() is callback


@pytest.mark.parametrize('name', [*CLASSIFIERS, KNN])
def test_model_is_recalibrated(
    name: str, folder: Path, monday: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gains = np.array([0.1, 4.0, 0.2, 1.0, 5.0, 0.15, 3.0, 0.3], np.float32)
    today, later = folder / 'today', folder / 'later today'
    for path, seed in ((today, 5), (later, 6)):
        if not path.exists():
            data, labels = synthetic_emg(repetitions=2, seed=seed)
            write_signal(path, data * gains, labels, RATE)
    old = kept(name, data_of(monday), tmp_path)
    capsys.readouterr()
    pipeline = named_decoder(name)
    assert pipeline.callbacks.adapt is not None
    model = pipeline.callbacks.adapt(old, data_of(today))
    assert 'Selected: ' in capsys.readouterr().out
    assert model.parameters['adapted'] in ('new', 'blend')
    assert model.parameters['recipe'] == name
    assert shares(name, model, later) > max(0.9, shares(name, old, later))


def test_other_models_are_not_recalibrated(monday: Path, arm: Path, tmp_path: Path) -> None:
    ridge = named_decoder('ridge')
    assert ridge.callbacks.adapt is not None
    with pytest.raises(
        TrainingError, match="decoder 'ridge' cannot be recalibrated: it predicts degrees"
    ):
        ridge.callbacks.adapt(object(), data_of(arm, targets=['glove']))
    covariance = named_decoder(DEFAULT)
    assert covariance.callbacks.adapt is not None
    with pytest.raises(TrainingError, match='keeps none of its training windows'):
        covariance.callbacks.adapt(object(), data_of(monday))


def test_single_class_is_refused(folder: Path) -> None:
    path = write_classes(folder / 'alone', {4: 3})
    for name in CLASSIFIERS:
        with pytest.raises(TrainingError, match='one class, .* expected at least two'):
            named_decoder(name).callbacks.train(data_of(path))
