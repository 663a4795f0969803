"""Statistics of sessions, and the problems that the check reports."""

from __future__ import annotations

import numpy as np
import pytest
from support.bags import EMG, START_NS, STORE, frame, header, label, protocol, write

from myogestic_ros.core.signals import Chunk
from myogestic_ros.sessions.quality.check import check_session
from myogestic_ros.sessions.quality.envelope import Envelope
from myogestic_ros.sessions.quality.statistics import session_statistics
from myogestic_ros.sessions.reading.reader import Session

CUES = [(0, 'rest', 1.0), (1, 'fist', 1.0)] * 2
NAMES = ('rest', 'fist')


def noise(cues=CUES, **fields):
    """Return messages as `protocol` does, with noise of 0.1 mV as signal."""
    generator = np.random.default_rng(5)
    items = []
    for item in protocol(cues, **fields):
        if item[0] == '/emg':
            message = STORE.deserialize_cdr(item[1], EMG)
            samples = generator.standard_normal((20, message.channels)) * 1e-4
            items.append(('/emg', *frame(message.first_sample, samples)))
        else:
            items.append(item)
    return items


def problems(path):
    """Return the messages of the problems of a session; errors are marked with '! '."""
    return [f'{"! " * finding.is_error}{finding.message}' for finding in check_session(path)]


def changed(items, number, change):
    """Return items with the samples of one frame modified by a function."""
    places = [place for place, item in enumerate(items) if item[0] == '/emg']
    message = STORE.deserialize_cdr(items[places[number]][1], EMG)
    data = message.data.reshape(-1, message.channels).copy()
    change(data)
    raw, time_ns = frame(message.first_sample, data)
    items[places[number]] = ('/emg', raw, time_ns)
    return items


def test_check_accepts_a_valid_session(tmp_path):
    assert check_session(write(tmp_path / 's', noise(), NAMES)) == []


def test_check_reports_number_and_position_of_lost_samples(tmp_path):
    path = write(tmp_path / 's', noise(lose=(2000, 2200)), NAMES)
    assert problems(path) == [
        '! /emg lost 200 samples (2.50%) in 1 gap; the longest is 0.1 s at 1.10 s.'
    ]
    (stream,) = session_statistics(Session(path)).streams
    assert (stream.n_samples, stream.lost) == (7800, 200)


def test_check_reports_a_restarted_driver(tmp_path):
    items = [item for item in noise() if item[0] == '/label']
    frames = [item for item in noise() if item[0] == '/emg']
    again = [
        (t, frame(20 * n, np.eye(20, 2) * 1e-4)[0], x) for n, (t, _, x) in enumerate(frames[200:])
    ]
    found = problems(
        write(tmp_path / 's', sorted([*items, *frames[:200], *again], key=lambda i: i[2]), NAMES)
    )
    assert any('! The sample index of /emg was reset 1 time, first at' in line for line in found)
    assert any('with a stamp before the previous one' in line for line in found)


def test_check_reports_implausible_values(tmp_path):
    items = changed(noise(), 3, lambda data: data.__setitem__((0, 1), np.nan))
    assert problems(write(tmp_path / 'nan', items, NAMES)) == [
        '! /emg has samples that are NaN or infinite: channel 2 (1).'
    ]
    items = noise()
    for number in range(400):
        changed(items, number, lambda data: data.__setitem__((slice(None), 0), 1e-3))
    assert problems(write(tmp_path / 'flat', items, NAMES)) == [
        '! /emg has constant channels: channel 1.'
    ]
    items = changed(noise(), 3, lambda data: data.__setitem__((0, 0), 5.0))
    assert problems(write(tmp_path / 'scale', items, NAMES))[0].startswith(
        'The peak-to-peak amplitude of /emg is 5 V'
    )


def test_check_reports_a_wrong_sampling_rate(tmp_path):
    items = []
    for number in range(100):
        time_ns = START_NS + number * 10**7
        data = np.random.default_rng(number).standard_normal((10, 2)) * 1e-4
        message = STORE.types[EMG](
            header(time_ns), number * 10, 2000.0, 2, data.astype('f4').ravel()
        )
        items.append(('/emg', bytes(STORE.serialize_cdr(message, EMG)), time_ns))
    found = problems(write(tmp_path / 's', items))
    assert found == [
        '! The sampling rate of /emg is 2000 Hz, but 1000 Hz by its stamps.',
        'The session has no labels.',
    ]


