"""Built-in decoders, from a session on disk to predictions of a saved model."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support.bags import START_NS, frame, label, write

from myogestic_ros.core.errors import DecoderError, TrainingError
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.named_decoder import is_named_decoder, named_decoder
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe, recipe_names
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.training_data import complete_training_data
from myogestic_ros.sessions.reading.windows import iter_windows

RATE = 1000.0
CLASSIFIERS = [name for name in recipe_names() if recipe(name).kind == 'classification']
REGRESSORS = [name for name in recipe_names() if recipe(name).kind == 'regression']


def contraction(index, n_samples, channels, rng):
    """Return noise, in volt, whose amplitudes depend on class and channel."""
    gains = np.exp(np.random.default_rng(index + 50).normal(size=channels))
    return rng.normal(scale=2e-5, size=(n_samples, channels)) * gains


def session(path, cues, *, channels=6, scale=1.0, offset=0.0, flat=(), cue_s=1.5):
    """Record cues (index, name) of equal length."""
    rng = np.random.default_rng(1)
    items, first, length = [], 0, round(cue_s * RATE)
    for index, name in cues:
        stamp_ns = START_NS + first * 10**6
        items.append(('/label', label(index, name, stamp_ns), stamp_ns))
        data = contraction(index, length, channels, rng) * scale + offset
        data[:, list(flat)] = 0.0
        for start in range(0, length, 50):
            message, at_ns = frame(first + start, data[start : start + 50], RATE)
            items.append(('/emg', message, at_ns))
        first += length
    return write(path, items)


def train(name, path, backend='threading'):
    streams = [StreamSpec('emg', 200.0)]
    data = complete_training_data(TrainingData([str(path)], streams=streams, backend=backend))
    return named_decoder(name).callbacks.train(data), data


def accuracy(name, model, path):
    """Return the accuracy of a model on the settled windows of a session."""
    extract, predict = named_decoder(name).callbacks.extract, named_decoder(name).callbacks.predict
    found = [
        predict(model, extract({'emg': window.data}))['label'] == window.class_name
        for window in iter_windows([path], 'emg', 200.0, 100.0, settle_ms=500.0)
    ]
    return np.mean(found)


THREE = [(0, 'rest'), (1, 'fist'), (2, 'open hand')] * 3


@pytest.mark.parametrize('name', [*CLASSIFIERS, 'sklearn.neighbors:KNeighborsClassifier'])
def test_saved_model_predicts_the_same_after_loading(tmp_path, name):
    path = session(tmp_path / 's', THREE)
    model, data = train(name, path)
    assert model.scores['accuracy'] > 0.9
    store = ModelStore(tmp_path / 'models')
    store.save('m', model, Manifest(name, data.streams, 50.0, 50.0, data.class_names))
    loaded, _ = store.load('m', data.streams)
    assert accuracy(name, loaded, path) > 0.95
    features = named_decoder(name).callbacks.extract({'emg': np.full((6, 200), 1e-5, np.float32)})
    result = named_decoder(name).callbacks.predict(loaded, features)
    assert result == named_decoder(name).callbacks.predict(model, features)
    assert set(result['probabilities']) == {'rest', 'fist', 'open hand'}
    assert np.isfinite(list(result['probabilities'].values())).all()
    assert sum(result['probabilities'].values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    'cues',
    [
        [(0, 'rest'), (1, 'fist')] * 3,
        [(n, f'class {n}') for n in range(20)] * 2,
        [(3, 'drei'), (17, 'siebzehn'), (900, 'ünder / 900')] * 3,
        [(0, 'rest'), (1, 'fist')] * 3 + [(2, 'once')],
    ],
    ids=['two', 'twenty', 'indices with holes', 'one repetition only'],
)
def test_any_set_of_classes_is_trained(tmp_path, cues):
    path = session(tmp_path / 's', cues)
    model, _ = train(DEFAULT, path)
    assert set(model.class_names.values()) == {name for _, name in cues}
    assert accuracy(DEFAULT, model, path) > 0.9


@pytest.mark.parametrize('scale', [1e-6, 1e6])
def test_accuracy_does_not_depend_on_the_unit(tmp_path, scale):
    one, _ = train(DEFAULT, session(tmp_path / 'one', THREE))
    path = session(tmp_path / 'other', THREE, scale=scale)
    other, _ = train(DEFAULT, path)
    assert other.scores['accuracy'] == pytest.approx(one.scores['accuracy'], abs=0.02)
    assert accuracy(DEFAULT, other, path) > 0.95


@pytest.mark.parametrize('fault', [{'offset': 5e-3}, {'flat': (0, 4)}, {'channels': 1}])
def test_faulty_signals_are_decoded(tmp_path, fault):
    cues = THREE if 'channels' not in fault else [(0, 'rest'), (3, 'fist')] * 3
    path = session(tmp_path / 's', cues, **fault)
    model, _ = train(DEFAULT, path)
    assert accuracy(DEFAULT, model, path) > 0.8


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('name', CLASSIFIERS)
def test_warm_up_does_not_change_the_model(tmp_path, name):
    model, _ = train(name, session(tmp_path / 's', THREE[:6]))
    again = pickle.loads(pickle.dumps(model))
    again.warm_up()
    assert pickle.dumps(vars(again)) == pickle.dumps(vars(pickle.loads(pickle.dumps(model))))


@pytest.mark.parametrize('channels', [64, 160])
def test_many_channels_are_decoded(tmp_path, channels):
    path = session(tmp_path / 's', THREE[:6], channels=channels)
    model, _ = train(DEFAULT, path)
    assert accuracy(DEFAULT, model, path) > 0.95
    features = named_decoder(DEFAULT).callbacks.extract(
        {'emg': np.ones((channels, 200), np.float32)}
    )
    assert features.size < 20_000  # not one feature per pair of channels


@pytest.mark.parametrize('name', REGRESSORS)
def test_degrees_of_freedom_are_bounded(name):
    rng = np.random.default_rng(0)
    level = np.abs(np.sin(np.arange(300) / 20)) * 80.0  # for example %MVC
    windows = rng.normal(size=(300, 4, 200)) * (5.0 + level)[:, None, None] * 1e-6
    targets = np.stack([level, np.zeros(300)], axis=1)  # the second DoF does not move
    found = recipe(name)
    x = found.extract({'emg': windows.astype(np.float32)})
    steps = found.make_estimator({'emg': 4}).fit(x[::2], targets[::2])
    values = steps.predict(found.extract({'emg': (windows * 50).astype(np.float32)}))
    assert values.shape == (300, 2)
    assert np.abs(values).max() <= 1.0
    fitted = steps.predict(x[1::2]) * steps.scale_
    assert np.corrcoef(fitted[:, 0], level[1::2])[0, 1] > 0.9


def test_model_of_the_default_decoder_is_recalibrated(tmp_path, capsys):
    old, _ = train(DEFAULT, session(tmp_path / 'old', THREE))
    today = session(tmp_path / 'today', THREE, scale=3.0)
    data = complete_training_data(TrainingData([str(today)], streams=[StreamSpec('emg', 200.0)]))
    adapted = named_decoder(DEFAULT).callbacks.adapt(old, data)
    assert adapted.parameters['adapted'] in ('new', 'blend')
    assert accuracy(DEFAULT, adapted, today) > 0.95
    assert Session(today).name


@pytest.mark.parametrize('backend', ['loky', 'dask'])
def test_backend_does_not_change_the_model(tmp_path, backend):
    if backend == 'dask':
        pytest.importorskip('distributed')
    path = session(tmp_path / 's', THREE)
    expected, _ = train('lda', path)
    model, _ = train('lda', path, backend)
    np.testing.assert_allclose(model.estimator[-1].coef_, expected.estimator[-1].coef_, rtol=1e-6)
    assert model.scores == expected.scores


def test_dask_scheduler_is_used_by_address(tmp_path):
    distributed = pytest.importorskip('distributed')
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol='tcp'
    ) as cluster:
        model, _ = train(
            'lda', session(tmp_path / 's', THREE), f'dask:{cluster.scheduler_address}'
        )
    assert model.scores['accuracy'] > 0.9


@pytest.mark.parametrize('backend', ['slurm', 'loky:somewhere', 'dask:tcp://127.0.0.1:9'])
def test_unavailable_backend_is_refused(tmp_path, backend):
    if backend.startswith('dask'):
        pytest.importorskip('distributed')
    path = session(tmp_path / 's', THREE[:6])
    with pytest.raises(TrainingError, match='no training backend|does not answer within 10 s'):
        train('lda', path, backend)


def test_regressor_is_not_recalibrated():
    with pytest.raises(TrainingError, match="of decoder 'ridge' cannot be recalibrated"):
        named_decoder('ridge').callbacks.adapt(None, TrainingData(['s']))


def test_names_of_decoders_are_recognised():
    assert is_named_decoder('sklearn.svm:SVC(C=10.0)')
    assert not is_named_decoder('my_decoder.py')
    with pytest.raises(DecoderError, match='There is no built-in decoder .*covariance, .*sklearn'):
        recipe('perceptron')
