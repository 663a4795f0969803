"""Evaluation of decoders on repetitions of recorded sessions left out of the training."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from support.recorded import NAMES, synthetic_emg, write_signal

from myogestic_ros.core.errors import SessionError, TrainingError
from myogestic_ros.decoding.datasets.evaluation_set import EvaluationSet, load_evaluation_set
from myogestic_ros.decoding.datasets.target_set import TargetSet
from myogestic_ros.decoding.decoders.recipes import recipe
from myogestic_ros.decoding.evaluation.held_out import (
    across_sessions,
    each_repetition,
    learning_curve,
)
from myogestic_ros.decoding.evaluation.regression import evaluate_regressor
from myogestic_ros.decoding.evaluation.report import count_fits, evaluate_classifier
from myogestic_ros.decoding.evaluation.scores import delays, rejections, transition_windows

RATE = 1000.0
RECIPE = recipe('htd_lda')


def load(*paths, **settings) -> EvaluationSet:
    given = {'window_ms': 200.0, 'hop_ms': 50.0, 'settle_ms': 500.0} | settings
    return load_evaluation_set(paths, 'emg', RECIPE.extract, **given)


def fit(features, classes):
    return RECIPE.make_estimator({'emg': 8}).fit(features, classes)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('sessions')


@pytest.fixture(scope='module')
def session(folder):
    return write_signal(folder / 'one', *synthetic_emg(), RATE)


@pytest.fixture(scope='module')
def other(folder):
    return write_signal(folder / 'two', *synthetic_emg(seed=1, repetitions=3), RATE)


def test_steady_windows_are_the_training_windows(session) -> None:
    data = load(session)
    steady = data.steady
    # The first window ends at 200 ms, then one every 50 ms, 24 s in all.
    assert len(data.features) == (24000 - 200) // 50 + 1
    assert (data.since_cue_s[steady] > 0.699).all()
    assert set(data.classes[steady]) == {0, 1, 2}
    assert data.count_repetitions() == {0: 4, 1: 4, 2: 4}
    assert data.class_names == dict(enumerate(NAMES[:3]))
    assert sum(cue.follows_other for cue in data.cue_list) == 11


def test_every_repetition_is_tested_and_never_in_its_own_training(session) -> None:
    data = load(session)
    trained_on: list[set[int]] = []

    class Memory(DummyClassifier):
        def fit(self, X, y):
            trained_on.append({int(v) for v in X[:, 0]})
            return super().fit(X, y)

    numbered = EvaluationSet(**{**vars(data), 'features': data.cues[:, None].astype(float)})
    result = each_repetition(numbered, lambda x, y: Memory().fit(x, y))
    for number, known in enumerate(trained_on):
        tested = set(data.cues[result.tests == number].tolist())
        assert len(tested) == 3
        assert not tested & known
    assert (result.tests[data.steady] >= 0).all()


def test_report_contains_all_scores(session) -> None:
    data = load(session)
    steps: list[None] = []
    report = evaluate_classifier('htd_lda', data, fit, lambda: steps.append(None))
    assert len(steps) == count_fits(data)
    assert report.steady.accuracy > 0.95
    assert report.last.accuracy > 0.95
    assert [point.repetitions for point in report.curve] == [1, 2, 3]
    assert report.curve[-1].accuracy == pytest.approx(report.steady.accuracy, abs=0.02)
    assert all(p.worst <= p.accuracy <= p.best for p in report.curve)
    assert report.sessions.is_empty
    # Transitions are wrong until the signal changes, 0.3 s after the label.
    assert report.transitions.accuracy < 0.7
    assert report.delays.cues == 11
    assert 0.3 < report.delays.percentile(50) < 0.6
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert values['across_sessions'] is None
    assert values['each_repetition']['accuracy'] == report.steady.accuracy
    assert np.sum(values['each_repetition']['confusion']) == values['windows']


def test_rejection_rate_and_accuracy_follow_their_definition(session) -> None:
    result = each_repetition(load(session), fit)
    steady = result.steady
    right = (result.predicted == result.data.classes)[steady]
    sure = result.confidence[steady] >= 0.9
    (pair,) = rejections(result, [0.9])
    assert pair.rejected == pytest.approx(1 - sure.mean())
    assert pair.accuracy == pytest.approx(right[sure].mean())


def test_transitions_are_never_steady_and_follow_another_class(session) -> None:
    result = each_repetition(load(session), fit)
    moving = transition_windows(result)
    assert not (moving & result.steady).any()
    assert (result.data.since_cue_s[moving] < 0.7).all()
    assert not moving[result.data.cues == 0].any()  # the first cue follows no other


def test_delay_ends_with_a_stable_decision(session) -> None:
    data = load(session)
    result = each_repetition(data, fit)
    own = np.flatnonzero(data.cues == 4)
    predicted = result.predicted.copy()
    predicted[own] = 99
    right = own[(data.since_cue_s[own] > 0.3) & (data.since_cue_s[own] < 0.41)]
    later = own[data.since_cue_s[own] > 0.8]
    predicted[right] = predicted[later] = data.cue_list[4].class_index
    changed = type(result)(data, result.tests, predicted, result.confidence)
    assert delays(changed).seconds[3] == pytest.approx(data.since_cue_s[later[0]])
    predicted[own] = 99
    assert math.isnan(delays(changed).seconds[3])
    assert delays(changed).missed == 1
    assert delays(changed).percentile(100) == math.inf


def test_sessions_are_left_out_in_turn(session, other) -> None:
    data = load(session, other)
    result = across_sessions(data, fit)
    assert set(result.tests[data.steady].tolist()) == {0, 1}
    assert len(result.evaluation().fold_accuracies) == 2
    curve = learning_curve(data, fit)
    # The second session has no third repetition.
    assert [point.repetitions for point in curve] == [1, 2, 3]


def test_class_in_one_session_is_not_tested_across_sessions(folder, session) -> None:
    data, labels = synthetic_emg(seed=2, classes=4)
    path = write_signal(folder / 'four', data, labels, RATE)
    report = evaluate_classifier('htd_lda', load(session, path), fit)
    assert "Only session 'four' has 'open'" in ' '.join(report.notes())
    assert 3 not in report.sessions.recalls
    assert report.steady.recalls[3] > 0.9


def test_single_repetitions_cannot_be_tested(folder) -> None:
    data, labels = synthetic_emg(repetitions=1)
    path = write_signal(folder / 'once', data, labels, RATE)
    report = evaluate_classifier('htd_lda', load(path), fit)
    assert report.steady.is_empty
    assert 'Nothing can be tested' in report.notes()[0]
    json.dumps(report.to_json(), allow_nan=False)


def test_unusable_sessions_are_refused(folder, session) -> None:
    data, labels = synthetic_emg()
    with pytest.raises(TrainingError, match='nothing to test in bare'):
        load(write_signal(folder / 'bare', data, [], RATE))
    alone = [(at, 1, 'fist', n) for n, (at, *_) in enumerate(labels)]
    with pytest.raises(TrainingError, match="of one class, 'fist'"):
        load(write_signal(folder / 'alone', data, alone, RATE))
    with pytest.raises(TrainingError, match='4 channels at 1000 Hz, the earlier sessions 8'):
        load(session, write_signal(folder / 'narrow', data[:, :4], labels, RATE))
    renamed = [(at, index, NAMES[2 - index], rep) for at, index, _, rep in labels]
    with pytest.raises(SessionError, match='train only on sessions with the same classes'):
        load(session, write_signal(folder / 'renamed', data, renamed, RATE))
    with pytest.raises(TrainingError, match='0 ms'):
        load(session, hop_ms=0.0)


def test_short_cues_keep_their_second_half(folder) -> None:
    data, labels = synthetic_emg(seconds=0.6)
    found = load(write_signal(folder / 'short', data, labels, RATE))
    assert found.count_repetitions() == {0: 4, 1: 4, 2: 4}
    assert (found.since_cue_s[found.steady] > 0.35).all()


def test_scores_of_a_known_regression() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(400) * 0.05
    targets = np.column_stack([np.sin(times), np.full(400, 2.0)])
    features = np.column_stack([targets[:, 0], rng.standard_normal(400)])
    data = TargetSet(
        features, targets, times, np.zeros(400, int), ['thumb', 'wrist'], ['s'], 0.2, {'emg': 1}
    )
    report = evaluate_regressor('ridge', data, lambda x, y: Ridge(1e-9).fit(x, y))
    assert report.each is not None
    assert report.half is not None
    assert report.each.r2[0] == pytest.approx(1.0)
    assert math.isnan(report.each.r2[1])
    assert report.each.mae == pytest.approx([0, 0], abs=1e-6)
    assert report.sessions is None
    assert report.half.windows == 200
    assert "DoF 'wrist' does not move" in report.notes()[0]


def test_regression_training_windows_do_not_overlap_tested_ones() -> None:
    times = np.arange(100) * 0.05
    seen = []

    class Note(Ridge):
        def fit(self, X, y):
            seen.append(set(X[:, 0]))
            return super().fit(X, y)

    data = TargetSet(
        times[:, None], times[:, None], times, np.zeros(100, int), ['a'], ['s'], 0.2, {'emg': 1}
    )
    evaluate_regressor('ridge', data, lambda x, y: Note().fit(x, y))
    tested = set(times[20:40])
    gap = min(abs(a - b) for a in seen[1] for b in tested)
    assert gap >= 0.2 - 1e-9