def test_check_reports_inconsistent_labels(tmp_path):
    late_ns = START_NS + 3_500_000_000
    items = [*noise(), ('/label', label(5, 'kick', late_ns), late_ns)]
    after_ns = START_NS + 60 * 10**9
    items.append(('/label', label(1, 'fist', after_ns), after_ns))
    found = problems(write(tmp_path / 's', items, NAMES))
    assert "! Label 5 'kick' is not a class of the session: 0 rest, 1 fist." in found
    assert "! 1 label without samples: 'fist' at 60.00 s." in found
    assert "Class 'kick' has a single repetition." in found
    found = problems(write(tmp_path / 't', noise(), (*NAMES, 'open')))
    assert found == ['Classes of the session without labels: open.']


def test_check_reports_incomplete_repetitions(tmp_path):
    items = [item for item in noise() if item[0] == '/emg']
    for number, seconds in enumerate((0.0, 1.0, 3.0)):
        cue_ns = START_NS + round(seconds * 1e9)
        items.append(('/label', label(1, 'fist', cue_ns, number, 1.5), cue_ns))
    found = problems(write(tmp_path / 's', sorted(items, key=lambda item: item[2]), ('', 'fist')))
    assert found == ["2 repetitions not completed: 'fist' 1 (1.00 s), 'fist' 3 (1.00 s)."]


def test_check_reports_malformed_messages_and_unreadable_sessions(tmp_path):
    path = write(tmp_path / 's', [*noise(), ('/emg', b'\x00\x01\x00\x00', START_NS + 1)], NAMES)
    assert problems(path) == ['! /emg has 1 malformed message, skipped.']
    cut = write(tmp_path / 'cut', noise(), NAMES)
    file = next(cut.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-300])
    (cut / 'metadata.yaml').unlink()
    assert (
        problems(cut)[0] == '! The recording was interrupted: the summary at its end is missing.'
    )
    assert problems(tmp_path / 'nowhere')[0].startswith('! There is no session')
    (tmp_path / 'empty').mkdir()
    assert problems(tmp_path / 'empty')[0].startswith('! ')
    assert any(
        'The session has no signal' in line for line in problems(write(tmp_path / 'none', []))
    )


def test_class_spans_contain_all_repetitions(tmp_path):
    found = session_statistics(Session(write(tmp_path / 's', noise(), NAMES)))
    spans = found.class_spans()
    assert list(spans) == [(0, 'rest'), (1, 'fist')]
    assert [span.n_samples for span in spans[1, 'fist']] == [2000, 2000]
    assert [span.start_s for span in spans[1, 'fist']] == pytest.approx([1.0, 3.0])
    assert found.spans[-1].end_s == pytest.approx(4.0)


def test_envelope_of_a_long_signal_keeps_the_extremes():
    envelope = Envelope(2, 0, n_bins=64)
    generator = np.random.default_rng(1)
    data = generator.standard_normal((20_000, 2)).astype(np.float32)
    data[12_345, 1] = 99
    for first in range(0, len(data), 20):
        envelope.add(Chunk(first, first * 10**6, 1000.0, data[first : first + 20]))
    assert envelope.counts.sum() == len(data)
    assert np.nanmax(envelope.high) == 99
    assert np.nanmin(envelope.low[:, 0]) == data[:, 0].min()
    squares = (envelope.rms**2 * envelope.counts[:, None]).sum(axis=0) / len(data)
    assert np.sqrt(squares) == pytest.approx(data.std(axis=0, dtype=float), rel=0.01)
    assert 32 <= len(envelope.times_s) <= 64
    long = Envelope(1, 0)
    long.add(Chunk(0, 0, 1000.0, np.ones((1000, 1), np.float32)))  # a second in one frame
    assert (long.counts == 50).all()
