"""Repetitions of a session: times and completion."""

from __future__ import annotations

import shutil

import pytest
from support.bags import START_NS, label, protocol, write

from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.reading.windows import iter_labeled_windows, iter_windows


def at(seconds):
    """Return a time after the start of the session, ns."""
    return START_NS + round(seconds * 1e9)


def session(tmp_path, labels, length_s=6.0):
    """Write a session with a signal and labels (seconds, index, name, repetition, duration)."""
    items = [('/label', label(i, n, at(s), r, d), at(s)) for s, i, n, r, d in labels]
    signal = [i for i in protocol([(0, 'x', length_s)]) if i[0] == '/emg']
    items = sorted([*items, *signal], key=lambda item: (item[2], item[0] == '/emg'))
    return write(tmp_path / 's', items)


def found_repetitions(path):
    """Return name, number, start (s), duration (s) and completion of each repetition."""
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


def test_planned_repetition_is_complete_if_a_label_follows_its_end(tmp_path):
    path = session(
        tmp_path,
        [
            (0.0, -1, '', -1, 0.0),
            (1.0, 0, 'fist', 0, 1.0),
            (2.001, -1, '', -1, 0.0),
            (3.0, 0, 'fist', 1, 1.0),
            (3.4, -1, '', -1, 0.0),  # cancelled
        ],
    )
    assert found_repetitions(path) == [('fist', 0, 1.0, 1.0, True), ('fist', 1, 3.0, 0.4, False)]


def test_small_delay_of_a_cue_is_tolerated(tmp_path):
    path = session(
        tmp_path, [(1.015, 0, 'a', 0, 1.0), (2.0, 1, 'b', 0, 1.0), (3.0, -1, '', -1, 0)]
    )
    assert [r.complete for r in repetitions(Session(path))] == [True, True]


def test_planned_repetition_without_following_label_is_incomplete(tmp_path):
    """The cues node was killed and the recording continued."""
    path = session(tmp_path, [(1.0, 0, 'fist', 0, 1.0)])
    assert found_repetitions(path) == [('fist', 0, 1.0, 1.0, False)]
    ends = [w.times_s[-1] for w in iter_windows([path], 'emg', 200, 50)]
    assert max(ends) <= at(2.0) * 1e-9 + 1e-3  # later samples have no class


def test_repetition_without_planned_duration_lasts_until_the_next_label(tmp_path):
    path = session(tmp_path, [(1.0, 0, 'rest', -1, 0.0), (2.0, 1, 'fist', -1, 0.0)])
    assert found_repetitions(path) == [('rest', 0, 1.0, 1.0, True), ('fist', 0, 2.0, 4.0, True)]


def test_last_repetition_of_an_interrupted_session_is_incomplete(tmp_path):
    path = session(tmp_path, [(1.0, 0, 'rest', -1, 0.0), (2.0, 1, 'fist', -1, 0.0)])
    cut = tmp_path / 'cut'
    shutil.copytree(path, cut)
    (cut / 'metadata.yaml').unlink()
    assert [r.complete for r in repetitions(Session(cut))] == [True, False]


def test_session_without_labels_has_no_repetitions(tmp_path):
    assert found_repetitions(session(tmp_path, [])) == []


def test_complete_only_excludes_incomplete_repetitions(tmp_path):
    path = session(
        tmp_path,
        [(0.0, 0, 'fist', 0, 2.0), (2.0, 0, 'fist', 1, 2.0), (3.0, -1, '', -1, 0.0)],
    )
    all_numbers = {w.repetition for w in iter_windows([path], 'emg', 200, 50)}
    complete_numbers = {
        w.repetition for w in iter_windows([path], 'emg', 200, 50, complete_only=True)
    }
    assert (all_numbers, complete_numbers) == ({0, 1}, {0})
    windows = list(iter_labeled_windows([path], 'emg', 200, 50, settle_ms=500, complete_only=True))
    assert windows[0][1][0] == pytest.approx(at(0.5) * 1e-9, abs=0.05)
    assert all(times[-1] < at(2.0) * 1e-9 for _, times, _ in windows)
