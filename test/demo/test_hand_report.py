"""Scores of the hand, and rendering of the hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.paths import ROOT

from myogestic_ros.control.kinematics import read_kinematics
from myogestic_ros.control.mapping_file import read_mapping
from myogestic_ros.demo.hand_report import hand_numbers, write_film
from myogestic_ros.demo.hand_score import HandState, class_postures, holds_posture, score_hand
from myogestic_ros.demo.report import write_files
from myogestic_ros.demo.score import Cue, ReceivedPrediction, score_predictions
from myogestic_ros.reporting.hand_plot import render_hand

POSTURES = {
    'rest': {'a': 0.0, 'b': 0.0},
    'fist': {'a': 1.5, 'b': 1.5},
    'point': {'a': 0.0, 'b': 1.5},
    'still': {'a': 0.0, 'b': 0.0},
}
CUES = [Cue(0.0, 'rest'), Cue(2.0, 'fist'), Cue(4.0, 'point'), Cue(6.0, '')]


def states(posture_at, end_s=6.0):
    """Return 100 hand states per second."""
    times = np.arange(0.0, end_s, 0.01)
    return [HandState(float(t), {'c': 9.0, **POSTURES[posture_at(t)]}) for t in times]


def predictions(delay_s=0.4):
    """Return 50 correct predictions per second, each delayed."""
    label = {cue.stamp_s: cue.name for cue in CUES}
    return [
        ReceivedPrediction(
            float(t), 0.0, label[max(s for s in label if s <= max(0.0, t - delay_s))], 0.0
        )
        for t in np.arange(0.0, 6.0, 0.02)
    ]


def test_posture_is_reached_when_hold_starts():
    def hand(t):
        return 'rest' if t < 2.6 else 'fist' if t < 5.3 else 'point'

    score = score_hand(CUES, predictions(), states(hand), POSTURES)
    assert [reach.cue.name for reach in score.cue_results] == [
        'fist',
        'point',
    ]  # rest is no change
    assert [reach.reached_s for reach in score.cue_results] == pytest.approx([0.6, 1.3], abs=0.011)
    assert [reach.moved_s for reach in score.cue_results] == pytest.approx([0.2, 0.9], abs=0.04)
    assert [reach.in_time for reach in score.cue_results] == [True, False]
    assert score.share == 0.5
    assert score.reached == 2
    assert score.cue_results[0].after == {'c': 9.0, **POSTURES['fist']}
    assert score.cue_results[1].after == {'c': 9.0, **POSTURES['fist']}  # not there after 1 s


def test_posture_held_too_briefly_is_not_reached():
    def hand(t):
        return 'fist' if 2.2 < t < 2.45 or t > 3.0 else 'rest'

    score = score_hand(CUES[:2], predictions(), states(hand, 4.0), POSTURES)
    assert score.cue_results[0].reached_s == pytest.approx(1.01, abs=0.011)
    never = score_hand(CUES, predictions(), states(lambda t: 'rest'), POSTURES)
    assert never.share == 0.0
    assert never.reached == 0
    assert hand_numbers(never)['cue_to_posture_median_s'] is None
    json.dumps(hand_numbers(never), allow_nan=False)


def test_posture_outside_tolerance_or_nearer_to_another_is_not_reached():
    near = [HandState(t, {'a': 1.3, 'b': 1.35}) for t in np.arange(2.0, 4.0, 0.01)]
    assert score_hand(CUES[:2], [], near, POSTURES).share == 1.0
    less = [HandState(t, {'a': 1.29, 'b': 1.5}) for t in np.arange(2.0, 4.0, 0.01)]
    assert score_hand(CUES[:2], [], less, POSTURES).reached == 0
    close = {**POSTURES, 'almost': {'a': 1.4, 'b': 1.4}}
    assert score_hand(CUES[:2], [], near, close).reached == 0


def test_cues_without_change_of_posture_or_too_short_are_not_scored():
    cues = [Cue(0.0, 'still'), Cue(1.0, 'fist'), Cue(2.2, 'wave'), Cue(4.0, 'point')]
    score = score_hand(cues, [], states(lambda t: 'rest', 5.0), POSTURES)
    # The first is rest under another name, the second is too short, the third has no posture,
    # and the states end before the fourth can be scored.
    assert score.cue_results == []
    assert np.isnan(score.share)
    assert score_hand(CUES, [], [], POSTURES).cue_results == []
    assert score_hand([], [], [], {}).cue_results == []


def test_class_postures_contain_all_joints():
    mapping = read_mapping(ROOT / 'config' / 'mappings' / 'hand.yaml')
    found = class_postures(mapping, ['close', 'fist', 'no_such_class'])
    assert found['close'] == found['fist']
    assert 'no_such_class' not in found
    assert {len(posture) for posture in found.values()} == {8}


@pytest.fixture(scope='module')
def hand():
    """Return the kinematics of the simulated hand."""
    return read_kinematics(ROOT / 'urdf' / 'hand.urdf')


def test_rendered_image_shows_posture(hand):
    opened = render_hand(hand, {}, 80)
    assert opened.shape == (80, opened.shape[1], 4)
    assert opened.min() >= 0
    assert opened.max() <= 1
    assert opened[0, 0, 3] == 0  # transparent corner
    fist = render_hand(
        hand, {f'{f}_flexion': 1.5 for f in ('index', 'middle', 'ring', 'little')}, 80
    )
    rows = [np.flatnonzero(image[..., 3].any(axis=1)) for image in (opened, fist)]
    assert rows[0][0] < rows[1][0] - 10  # the open hand is higher
    assert rows[0][-1] == rows[1][-1] == 79  # the forearm extends to the lower edge
    bent = render_hand(hand, {'wrist_flexion': 1.0}, 80)
    left = [np.flatnonzero(image[..., 3].any(axis=0))[0] for image in (opened, bent)]
    assert left[1] < left[0] - 5
    for image in (opened, bent, render_hand(hand, {'wrist_flexion': -1.0}, 80)):
        assert not image[0, :, 3].any()  # nothing is cropped
        assert not image[:, [0, -1], 3].any()


def test_report_and_animation_of_the_hand(tmp_path, hand):
    mapping = read_mapping(ROOT / 'config' / 'mappings' / 'hand.yaml')
    postures = class_postures(mapping, ['rest', 'fist', 'point'])

    def at(t):
        return postures['rest' if t < 2.6 else 'fist' if t < 4.6 else 'point']

    received = [HandState(float(t), at(t)) for t in np.arange(0.0, 6.0, 0.05)]
    score = score_hand(CUES, predictions(), received, postures)
    assert score.share == 1.0
    info = {'title': 'a test'}
    file = write_files(
        tmp_path, score_predictions(CUES, predictions()), CUES, predictions(), info, score, hand
    )
    assert file.read_bytes()[:4] == b'\x89PNG'
    assert json.loads((tmp_path / 'report.json').read_text())['hand']['share_within_1_s'] == 1.0
    write_film(tmp_path / 'hand.gif', hand, score, CUES, predictions(), received)
    assert (tmp_path / 'hand.gif').read_bytes()[:3] == b'GIF'


def test_holding_requires_nearest_posture_within_tolerance():
    assert holds_posture({'a': 1.4, 'b': 1.35, 'c': 9.0}, 'fist', POSTURES)
    assert not holds_posture({'a': 1.29, 'b': 1.5}, 'fist', POSTURES)
    assert not holds_posture(
        {'a': 1.35, 'b': 1.35}, 'fist', {**POSTURES, 'near': {'a': 1.3, 'b': 1.3}}
    )
    assert not holds_posture({'a': 1.5}, 'fist', POSTURES)
    assert not holds_posture({'a': 1.5, 'b': 1.5}, 'wave', POSTURES)
