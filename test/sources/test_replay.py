"""Recordings played as a device: order, time, repetitions, and bad lines."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from bags import protocol, write

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label
from myogestic_ros.sessions.reader import Session
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.registry import source_factory, source_names
from myogestic_ros.sources.replay import Replay, playing_time

LABELS = [0, 1, 0, 2, 0, 1, 0, 2, 0]


def played(**values):
    """Return what is played, to the end."""
    source = Replay({'rate': 0.0, **values})
    source.open()
    items = []
    with contextlib.suppress(EndOfRecording):
        while True:
            items.append(source.read(10.0))
    return items


def samples(items):
    """Return all samples played."""
    return np.concatenate([item.data for item in items if isinstance(item, Chunk)])


@pytest.fixture
def recording(tmp_path):
    """A recording of two files: 100 samples of each label, at 1 kHz."""
    folder = tmp_path / 'recording'
    folder.mkdir()
    (folder / 'recording.yaml').write_text(
        'sampling_rate: 1000.0\nscale: 0.001\nclass_names: [rest, fist, open]\n'
    )
    for number in (2, 10):  # in the order of numbers, not of letters
        rows = [f'{number},{i},{label}' for label in LABELS for i in range(100)]
        (folder / f'{number}.csv').write_text('\n'.join(rows) + '\n')
    return folder


def test_everything_is_played_in_order(recording):
    items = played(path=str(recording))
    data = samples(items)
    assert data.shape == (1800, 2)
    assert data[0, 0] == np.float32(0.002)
    assert data[-1, 0] == np.float32(0.010)
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert {chunk.n_samples for chunk in chunks} == {10}
    assert chunks[90].first_sample >= 900 + 1000  # between two files lies a second
    names = [item.name for item in items if isinstance(item, Label)]
    assert names == ['rest', 'fist', 'rest', 'open'] * 2 + ['rest'] + (
        ['rest', 'fist', 'rest', 'open'] * 2 + ['rest']
    ) + ['']


def test_a_label_comes_before_the_chunk_that_it_begins_with(recording):
    items = played(path=str(recording), chunk=30)
    for item, following in zip(items, items[1:], strict=False):
        if isinstance(item, Label) and isinstance(following, Chunk):
            assert item.stamp_ns == following.stamp_ns
    assert {i.n_samples for i in items if isinstance(i, Chunk)} == {30, 10}  # never across


def test_speed_changes_nothing_but_the_time_it_takes(recording):
    def essence(items):
        return [i if isinstance(i, Label) else (i.first_sample, i.stamp_ns) for i in items]

    assert essence(played(path=str(recording), rate=100.0)) == essence(played(path=str(recording)))


def test_first_and_last_make_up_the_whole(recording):
    whole, first, last = (
        played(path=str(recording), repetitions=which) for which in ('', 'first', 'last')
    )
    assert len(samples(first)) + len(samples(last)) == len(samples(whole))
    # Of each file the last fist, open and rest.
    assert len(samples(last)) == 600
    assert playing_time({'path': str(recording), 'repetitions': 'last'}) == pytest.approx(0.6)
    stamps = [item.stamp_ns for item in last if isinstance(item, Chunk)]
    assert stamps == list(range(0, 600_000_000, 10_000_000))  # what is left out takes no time
    numbers = [item.repetition for item in first if isinstance(item, Label) and item.name]
    assert max(numbers) == 8  # rest, in the second file


def test_repetitions_by_number(recording):
    items = played(path=str(recording), repetitions='1-2')
    assert {item.repetition for item in items if isinstance(item, Label) and item.name} == {1, 2}
    for which in ('7-x', 'some', '99'):
        with pytest.raises(SourceError, match='repetitions'):
            played(path=str(recording), repetitions=which)


def test_a_long_run_counts_as_several_repetitions(tmp_path):
    rows = [
        f'1,{label}'
        for label, n in ((0, 600), (1, 100), (2, 100), (1, 110), (2, 30))
        for _ in range(n)
    ]
    (tmp_path / 'r.csv').write_text('\n'.join(rows))
    items = played(path=str(tmp_path / 'r.csv'))
    labels = [(i.index, i.repetition) for i in items if isinstance(i, Label)]
    assert labels == [*((0, n) for n in range(6)), (1, 0), (2, 0), (1, 1), (2, 0), (-1, -1)]


def test_it_loops(recording):
    source = Replay({'path': str(recording), 'rate': 0.0, 'loop': True})
    source.open()
    firsts = [
        i.first_sample for i in (source.read(1.0) for _ in range(1000)) if isinstance(i, Chunk)
    ]
    assert firsts == sorted(set(firsts))


def test_a_session_is_played_as_it_was_recorded(tmp_path):
    cues = [(0, 'rest', 0.5), (1, 'fist', 0.5), (0, 'rest', 0.5), (1, 'fist', 0.5)]
    path = write(tmp_path / 's', protocol(cues, lose=(400, 500)))
    items = played(path=str(path))
    chunks = [item for item in items if isinstance(item, Chunk)]
    recorded = list(Session(path).chunks('emg'))
    assert [c.first_sample for c in chunks] == [c.first_sample for c in recorded]
    assert all(np.array_equal(a.data, b.data) for a, b in zip(chunks, recorded, strict=True))
    assert [i.name for i in items if isinstance(i, Label)] == ['rest', 'fist'] * 2 + ['']
    last = played(path=str(path), repetitions='last')
    assert samples(last)[0, 0] == 2000
    assert [i.name for i in last if isinstance(i, Label)] == ['rest', 'fist', '']


def test_npz(tmp_path):
    data = np.arange(400).reshape(200, 2)
    np.savez(tmp_path / 'r.npz', emg=data, labels=np.repeat([0, 1], 100))
    items = played(path=str(tmp_path / 'r.npz'), sampling_rate=1000.0, scale=1.0)
    assert np.array_equal(samples(items), data.astype(np.float32))
    np.savez(tmp_path / 'bad.npz', labels=[1])
    with pytest.raises(SourceError, match="expected an array 'emg' or 'data'"):
        played(path=str(tmp_path / 'bad.npz'))


@pytest.mark.parametrize(
    ('line', 'fault'),
    [
        ('1,2,3,0', 'expected 3 columns as in most lines, got 4'),
        ('1,x,0', "expected 3 numbers, got '1,x,0'"),
        ('1,2,9', 'expected a class from 0 to 2 in column -1, got 9'),
        ('1,2,0.5', 'expected a class from 0 to 2'),
    ],
)
def test_a_bad_line_is_named_or_skipped(recording, line, fault):
    file = recording / '10.csv'
    lines = file.read_text().splitlines()
    lines[350] = line
    file.write_text('\n'.join(lines))
    with pytest.raises(SourceError, match=f'10.csv, line 351: {fault}'):
        played(path=str(recording))
    items = played(path=str(recording), on_bad_line='skip')
    assert len(samples(items)) == 1799


def test_the_sessions_that_are_not_clean(recordings):
    folder = recordings / 'myo-readings'
    for name in ('19999-2', '64917-1'):
        with pytest.raises(SourceError, match=f'{name}.*line .*columns as in most lines'):
            playing_time({'path': str(folder / name)})
        assert playing_time({'path': str(folder / name), 'on_bad_line': 'skip'}) > 300


def test_a_clean_session_by_default(recordings):
    path = str(recordings / 'myo-readings' / '12345-1')
    assert playing_time({'path': path}) == pytest.approx(480, rel=0.1)
    last = played(path=path, repetitions='last')
    assert {i.name for i in last if isinstance(i, Label)} == {
        *('rest', 'flexion', 'extension', 'radial', 'ulnar', 'pronation', 'supination', 'fist', '')
    }


@pytest.mark.parametrize(
    ('text', 'fault'),
    [('colour: red', 'unknown colour'), ('sampling_rate: -1', 'positive'), ('- x', 'no fields')],
)
def test_a_mapping_that_is_none(recording, text, fault):
    (recording / 'recording.yaml').write_text(text)
    with pytest.raises(SourceError, match=fault):
        played(path=str(recording))


def test_names():
    assert {'replay', 'synthetic'} <= set(source_names())
    with pytest.raises(SourceError, match="no source 'x'; there are: replay, synthetic"):
        source_factory('x')
