"""Replay of recordings and sessions: order, timing and repetitions; lookup of sources."""

from __future__ import annotations

import contextlib
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from support.bags import protocol, write

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sources import registry
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.registry import source_factory, source_names
from myogestic_ros.sources.replay import Replay

LABELS = [0, 1, 0, 2, 0, 1, 0, 2, 0]


class Clock:
    """Clock that advances only by `sleep`."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def pacer_of(clock):
    """Return a pacer driven by a clock."""
    return Pacer(clock, clock.sleep)


def played(pacer=None, **values):
    """Return all chunks and labels of a replay."""
    source = Replay({'rate': 0.0, **values}, pacer)
    source.open()
    items = []
    with contextlib.suppress(EndOfRecording):
        while True:
            items.append(source.read(10.0))
    return items


def samples(items):
    """Return the samples of all chunks."""
    return np.concatenate([item.data for item in items if isinstance(item, Chunk)])


@pytest.fixture
def recording(tmp_path):
    """Write a recording of two files at 1 kHz, with 100 samples per label."""
    folder = tmp_path / 'recording'
    folder.mkdir()
    (folder / 'recording.yaml').write_text(
        'sampling_rate: 1000.0\nscale: 0.001\nclass_names: [rest, fist, open]\n'
    )
    for number in (2, 10):  # in numerical, not alphabetical order
        rows = [f'{number},{i},{label}' for label in LABELS for i in range(100)]
        (folder / f'{number}.csv').write_text('\n'.join(rows) + '\n')
    return folder


def test_samples_and_labels_are_played_in_order(recording):
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


def test_label_precedes_its_first_chunk(recording):
    items = played(path=str(recording), chunk=30)
    for item, following in zip(items, items[1:], strict=False):
        if isinstance(item, Label) and isinstance(following, Chunk):
            assert item.stamp_ns == following.stamp_ns
    assert {i.n_samples for i in items if isinstance(i, Chunk)} == {
        30,
        10,
    }  # no chunk spans a change of label


def test_speed_does_not_change_content_or_stamps(recording):
    def essence(items):
        return [i if isinstance(i, Label) else (i.first_sample, i.stamp_ns) for i in items]

    slow, quick, at_once = (
        played(path=str(recording), rate=rate, pacer=pacer_of(Clock())) for rate in (1.0, 4.0, 0.0)
    )
    assert essence(slow) == essence(quick) == essence(at_once)
    assert np.array_equal(samples(slow), samples(quick))


@pytest.mark.parametrize('rate', [0.5, 1.0, 4.0])
def test_chunk_is_returned_when_its_newest_sample_is_due(recording, rate):
    clock = Clock()
    source = Replay({'path': str(recording), 'rate': rate}, pacer_of(clock))
    source.open()
    n_samples = 0
    with contextlib.suppress(EndOfRecording):
        while True:
            item = source.read(0.001)
            if isinstance(item, Chunk):
                n_samples += item.n_samples
                assert clock.now == pytest.approx((n_samples - 1) / 1000.0 / rate)
            elif isinstance(item, Label):
                assert clock.now == pytest.approx(n_samples / 1000.0 / rate)
    assert n_samples == 1800


def test_first_and_last_repetitions_are_complementary(recording):
    whole, first, last = (
        played(path=str(recording), repetitions=which) for which in ('', 'first', 'last')
    )
    assert len(samples(first)) + len(samples(last)) == len(samples(whole))
    # Of each file the last fist, open and rest.
    assert len(samples(last)) == 600
    assert Replay({'path': str(recording), 'repetitions': 'last'}).duration_s == pytest.approx(0.6)
    stamps = [item.stamp_ns for item in last if isinstance(item, Chunk)]
    assert stamps == list(
        range(0, 600_000_000, 10_000_000)
    )  # repetitions that are left out take no time
    numbers = [item.repetition for item in first if isinstance(item, Label) and item.name]
    assert max(numbers) == 8  # rest, in the second file


def test_repetitions_are_selected_by_number(recording):
    items = played(path=str(recording), repetitions='1-2')
    assert {item.repetition for item in items if isinstance(item, Label) and item.name} == {1, 2}
    for which in ('7-x', 'some', '99'):
        with pytest.raises(SourceError, match='repetitions'):
            played(path=str(recording), repetitions=which)


def test_long_run_is_divided_into_repetitions(tmp_path):
    rows = [
        f'1,{label}'
        for label, n in ((0, 600), (1, 100), (2, 100), (1, 110), (2, 30))
        for _ in range(n)
    ]
    (tmp_path / 'r.csv').write_text('\n'.join(rows))
    items = played(path=str(tmp_path / 'r.csv'))
    labels = [(i.index, i.repetition) for i in items if isinstance(i, Label)]
    assert labels == [*((0, n) for n in range(6)), (1, 0), (2, 0), (1, 1), (2, 0), (-1, -1)]


def test_loop_continues_sample_indices(recording):
    source = Replay({'path': str(recording), 'rate': 0.0, 'loop': True})
    source.open()
    firsts = [
        i.first_sample for i in (source.read(1.0) for _ in range(1000)) if isinstance(i, Chunk)
    ]
    assert firsts == sorted(set(firsts))


def test_session_is_played_as_recorded(tmp_path):
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
    for which, played_s in (('', 2.0), ('first', 1.0), ('last', 1.0), ('0', 1.0)):
        values = {'path': str(path), 'repetitions': which}
        assert Replay(values).duration_s == pytest.approx(played_s)
    assert [i.name for i in last if isinstance(i, Label)] == ['rest', 'fist', '']


def test_npz_is_played(tmp_path):
    data = np.arange(400).reshape(200, 2)
    np.savez(tmp_path / 'r.npz', emg=data, labels=np.repeat([0, 1], 100))
    items = played(path=str(tmp_path / 'r.npz'), sampling_rate=1000.0, scale=1.0)
    assert np.array_equal(samples(items), data.astype(np.float32))
    np.savez(tmp_path / 'bad.npz', labels=[1])
    with pytest.raises(SourceError, match="expected an array 'emg' or 'data'"):
        played(path=str(tmp_path / 'bad.npz'))


def test_first_and_last_of_a_myo_recording(recordings):
    path = str(recordings / 'myo-readings' / '12345-1')
    whole, first, last = (
        [i for i in played(path=path, repetitions=which) if isinstance(i, Chunk)]
        for which in ('', 'first', 'last')
    )

    def indices(chunks):
        return {n for chunk in chunks for n in range(chunk.first_sample, chunk.end_sample)}

    assert not indices(first) & indices(last)
    assert indices(first) | indices(last) == indices(whole)


def test_myo_recording_is_read_with_default_mapping(recordings):
    path = str(recordings / 'myo-readings' / '12345-1')
    assert Replay({'path': path}).duration_s == pytest.approx(480, rel=0.1)
    last = played(path=path, repetitions='last')
    assert {i.name for i in last if isinstance(i, Label)} == {
        *('rest', 'flexion', 'extension', 'radial', 'ulnar', 'pronation', 'supination', 'fist', '')
    }


def test_missing_stream_is_refused(tmp_path):
    path = write(tmp_path / 's', protocol([(0, 'rest', 0.1)]))
    with pytest.raises(SourceError, match="no stream 'eeg'; it has /emg"):
        played(path=str(path), stream='eeg')


def test_unknown_source_is_refused():
    assert {'replay', 'synthetic'} <= set(source_names())
    with pytest.raises(SourceError, match="no source 'x'; expected one of: .*synthetic"):
        source_factory('x')


@pytest.mark.parametrize(
    ('value', 'error'),
    [('no_such_module:X', 'cannot be imported'), ('json:JSONDecoder', 'a class with PARAMETERS')],
)
def test_invalid_source_of_another_package_is_refused(monkeypatch, value, error):
    point = EntryPoint('theirs', value, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, 'entry_points', lambda group: [point])
    assert {'replay', 'synthetic', 'theirs'} <= set(source_names())
    with pytest.raises(SourceError, match=f"'theirs'.*{error}"):
        source_factory('theirs')


def test_source_of_another_package_is_found(monkeypatch):
    value = 'myogestic_ros.sources.synthetic:Synthetic'
    point = EntryPoint('theirs', value, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, 'entry_points', lambda group: [point])
    assert source_factory('theirs')({'channels': 3}).open().n_channels == 3
