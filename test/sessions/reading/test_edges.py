"""Windows at the start and end of a cue, invalid arguments, and errors of the recorder."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.bags import START_NS, frame, label, protocol, topics, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import sample_time_ns
from myogestic_ros.sessions.reading.windows import iter_labeled_windows, iter_windows
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo

RATES = [2048.0, 3000.0, 1111.0, 1000 / 3, 2222.222]


@pytest.mark.parametrize('rate', RATES)
def test_windows_start_and_end_exactly_with_the_cue(tmp_path, rate):
    """Rounding of times to ns must not assign a sample to another cue."""
    chunk, window, hop = 7, 20, 1
    changes = [0, 101, 203, 305, 407, 509]
    items = []
    for number, sample in enumerate(changes):
        stamp_ns = sample_time_ns(START_NS, sample, rate)
        items.append(('/label', label(number % 2, 'ab'[number % 2], stamp_ns), stamp_ns))
    for first in range(0, 609, chunk):
        data, stamp_ns = frame(first, np.arange(first, first + chunk)[:, None], rate)
        items.append(('/emg', data, stamp_ns))
    session = write(tmp_path / 's', items)
    found = set()
    for cut in iter_windows([session], 'emg', window * 1000 / rate, hop * 1000 / rate):
        first, last = int(cut.data[0, 0]), int(cut.data[0, -1])
        cue = 2 * cut.repetition + cut.class_index
        start, end = changes[cue], [*changes[1:], 609][cue]
        assert start <= first
        assert last < end
        if first == start:
            found.add(('first', cue))
        if last == end - 1:
            found.add(('last', cue))
    cues = range(len(changes))
    assert found == {(edge, cue) for edge in ('first', 'last') for cue in cues}


def test_iter_windows_rejects_one_name_for_two_classes(tmp_path):
    one = write(tmp_path / 'one', protocol([(0, 'rest', 0.5), (1, 'fist', 0.5)]))
    two = write(tmp_path / 'two', protocol([(0, 'rest', 0.5), (2, 'fist', 0.5)]))
    with pytest.raises(
        SessionError, match="'fist' is class 2 in session 'two' and class 1 in another"
    ):
        list(iter_windows([one, two], 'emg', 200.0, 50.0))


@pytest.mark.parametrize(('window_ms', 'hop_ms'), [(0, 50), (200, 0), (-1, 50), (200, -50)])
def test_iter_labeled_windows_rejects_non_positive_lengths(tmp_path, window_ms, hop_ms):
    session = write(tmp_path / 's', protocol([(0, 'rest', 0.5)]))
    with pytest.raises(SessionError, match='expected more than 0 ms'):
        list(iter_labeled_windows([session], 'emg', window_ms, hop_ms))


def test_iter_labeled_windows_rejects_a_single_path(tmp_path):
    session = write(tmp_path / 's', protocol([(0, 'rest', 0.5)]))
    for path in (session, str(session)):
        with pytest.raises(SessionError, match='expected a list of paths'):
            list(iter_labeled_windows(path, 'emg', 200.0, 50.0))


def test_recorder_rejects_an_unknown_topic(tmp_path):
    recording = SessionRecorder(tmp_path / 's', SessionInfo(), topics())
    with pytest.raises(SessionError, match="has no topic '/nope'"):
        recording.put('/nope', b'x', START_NS)
    assert recording.stop().error == ''


def test_recorder_reports_an_unexpected_error_and_counts_dropped_messages(tmp_path):
    stopped = threading.Event()
    recording = SessionRecorder(
        tmp_path / 's',
        SessionInfo(),
        topics(),
        flush_interval_s=0.01,
        on_error=lambda message: stopped.set(),
    )
    items = protocol([(0, 'rest', 0.1)])
    recording.put('/emg', items[1][1], -1)  # MCAP cannot store negative times
    assert stopped.wait(30)
    assert not recording.put(*items[1])
    report = recording.stop()
    assert 'stopped: ' in report.error
    assert report.dropped == 2
    assert recording.backlog == 0


def test_failed_creation_of_a_session_leaves_no_files(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('myogestic_ros.sessions.storage.metadata.BagMetadata.write', full)
    with pytest.raises(SessionError, match='Cannot create session .*No space left'):
        SessionRecorder(tmp_path / 's', SessionInfo(), topics())
    monkeypatch.undo()
    assert not (tmp_path / 's').exists()
