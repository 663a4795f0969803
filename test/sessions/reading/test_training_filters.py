"""Windows read by a train callback are filtered as live, without arguments."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from support.bags import protocol, write

from myogestic_ros import (
    FilterSpec,
    StreamSpec,
    iter_aligned_windows,
    iter_labeled_windows,
    iter_multi_windows,
    iter_windows,
)
from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.core.streams.training_filters import (
    ENVIRONMENT,
    filters_to_environment,
    training_filters,
)
from myogestic_ros.sessions.reading.reader import Session

SPEC = FilterSpec((20.0, 450.0), order=2)


@pytest.fixture
def session(tmp_path):
    return write(tmp_path / 's', protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)]))


def means(windows):
    return [float(abs(window).mean()) for window in windows]


READERS = {
    'labeled': lambda path, **k: (
        w for w, _, _ in iter_labeled_windows([path], 'emg', 200, 50, **k)
    ),
    'windows': lambda path, **k: (w.data for w in iter_windows([path], 'emg', 200, 50, **k)),
    'aligned': lambda path, **k: (
        w for w, _, _ in iter_aligned_windows([path], 'emg', [], 200, 50, **k)
    ),
    'multi': lambda path, **k: (
        found.windows['emg']
        for found in iter_multi_windows([path], [StreamSpec('emg', 200.0, **k)], 50.0)
    ),
}


@pytest.mark.parametrize('name', READERS)
def test_windows_are_filtered_within_a_training(name, session):
    read = READERS[name]
    plain, filtered = means(read(session)), means(read(session, filters=SPEC))
    assert len(filtered) == len(plain) - 2  # no windows until the filter has settled, after 52 ms
    assert plain[2:] != filtered
    with training_filters({'emg': SPEC}):
        assert means(read(session)) == filtered
        assert means(read(session, filters=FilterSpec())) == plain
    assert means(read(session)) == plain


def test_windows_are_slices_of_the_filtered_recording(session):
    whole = np.concatenate([chunk.data for chunk in Session(session).chunks('emg')])
    expected = StreamFilter(SPEC, 2, 2000.0)(whole)
    for window, times_s, _ in iter_labeled_windows([session], 'emg', 200, 50, filters=SPEC):
        end = round((times_s[-1] - 1_700_000_000) * 2000) + 1
        np.testing.assert_array_equal(window, expected[end - 400 : end].T)


def test_filters_of_a_training_process_apply_to_its_threads(session, monkeypatch):
    monkeypatch.setattr(os, 'environ', dict(os.environ))
    filters_to_environment({'emg': SPEC, 'imu': None})
    found = []
    thread = threading.Thread(target=lambda: found.extend(means(READERS['labeled'](session))))
    thread.start()
    thread.join()
    assert ENVIRONMENT in os.environ
    assert found == means(READERS['labeled'](session, filters=SPEC))


def test_iter_windows_rejects_a_filter_above_half_the_sampling_rate(session):
    with pytest.raises(SignalError, match="Stream 'emg' has 2 channel.*not below half"):
        list(iter_windows([session], 'emg', 200, 50, filters=FilterSpec((20.0, 1000.0))))
