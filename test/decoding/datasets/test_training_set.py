"""Training sets from recorded sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import sample_time_ns
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.training_set import load_training_set
from myogestic_ros.decoding.decoders.htd_lda import extract, predict, train
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition, typestore
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

EMG = 'myogestic_ros/msg/EmgFrame'
LABEL = 'myogestic_ros/msg/Label'
RATE = 1000.0
START_NS = 1_700_000_000_000_000_000
NAMES = ('rest', 'fist', 'open')
STORE = typestore({name: message_definition(name).text for name in (EMG, LABEL)})

Cues = list[tuple[int, float]]


def signal(index: int, n_samples: int, rng: np.random.Generator, channels: int) -> np.ndarray:
    gains = np.exp(np.random.default_rng(index + 7).normal(size=channels))
    return (rng.normal(scale=2e-5, size=(n_samples, channels)) * gains).astype(np.float32)


def header(sample: int) -> object:
    stamp_ns = sample_time_ns(START_NS, sample, RATE)
    stamp = STORE.types['builtin_interfaces/msg/Time'](stamp_ns // 10**9, stamp_ns % 10**9)
    return STORE.types['std_msgs/msg/Header'](stamp, '')


def record(path: Path, cues: Cues, channels: int = 4, chunk: int = 50) -> str:
    """Record cues (class index, s) as a session; return its path."""
    rng = np.random.default_rng(len(cues))
    topics = [
        Topic('/emg', message_definition(EMG), STREAM),
        Topic('/label', message_definition(LABEL), LATCHED),
    ]
    with SessionWriter(path, SessionInfo(class_names=NAMES), topics) as writer:
        first = 0
        for index, seconds in cues:
            message = STORE.types[LABEL](header(first), index, NAMES[index], -1, 0.0)
            at_ns = sample_time_ns(START_NS, first, RATE)
            writer.write('/label', bytes(STORE.serialize_cdr(message, LABEL)), at_ns)
            data = signal(index, round(seconds * RATE), rng, channels)
            for start in range(0, len(data), chunk):
                part = data[start : start + chunk].ravel()
                frame = STORE.types[EMG](
                    header(first + start), first + start, RATE, channels, part
                )
                at_ns = sample_time_ns(START_NS, first + start + chunk, RATE)
                writer.write('/emg', bytes(STORE.serialize_cdr(frame, EMG)), at_ns)
            first += len(data)
    return str(path)


def data(*paths: str, **options: object) -> TrainingData:
    return TrainingData(paths=list(paths), class_names=list(NAMES), **options)


PROTOCOL: Cues = [(0, 2.0), (1, 2.0), (0, 2.0), (2, 2.0)] * 3


def test_session_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = train(data(record(tmp_path / 's', PROTOCOL)))
    assert model.scores['accuracy'] > 0.95
    assert 'fist: ' in capsys.readouterr().out
    rng = np.random.default_rng(0)
    for index, name in enumerate(NAMES):
        window = np.ascontiguousarray(signal(index, 200, rng, 4).T)
        assert predict(model, extract({'emg': window}))['label'] == name


def test_beginning_of_a_cue_is_left_out(tmp_path: Path) -> None:
    session = record(tmp_path / 's', PROTOCOL)
    everything = load_training_set(data(session), extract, 0.0)
    settled = load_training_set(data(session), extract, 500.0)
    assert settled.short_cues == 0
    # 2 s contain 37 windows of 200 ms, one every 50 ms; without the first 500 ms 27.
    assert np.bincount(everything.classes).tolist() == [6 * 37, 3 * 37, 3 * 37]
    assert np.bincount(settled.classes).tolist() == [6 * 27, 3 * 27, 3 * 27]
    assert settled.count_repetitions() == {0: 6, 1: 3, 2: 3}


def test_short_cues_keep_their_second_half(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = record(tmp_path / 's', [(0, 2.0), (1, 0.5), (0, 2.0), (1, 0.5)])
    windows = load_training_set(data(session), extract, 500.0)
    assert windows.short_cues == 2
    assert np.bincount(windows.classes).tolist() == [2 * 27, 2 * 4]  # 4 of 7
    assert windows.count_repetitions() == {0: 2, 1: 2}
    train(data(session))
    assert '2 cue(s) are too short for that; the second half' in capsys.readouterr().out


def test_repetitions_of_several_sessions_are_numbered_in_order(tmp_path: Path) -> None:
    paths = [record(tmp_path / name, PROTOCOL) for name in ('b', 'a')]
    windows = load_training_set(data(*paths), extract, 500.0)
    assert windows.count_repetitions() == {0: 12, 1: 6, 2: 6}
    for index in range(3):
        numbers = windows.repetitions[windows.classes == index]
        assert (np.diff(numbers) >= 0).all()


def test_only_selected_classes_are_used(tmp_path: Path) -> None:
    session = record(tmp_path / 's', PROTOCOL)
    assert set(train(data(session, classes={1, 2})).class_names) == {1, 2}


def test_session_with_other_channels_is_refused(tmp_path: Path) -> None:
    paths = [record(tmp_path / 'a', PROTOCOL, 4), record(tmp_path / 'b', PROTOCOL, 8)]
    with pytest.raises(TrainingError, match=r'8 channels x 200 samples, .* 4 x 200'):
        train(data(*paths))


def test_several_streams_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"trains on one stream, got \['emg', 'glove'\]"):
        train(data('nowhere', streams=[StreamSpec('emg'), StreamSpec('glove')]))
