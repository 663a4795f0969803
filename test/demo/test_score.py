"""Scores of predictions against cues, and the report of them."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.demo.report import write_files
from myogestic_ros.demo.score import Cue, ReceivedPrediction, score_predictions

CUES = [Cue(0.0, 'rest'), Cue(2.0, 'fist'), Cue(4.0, '')]


def predictions(label_at):
    """Return 50 predictions per second for 5 s."""
    return [ReceivedPrediction(t, 0.002, label_at(t), 0.0001) for t in np.arange(0.0, 5.0, 0.02)]


def test_only_steady_state_is_scored():
    score = score_predictions(CUES, predictions(lambda t: 'rest' if t < 2.69 else 'fist'))
    assert score.accuracy == 1.0
    assert score.judged == 130  # twice 1.3 s; nothing after the last cue
    assert score.rate_hz == pytest.approx(50.0)
    assert score.latency_ms(50) == pytest.approx(2.0)


def test_uncued_labels_are_counted_in_last_column():
    score = score_predictions(CUES, predictions(lambda t: 'rest' if t < 3.0 else 'wave'))
    assert score.class_names == ['rest', 'fist']
    assert score.confusion[1].tolist() == [15, 0, 50]
    assert score.accuracy == pytest.approx(0.5)


def test_report_is_written_without_predictions(tmp_path):
    for found in ([], predictions(lambda t: 'fist')):
        score = score_predictions(CUES, found)
        picture = write_files(tmp_path, score, CUES, found, {'title': 'a test'})
        assert picture.read_bytes()[:4] == b'\x89PNG'
        assert (tmp_path / 'report.json').exists()
