"""Which repetitions a session holds, and whether they were completed."""

from __future__ import annotations

import shutil

import pytest
from support.bags import START_NS, label, protocol, write

from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.windows import iter_labeled_windows, iter_windows


def at(seconds):
    return START_NS + round(seconds * 1e9)


def session(tmp_path, labels, length_s=6.0):
    """Write a session with a signal and labels (seconds, index, name, repetition, duration)."""
    items = [('/label', label(i, n, at(s), r, d), at(s)) for s, i, n, r, d in labels]
    signal = [i for i in protocol([(0, 'x', length_s)]) if i[0] == '/emg']
    items = sorted([*items, *signal], key=lambda item: (item[2], item[0] == '/emg'))
    return write(tmp_path / 's', items)


def told(path):
    return [
        (
            r.name,
            r.number,
            round((r.start_ns - START_NS) * 1e-9, 3),
            round(r.duration_s, 3),
            r.complete,
        )
        for r in repetitions(Session(path))
    ]


def test_a_planned_repetition_is_complete_when_a_label_follows_its_end(tmp_path):
    path = session(
        tmp_path,
        [
            (0.0, -1, '', -1, 0.0),
            (1.0, 0, 'fist', 0, 1.0),
            (2.001, -1, '', -1, 0.0),
            (3.0, 0, 'fist', 1, 1.0),
            (3.4, -1, '', -1, 0.0),  # it was cancelled
        ],
    )
    assert told(path) == [('fist', 0, 1.0, 1.0, True), ('fist', 1, 3.0, 0.4, False)]


def test_a_cue_that_is_a_little_late_breaks_no_repetition(tmp_path):
    path = session(
        tmp_path, [(1.015, 0, 'a', 0, 1.0), (2.0, 1, 'b', 0, 1.0), (3.0, -1, '', -1, 0)]
    )
    assert [r.complete for r in repetitions(Session(path))] == [True, True]


def test_without_an_end_mark_it_was_not_completed(tmp_path):
    """Who gives the cues was killed; the recording went on."""
    path = session(tmp_path, [(1.0, 0, 'fist', 0, 1.0)])
    assert told(path) == [('fist', 0, 1.0, 1.0, False)]
    ends = [w.times_s[-1] for w in iter_windows([path], 'emg', 200, 50)]
    assert max(ends) <= at(2.0) * 1e-9 + 1e-3  # what came later belongs to none


def test_what_a_person_labels_lasts_until_the_next_label_or_the_end(tmp_path):
    path = session(tmp_path, [(1.0, 0, 'rest', -1, 0.0), (2.0, 1, 'fist', -1, 0.0)])
    assert told(path) == [('rest', 0, 1.0, 1.0, True), ('fist', 0, 2.0, 4.0, True)]


def test_a_session_that_was_cut_has_no_end(tmp_path):
    path = session(tmp_path, [(1.0, 0, 'rest', -1, 0.0), (2.0, 1, 'fist', -1, 0.0)])
    cut = tmp_path / 'cut'
    shutil.copytree(path, cut)
    (cut / 'metadata.yaml').unlink()
    assert [r.complete for r in repetitions(Session(cut))] == [True, False]


def test_a_session_without_labels_has_none(tmp_path):
    assert told(session(tmp_path, [])) == []


def test_what_was_not_completed_can_be_left_out(tmp_path):
    path = session(
        tmp_path,
        [(0.0, 0, 'fist', 0, 2.0), (2.0, 0, 'fist', 1, 2.0), (3.0, -1, '', -1, 0.0)],
    )
    every = {w.repetition for w in iter_windows([path], 'emg', 200, 50)}
    whole = {w.repetition for w in iter_windows([path], 'emg', 200, 50, complete_only=True)}
    assert (every, whole) == ({0, 1}, {0})
    windows = list(iter_labeled_windows([path], 'emg', 200, 50, settle_ms=500, complete_only=True))
    assert windows[0][1][0] == pytest.approx(at(0.5) * 1e-9, abs=0.05)
    assert all(times[-1] < at(2.0) * 1e-9 for _, times, _ in windows)
