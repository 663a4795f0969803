"""Decoder file htd_lda, from training windows to predictions."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Label
from myogestic_ros.core.streams.batch_cutter import WindowBatch
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets import training_set
from myogestic_ros.decoding.decoders import classifier_training
from myogestic_ros.decoding.decoders.htd_lda import amplitude_columns, extract, predict, train
from myogestic_ros.sessions.reading.window_batches import LabeledBatch

N_SAMPLES = 100


def contraction(
    index: int, rng: np.random.Generator, n_channels: int = 8, n_samples: int = N_SAMPLES
) -> np.ndarray:
    """Return noise, in volt, whose amplitudes depend on class and channel."""
    gains = np.exp(np.random.default_rng(index + 100).normal(size=(n_channels, 1)))
    return (rng.normal(scale=2e-5, size=(n_channels, n_samples)) * gains).astype(np.float32)


class Sessions:
    """Replacement for recorded sessions: windows of each class and repetition, in order."""

    def __init__(self, repetitions: dict[int, int], n_channels: int = 8) -> None:
        self.repetitions = repetitions
        self.n_channels = n_channels
        self.flat: list[int] = []
        self.constant = False
        self.batch = 20
        self.asked: dict[str, Any] = {}

    def iter_window_batches(
        self, paths: list[str], stream: StreamSpec, hop_ms: float, **options: Any
    ) -> Iterator[LabeledBatch]:
        self.asked = {'stream': stream, 'hop_ms': hop_ms, **options}
        rng = np.random.default_rng(0)
        for session in paths:
            for index, repetitions in self.repetitions.items():
                for repetition in range(repetitions):
                    data = np.stack([contraction(index, rng, self.n_channels) for _ in range(20)])
                    data[:, self.flat] = 0.0
                    if self.constant:
                        data[:] = index
                    label = Label(0, index, f'recorded {index}', repetition)
                    for start in range(0, 20, self.batch):
                        part = data[start : start + self.batch]
                        numbers = np.zeros(len(part), np.int64)
                        windows = WindowBatch(part, numbers, numbers, 1000.0)
                        yield LabeledBatch(windows, label, session)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    fake = Sessions({0: 3, 1: 3, 2: 3})
    monkeypatch.setattr(training_set, 'iter_window_batches', fake.iter_window_batches)
    monkeypatch.setattr(classifier_training, 'session_summaries', lambda data: [])
    monkeypatch.setattr(training_set, 'Session', lambda path: SimpleNamespace(labels=list))
    return fake


def data(*names: str, **options: Any) -> TrainingData:
    return TrainingData(paths=['one'], class_names=list(names), **options)


def test_module_is_a_decoder_file() -> None:
    module = import_decoder('myogestic_ros.decoding.decoders.htd_lda')
    assert isinstance(module.pipeline, Pipeline)
    assert module.pipeline.callbacks.extract is extract
    assert module.pipeline.callbacks.train is train
    assert module.pipeline.callbacks.predict is predict


def test_saved_model_predicts_after_loading(
    sessions: Sessions, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_pickle(
        save_pickle(train(data('rest', 'fist', 'a "b"/ü')), tmp_path / 'm' / 'model.joblib')
    )
    rng = np.random.default_rng(1)
    for index, name in enumerate(('rest', 'fist', 'a "b"/ü')):
        prediction = predict(model, extract({'emg': contraction(index, rng)}))
        assert prediction['label'] == name
        assert prediction['class'] == index
        assert prediction['probabilities'][name] > 0.9
        assert list(prediction['probabilities']) == ['rest', 'fist', 'a "b"/ü']
    assert model.scores['accuracy'] > 0.95
    assert all(type(score) is float for score in model.scores.values())
    log = capsys.readouterr().out
    assert '180 windows of 200 ms with a hop of 50 ms from 1 session(s)' in log
    assert 'fist: 60 windows, 3 repetition(s)' in log
    assert 'Cross-validation, one repetition left out at a time' in log


def test_training_reads_the_selected_windows(sessions: Sessions) -> None:
    train(data('a', 'b', streams=[StreamSpec('forearm', 150.0)], hop_ms=25.0, classes={0, 1}))
    assert sessions.asked == {
        'stream': StreamSpec('forearm', 150.0),
        'hop_ms': 25.0,
        'classes': {0, 1},
        'settle_ms': 500.0,
    }


@pytest.mark.parametrize(
    'repetitions',
    [{0: 3, 1: 3}, dict.fromkeys(range(20), 2), {3: 2, 17: 4, 900: 2}, {0: 6, 1: 2, 5: 1}],
    ids=['two', 'twenty', 'indices with holes', 'uneven'],
)
def test_any_set_of_classes_is_trained(sessions: Sessions, repetitions: dict[int, int]) -> None:
    sessions.repetitions = repetitions
    model = train(data())
    rng = np.random.default_rng(2)
    for index in repetitions:
        prediction = predict(model, extract({'emg': contraction(index, rng)}))
        assert prediction['class'] == index
        assert prediction['label'] == f'recorded {index}'
    assert model.scores['accuracy'] > 0.9


def test_equal_class_names_are_made_unique(sessions: Sessions) -> None:
    assert train(data('grip', 'grip')).class_names == {0: 'grip', 1: 'grip (1)', 2: 'recorded 2'}


def test_one_repetition_gives_no_score(
    sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions.repetitions = {0: 1, 1: 1}
    model = train(data('rest', 'fist'))
    assert model.scores == {}
    assert 'The accuracy cannot be tested' in capsys.readouterr().out
    features = extract({'emg': contraction(1, np.random.default_rng(3))})
    assert predict(model, features)['label'] == 'fist'


def test_class_with_one_repetition_is_reported_as_not_tested(
    sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions.repetitions = {0: 3, 1: 3, 2: 1}
    train(data('rest', 'fist', 'point'))
    assert 'point: not tested, only one repetition' in capsys.readouterr().out


def test_flat_channels_are_trained(sessions: Sessions) -> None:
    sessions.flat = [0, 7]
    model = train(data())
    window = contraction(1, np.random.default_rng(4))
    window[[0, 7]] = 0.0
    assert predict(model, extract({'emg': window}))['class'] == 1
    window[7] = 1.0  # the channel works again
    assert np.isfinite(model.probabilities(extract({'emg': window}))).all()


def test_constant_features_give_finite_probabilities(sessions: Sessions) -> None:
    sessions.constant = True
    model = train(data())
    window = np.ones((8, N_SAMPLES), np.float32)
    assert np.isfinite(model.probabilities(extract({'emg': window}))).all()


def test_streams_are_concatenated_in_order_of_their_names() -> None:
    rng = np.random.default_rng(5)
    windows = {'b': contraction(0, rng, 3, 40), 'a': contraction(1, rng, 2, 80)}
    features = extract(windows)
    assert features.shape == (20,)
    assert (features[:8] == extract({'a': windows['a']})).all()
    assert (features[8:] == extract({'b': windows['b']})).all()
    assert amplitude_columns({'b': 3, 'a': 2}) == [0, 1, 6, 7, 8, 9, 10, 17, 18, 19]


def test_single_class_is_refused(sessions: Sessions) -> None:
    sessions.repetitions = {4: 3}
    with pytest.raises(TrainingError, match="one class, 'recorded 4'; expected at least two"):
        train(data())


def test_training_without_windows_is_refused(sessions: Sessions) -> None:
    sessions.repetitions = {}
    with pytest.raises(TrainingError, match=r'No training windows in one: expected .* \[1, 2\]'):
        train(data(classes={1, 2}))


def test_sessions_with_other_channels_are_refused(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(*arguments: Any, **options: Any) -> Iterator[SimpleNamespace]:
        yield from sessions.iter_window_batches(*arguments, **options)
        sessions.n_channels = 16
        yield from sessions.iter_window_batches(*arguments, **options)

    monkeypatch.setattr(training_set, 'iter_window_batches', both)
    with pytest.raises(
        TrainingError, match=r'16 channels .* 8 x 100; train on sessions with the same channels'
    ):
        train(data())


def test_batch_size_does_not_change_the_model(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(data())
    sessions.batch = 7
    window = extract({'emg': contraction(2, np.random.default_rng(6))})
    assert train(data()).predict(window) == whole.predict(window)
