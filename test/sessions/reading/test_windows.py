"""Windows for training: class, repetition, cue boundaries and lost samples."""

from __future__ import annotations

import numpy as np
import pytest
from support.bags import START_NS, protocol, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.windows import (
    iter_aligned_windows,
    iter_labeled_windows,
    iter_windows,
)

CUES = [(0, 'rest', 1.0), (1, 'fist', 1.0), (0, 'rest', 0.5), (-1, '', 0.5), (1, 'fist', 1.0)]


def span(window):
    """Return the first and last sample index of a window."""
    return int(window.data[0, 0]), int(window.data[0, -1])


def test_windows_lie_within_one_cue(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    windows = list(iter_windows([session], 'emg', 200.0, 50.0))
    edges = {(0, 0): (0, 2000), (1, 0): (2000, 4000), (0, 1): (4000, 5000), (1, 1): (6000, 8000)}
    seen = set()
    for window in windows:
        start, end = edges[window.class_index, window.repetition]
        first, last = span(window)
        assert start <= first < last < end
        assert window.data.shape == (2, 400)
        assert window.data.dtype == np.float32
        assert window.class_name == ('rest', 'fist')[window.class_index]
        assert window.times_s[0] == pytest.approx(START_NS * 1e-9 + first / 2000, abs=1e-6)
        assert window.times_s.shape == (400,)
        seen.add((window.class_index, window.repetition))
    assert seen == set(edges)


def test_all_windows_of_a_cue_are_yielded(tmp_path):
    session = write(tmp_path / 's', protocol([(3, 'a', 2.0)]))
    ends = [span(window)[1] + 1 for window in iter_windows([session], 'emg', 200.0, 50.0)]
    assert ends == list(range(400, 4001, 100))


def test_windows_do_not_span_lost_samples(tmp_path):
    session = write(tmp_path / 's', protocol([(0, 'a', 3.0)], lose=(2000, 2100)))
    for window in iter_windows([session], 'emg', 200.0, 10.0):
        first, last = span(window)
        assert last < 2000 or first >= 2100
        assert np.array_equal(window.data[0], np.arange(first, last + 1))


def test_settle_ms_excludes_the_time_after_a_cue(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    firsts = [
        span(w)[0] for w in iter_windows([session], 'emg', 200.0, 50.0, {1}, settle_ms=500.0)
    ]
    assert min(firsts) >= 3000
    assert not any(6000 <= first < 7000 for first in firsts)


def test_only_selected_classes_are_yielded(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    assert {index for _, _, index in iter_labeled_windows([session], 'emg', 200, 50, {1})} == {1}


def test_labeled_windows_have_the_documented_shapes(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    window, times, index = next(iter_labeled_windows([str(session)], 'emg', 200.0, 50.0))
    assert window.shape == (2, 400)
    assert times.shape == (400,)
    assert index == 0
    window[:] = 0  # a copy, which may be modified


def test_iter_windows_rejects_two_names_for_one_class(tmp_path):
    one = write(tmp_path / 'one', protocol([(0, 'rest', 1.0)]))
    two = write(tmp_path / 'two', protocol([(0, 'fist', 1.0)]))
    with pytest.raises(
        SessionError, match="Class 0 is 'fist' in session .* and 'rest' in another"
    ):
        list(iter_windows([one, two], 'emg', 200.0, 50.0))


def test_repeated_label_message_is_one_repetition(tmp_path):
    session = write(tmp_path / 's', protocol([(0, 'a', 0.5), (0, 'a', 0.5), (1, 'b', 0.5)]))
    windows = list(iter_windows([session], 'emg', 200.0, 50.0, {0}))
    assert {window.repetition for window in windows} == {0}
    assert len(windows) == 17  # including those around the second message


def test_aligned_windows_have_the_target_at_their_midpoint(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    for window, aligned, times in iter_aligned_windows([session], 'emg', ['emg'], 200.0, 100.0):
        midpoint = (window[0, 0] + window[0, -1]) / 2
        assert aligned['emg'][0] == pytest.approx(midpoint, abs=0.51)
        assert times.shape == (400,)
