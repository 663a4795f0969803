"""Windows for training: right class, right repetition, never across a change or a loss."""

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


def test_every_window_that_fits_is_there(tmp_path):
    session = write(tmp_path / 's', protocol([(3, 'a', 2.0)]))
    ends = [span(window)[1] + 1 for window in iter_windows([session], 'emg', 200.0, 50.0)]
    assert ends == list(range(400, 4001, 100))


def test_windows_do_not_span_lost_samples(tmp_path):
    session = write(tmp_path / 's', protocol([(0, 'a', 3.0)], lose=(2000, 2100)))
    for window in iter_windows([session], 'emg', 200.0, 10.0):
        first, last = span(window)
        assert last < 2000 or first >= 2100
        assert np.array_equal(window.data[0], np.arange(first, last + 1))


def test_settle_leaves_out_what_follows_a_cue(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    firsts = [
        span(w)[0] for w in iter_windows([session], 'emg', 200.0, 50.0, {1}, settle_ms=500.0)
    ]
    assert min(firsts) >= 3000
    assert not any(6000 <= first < 7000 for first in firsts)


def test_classes_are_selected(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    assert {index for _, _, index in iter_labeled_windows([session], 'emg', 200, 50, {1})} == {1}


def test_labeled_windows_have_the_shape_that_training_code_expects(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    window, times, index = next(iter_labeled_windows([str(session)], 'emg', 200.0, 50.0))
    assert window.shape == (2, 400)
    assert times.shape == (400,)
    assert index == 0
    window[:] = 0  # it is ours


def test_one_class_under_two_names_is_refused(tmp_path):
    one = write(tmp_path / 'one', protocol([(0, 'rest', 1.0)]))
    two = write(tmp_path / 'two', protocol([(0, 'fist', 1.0)]))
    with pytest.raises(
        SessionError, match="Class 0 is 'fist' in session .* and 'rest' in another"
    ):
        list(iter_windows([one, two], 'emg', 200.0, 50.0))


def test_a_label_said_twice_is_one_repetition(tmp_path):
    session = write(tmp_path / 's', protocol([(0, 'a', 0.5), (0, 'a', 0.5), (1, 'b', 0.5)]))
    windows = list(iter_windows([session], 'emg', 200.0, 50.0, {0}))
    assert {window.repetition for window in windows} == {0}
    assert len(windows) == 17  # none is missing around the second one


def test_aligned_windows_take_the_target_at_their_middle(tmp_path):
    session = write(tmp_path / 's', protocol(CUES))
    for window, aligned, times in iter_aligned_windows([session], 'emg', ['emg'], 200.0, 100.0):
        middle = (window[0, 0] + window[0, -1]) / 2
        assert aligned['emg'][0] == pytest.approx(middle, abs=0.51)
        assert times.shape == (400,)
