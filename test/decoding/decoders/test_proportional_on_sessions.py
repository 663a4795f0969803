"""Proportional decoders on recorded sessions, and their targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from support.arm_session import write_arm
from support.trained import data_of, kept

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.target_set import load_targets
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.decoding.decoders.recipes import recipe, recipe_names
from myogestic_ros.decoding.estimators.bounded_gaussian_process import BoundedGaussianProcess

REGRESSORS = [n for n in recipe_names() if recipe(n).kind == 'regression']


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('sessions')


@pytest.fixture(scope='module')
def arm(folder: Path) -> Path:
    return write_arm(folder / 'arm', cue_s=1.5)


@pytest.mark.parametrize('name', [*REGRESSORS, 'sklearn.linear_model:Ridge(alpha=0.5)'])
def test_regressor_is_trained_and_predicts(name: str, arm: Path, tmp_path: Path) -> None:
    model = kept(name, data_of(arm, targets=['glove']), tmp_path)
    assert model.dof_names == ['fingers', 'wrist']
    assert model.scores['r2'] > 0.3
    assert set(model.parameters['scales']) == {'fingers', 'wrist'}
    rng = np.random.default_rng(0)
    for size in (0.0, 1e-5, 1.0):
        window = (size * rng.standard_normal((8, 400))).astype(np.float32)
        dofs = model.predict(recipe(name).extract({'emg': window}))['dofs']
        assert list(dofs) == ['fingers', 'wrist']
        assert all(-1.0 <= value <= 1.0 for value in dofs.values())


@pytest.mark.filterwarnings('error')
def test_kernel_at_its_bounds_is_reported_once(
    arm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = named_decoder('gp').callbacks.train
    assert train is not None
    model = train(data_of(arm, targets=['glove']))
    said = capsys.readouterr().out
    kernel = model.estimator.regressor_[-1].kernel_
    assert kernel.k2.noise_level == pytest.approx(1e-3)  # this glove has no noise
    assert said.count('The kernel of the Gaussian process is at its bounds') == 1
    assert 'noise_level 0.001' in said
    free = BoundedGaussianProcess(RBF(1.0) + WhiteKernel(1.0), random_state=0)
    rng = np.random.default_rng(0)
    x = np.linspace(0, 10, 60)[:, np.newaxis]
    assert free.fit(x, np.sin(x[:, 0]) + 0.1 * rng.standard_normal(60)).bounds_note() == ''


def test_empty_topic_is_not_a_target(folder: Path, tmp_path: Path) -> None:
    path = write_arm(folder / 'nobody spoke', cue_s=0.8, rounds=2, empty=('/target',))
    assert kept('ridge', data_of(path), tmp_path).dof_names[-2:] == ['fingers', 'wrist']


def test_sessions_with_other_targets_are_refused(arm: Path, folder: Path) -> None:
    other = write_arm(folder / 'other glove', cue_s=0.8, rounds=1, dofs=('fingers', 'thumb'))
    train = named_decoder('ridge').callbacks.train
    assert train is not None
    with pytest.raises(TrainingError) as caught:
        train(data_of(arm, other, targets=['glove']))
    said = str(caught.value)
    assert "'other glove' has the degrees of freedom fingers, thumb" in said
    assert "'arm' has fingers, wrist; expected the same" in said
    assert 'Select matching sessions' in said


def test_targets_belong_to_the_filtered_stream(arm: Path) -> None:
    found = [
        load_targets(
            TrainingData(
                paths=[str(arm)],
                streams=[StreamSpec('emg', filters=filters)],
                targets=['glove'],
            ),
            lambda windows: windows['emg'].std(axis=-1),
        )
        for filters in (None, FilterSpec(bandpass=(300.0, 450.0)))
    ]
    plain, filtered = found
    assert filtered.features.mean() < 0.8 * plain.features.mean()
    assert filtered.n_channels == {'emg': 8}
    assert filtered.dof_names == ['fingers', 'wrist']
