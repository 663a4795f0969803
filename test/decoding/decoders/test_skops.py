"""Models in the format skops: the decoders that it can carry, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.arm_session import write_arm
from support.recorded import synthetic_emg, write_signal
from support.trained import data_of

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.models.skops_format import load_skops, save_skops
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.sessions.reading.training_data import complete_training_data

REGRESSORS = ('ridge', 'kernel_ridge', 'gp')


@pytest.fixture(scope='module')
def arm(tmp_path_factory):
    return write_arm(tmp_path_factory.mktemp('skops') / 'arm', cue_s=1.5)


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    data, labels = synthetic_emg(repetitions=3)
    return write_signal(tmp_path_factory.mktemp('skops') / 's', data, labels, 1000.0)


def trained(name, path):
    """Return the callbacks of a decoder, its model, and the training data."""
    decoder = named_decoder(name)
    data = complete_training_data(TrainingData(paths=[str(path)], streams=decoder.streams))
    return decoder.callbacks, decoder.callbacks.train(data), data


@pytest.mark.parametrize('name', ['covariance', 'lda', 'svm', 'riemann', 'htd_lda'])
def test_decoders_that_skops_can_carry_predict_the_same_after_loading(tmp_path, session, name):
    callbacks, model, data = trained(name, session)
    manifest = Manifest(name, data.streams, 50.0, 50.0, data.class_names)
    store = ModelStore(tmp_path, model_format='skops')
    store.save('m', model, manifest)
    assert (tmp_path / 'm.skops').exists()
    loaded, _ = store.load('m', data.streams)
    window = np.random.default_rng(1).standard_normal((8, 200)).astype(np.float32) * 1e-5
    features = callbacks.extract({'emg': window})
    assert callbacks.predict(loaded, features) == callbacks.predict(model, features)
    assert ModelStore(tmp_path).load('m', data.streams)[0].class_names == model.class_names
    assert store.names() == ['m']


@pytest.mark.parametrize('name', REGRESSORS)
def test_regressors_predict_the_same_after_loading(tmp_path, arm, name):
    data = data_of(arm, targets=['glove'])
    callbacks = named_decoder(name).callbacks
    model = callbacks.train(data)
    save_skops(model, tmp_path / 'm.skops')
    loaded = load_skops(tmp_path / 'm.skops')
    window = np.random.default_rng(1).standard_normal((8, 400)).astype(np.float32) * 1e-5
    features = callbacks.extract({'emg': window})
    assert callbacks.predict(loaded, features) == callbacks.predict(model, features)


def test_random_forest_is_refused_when_it_is_saved(tmp_path, session):
    _, model, data = trained('rf', session)
    store = ModelStore(tmp_path, model_format='skops')
    with pytest.raises(ModelError, match=r'skops does not trust types .*_tree\.Tree. Set model_f'):
        store.save('m', model, Manifest('rf', data.streams, 50.0, 50.0, data.class_names))
    assert list(tmp_path.iterdir()) == []


def test_joblib_file_is_refused_with_model_format_skops(tmp_path):
    manifest = Manifest('mine.py', [], 50.0, 50.0, [])
    ModelStore(tmp_path).save('m', 1, manifest)
    with pytest.raises(ModelError, match='is a joblib file, which could run any code'):
        ModelStore(tmp_path, model_format='skops').load('m', [])
    with pytest.raises(ModelError, match='its decoder saves models with a function of its own'):
        ModelStore(tmp_path, model_format='skops').save('n', 1, manifest, lambda model, path: None)


def test_a_file_with_types_of_others_runs_no_code(tmp_path):
    import functools
    import os

    skops = pytest.importorskip('skops.io')
    skops.dump(functools.partial(os.system, f'touch {tmp_path}/touched'), tmp_path / 'm.skops')
    with pytest.raises(ModelError, match='types that are not trusted'):
        load_skops(tmp_path / 'm.skops')
    with pytest.raises(ModelError, match='skops'):
        save_skops(functools.partial(os.system, 'true'), tmp_path / 'n.skops')
    assert not (tmp_path / 'touched').exists()
