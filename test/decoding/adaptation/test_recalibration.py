"""Recalibration of a model with a small amount of new data."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support.recorded import synthetic_emg, write_signal

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.memory import MAX_BYTES, Memory
from myogestic_ros.decoding.adaptation.recalibration import (
    blend_windows,
    match_classes,
    recalibrate,
)
from myogestic_ros.decoding.datasets.training_set import TrainingSet, load_training_set
from myogestic_ros.decoding.decoders import htd_lda
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder
from myogestic_ros.sessions.reading.training_data import complete_training_data

RATE = 1000.0


def data_of(*paths: Path, **more) -> TrainingData:
    return complete_training_data(TrainingData(paths=[str(path) for path in paths], **more))


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp('adaptation')


@pytest.fixture(scope='module')
def old(folder: Path) -> LinearDecoder:
    return htd_lda.train(data_of(write_signal(folder / 'old', *synthetic_emg(classes=4), RATE)))


def new_session(folder: Path, name: str, gains=1.0, rotation: int = 0, **settings) -> Path:
    data, labels = synthetic_emg(**({'classes': 4, 'seed': 5} | settings))
    data = np.roll(data * np.asarray(gains, np.float32), rotation, axis=1)
    return write_signal(folder / name, data, labels, RATE)


def right(model: LinearDecoder, path: Path) -> float:
    windows = load_training_set(data_of(path), htd_lda.extract, 500.0)
    found = [model.predict(features)['label'] for features in windows.features]
    return float(
        np.mean([f == windows.class_names[c] for f, c in zip(found, windows.classes, strict=True)])
    )


GAINS = [0.1, 4.0, 0.2, 1.0, 5.0, 0.15, 3.0, 0.3]


def test_model_is_recalibrated_to_moved_electrodes(folder, old, capsys) -> None:
    model = htd_lda.adapt(old, data_of(new_session(folder, 'today', GAINS, repetitions=2)))
    said = capsys.readouterr().out
    assert 'Accuracy of the old model on the new windows: ' in said
    assert 'Accuracy on new repetitions left out of the training: new data only' in said
    assert 'Selected: ' in said
    later = new_session(folder, 'later', GAINS, seed=6)
    assert right(model, later) > right(old, later) + 0.1
    assert right(model, later) > 0.95
    assert model.scores['accuracy'] > 0.9
    assert model.parameters['adapted'] in ('new', 'blend')
    again = htd_lda.adapt(model, data_of(new_session(folder, 'next', repetitions=2, seed=8)))
    assert again.class_names == old.class_names


def test_one_repetition_is_blended_and_reported_as_not_tested(folder, old, capsys) -> None:
    model = htd_lda.adapt(old, data_of(new_session(folder, 'once', GAINS, repetitions=1)))
    assert 'cannot be compared with one new repetition' in capsys.readouterr().out
    assert model.parameters['adapted'] == 'blend'
    assert model.scores == {}
    later = new_session(folder, 'after', GAINS, seed=7)
    assert right(model, later) > right(old, later)


def test_better_old_model_is_kept(folder, old) -> None:
    data, labels = synthetic_emg(classes=4, seed=5, repetitions=2)
    swapped = {1: (2, 'pinch'), 2: (1, 'fist')}
    labels = [
        (at, *(swapped.get(index, (index, name)) if rep else (index, name)), rep)
        for at, index, name, rep in labels
    ]
    path = write_signal(folder / 'mixed', data, labels, RATE)
    windows = load_training_set(data_of(path), htd_lda.extract, 500.0)

    class Oracle:
        """Old estimator that is always correct on the new data."""

        def predict(self, features):
            table = {
                f.tobytes(): c for f, c in zip(windows.features, windows.classes, strict=True)
            }
            return np.array([table[f.tobytes()] for f in features])

    better = LinearDecoder(old.estimator, old.class_names, {})
    better.memory, better.estimator = old.memory, Oracle()
    with pytest.raises(TrainingError, match='The old model is better .* it is kept'):
        htd_lda.adapt(better, data_of(path))


def test_classes_are_matched_by_name_and_none_is_lost(folder, old) -> None:
    data, labels = synthetic_emg(classes=4, seed=5, repetitions=2)
    other = {'rest': (0, 'rest'), 'fist': (2, 'fist'), 'pinch': (1, 'pinch'), 'open': (3, 'point')}
    renamed = [(at, *other[name], rep) for at, _, name, rep in labels]
    given = data_of(write_signal(folder / 'named', data, renamed, RATE))
    model = htd_lda.adapt(old, given)
    assert model.class_names == {0: 'rest', 1: 'fist', 2: 'pinch', 3: 'open', 4: 'point'}
    assert given.class_names == ['rest', 'fist', 'pinch', 'open', 'point']
    assert model.parameters['adapted'] == 'blend'


def test_rotated_band_is_reported_and_corrected_on_request(folder, old, capsys) -> None:
    path = new_session(folder, 'turned', rotation=2, repetitions=2)
    with suppress(TrainingError):  # the old model may be better
        htd_lda.adapt(old, data_of(path))
    said = capsys.readouterr().out
    assert 'rotated by 2 places' in said
    assert 'stream.emg.rotation to -2.' in said
    assert share_in(said, 'Accuracy of the old model on the new windows with that rotation') > 95.0
    assert share_in(said, 'Accuracy of the old model on the new windows: ') < 60.0
    with suppress(TrainingError):
        htd_lda.adapt(old, data_of(path, rotation={'emg': -2}))
    said = capsys.readouterr().out
    assert 'rotated by' not in said
    assert share_in(said, 'Accuracy of the old model on the new windows: ') > 95.0


def share_in(said: str, start: str) -> float:
    """Return the first percentage after ``start``."""
    return float(re.search(r'([\d.]+)%', said[said.index(start) :])[1])


def test_incompatible_models_are_refused(folder, old) -> None:
    bare = LinearDecoder(old.estimator, old.class_names, {})
    path = new_session(folder, 'plain', repetitions=1)
    with pytest.raises(TrainingError, match='keeps none of its training windows'):
        htd_lda.adapt(bare, data_of(path))
    data, labels = synthetic_emg(classes=4)
    narrow = write_signal(folder / 'narrow', data[:, :4], labels, RATE)
    with pytest.raises((TrainingError, Exception), match='channels'):
        htd_lda.adapt(old, data_of(narrow))


def a_set(features, classes, names, repetitions=None) -> TrainingSet:
    classes = np.asarray(classes, np.int64)
    groups = classes if repetitions is None else np.asarray(repetitions, np.int64)
    return TrainingSet(np.asarray(features, float), classes, groups, names, {'emg': 1}, 0)


def test_blend_of_known_windows() -> None:
    memory = Memory.from_windows(
        np.array([[-1.0], [1.0], [9.0], [11.0], [20.0]]), np.array([0, 0, 1, 1, 2]), {}
    )
    x, y = blend_windows(memory, np.array([[2.0], [6.0]]), np.array([0, 0]), np.array([0, 1]))
    # Class 0 moves from 0 towards 4 by two thirds; the others, without new windows, as much.
    moved = 8 / 3
    assert sorted(x[y == 0].ravel()) == pytest.approx(sorted([-1 + moved, 1 + moved, 2.0, 6.0]))
    assert set(x[y == 1].ravel().round(6)) == {round(9 + moved, 6), round(11 + moved, 6)}
    assert len(x[y == 1]) == len(x[y == 2]) == 4


def test_non_negative_features_stay_non_negative() -> None:
    rng = np.random.default_rng(0)
    before, today = rng.exponential(1.0, (50, 3)), rng.exponential(0.01, (20, 3))
    memory = Memory.from_windows(before, np.repeat([0, 1], 25), {0: 'a', 1: 'b'})
    x, _ = blend_windows(memory, today, np.repeat([0, 1], 10), np.repeat([0, 1], 10))
    assert (x >= 0).all()
    assert np.isfinite(x).all()


def test_class_indices_follow_the_model() -> None:
    y, names = match_classes(
        {0: 'rest', 4: 'fist'}, a_set([[0.0]] * 3, [0, 1, 2], {0: 'fist', 1: 'new', 2: 'rest'})
    )
    assert y.tolist() == [4, 5, 0]
    assert names == {0: 'rest', 4: 'fist', 5: 'new'}


def test_memory_is_limited_and_keeps_every_class() -> None:
    classes = np.array([0] * 5000 + [1] * 10)
    memory = Memory.from_windows(np.zeros((5010, 4000), np.float32), classes, {0: 'a', 1: 'b'})
    assert memory.features.nbytes <= MAX_BYTES * 1.01
    assert set(memory.classes) == {0, 1}


def test_other_number_of_features_is_refused() -> None:
    memory = Memory.from_windows(np.zeros((4, 3)), np.array([0, 0, 1, 1]), {0: 'a', 1: 'b'})
    with pytest.raises(TrainingError, match='The new windows have 2 features'):
        recalibrate(
            memory, a_set(np.zeros((2, 2)), [0, 1], {0: 'a', 1: 'b'}), lambda x, y: None, None
        )
