"""Import of recordings as sessions: formats, file names, times, and error messages."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import scipy.io
import yaml
from support.xdf import write_xdf

from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sessions.exchange.content import read_content
from myogestic_ros.sessions.exchange.export import export_session
from myogestic_ros.sessions.quality.check import check_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_windows
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sources.importers.importer import import_recording
from myogestic_ros.sources.importers.mapping import find_mapping

RATE = 500.0
N = 1500
DATA = np.random.default_rng(3).standard_normal((N, 3)).astype(np.float32)
LABELS = np.repeat([0, 1, 0, 1, 2, 0], N // 6)
NAMES = ('rest', 'fist', 'open')
MAPPING = {'sampling_rate': RATE, 'scale': 1.0, 'class_names': list(NAMES)}


def mapped(folder, **fields):
    """Write a mapping into a folder; return the folder."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / 'recording.yaml').write_text(yaml.safe_dump({**MAPPING, **fields}))
    return folder


def text(columns, separator=','):
    """Return columns as lines of text, with full precision."""
    return '\n'.join(
        separator.join(str(value) for value in row) for row in zip(*columns, strict=True)
    )


def imported(recording, target, *args, **more):
    """Import a recording; return the session."""
    import_recording(recording, target, *args, **more)
    return Session(target)


def assert_unchanged(session, labels=LABELS):
    """Assert that a session contains `DATA` and the labels; return its content."""
    content = read_content(session, 'emg')
    np.testing.assert_array_equal(content.data, DATA)
    assert content.labels()[0].tolist() == list(labels)
    assert content.stream.sampling_rate == RATE
    return content


def csv(tmp_path):
    folder = mapped(tmp_path / 'in')
    (folder / 'r.csv').write_text(text([*DATA.T, LABELS]))
    return folder / 'r.csv'


def named(tmp_path):
    """Write a text file with class names, times in ms and repetition numbers."""
    folder = mapped(
        tmp_path / 'in',
        time_column=0,
        time_scale=0.001,
        label_column=4,
        repetition_column=5,
        first_repetition=1,
    )
    words = np.array(NAMES)[LABELS]
    repetitions = np.repeat([1, 1, 2, 2, 1, 3], N // 6)
    columns = [np.arange(N) * 1000 / RATE, *DATA.T, words, repetitions]
    (folder / 'r.txt').write_text('ms\ta\tb\tc\tcue\tn\n' + text([*columns], '\t'))
    return folder / 'r.txt'


def npz(tmp_path):
    folder = mapped(tmp_path / 'in', channels_first=True, samples='x', labels='y')
    np.savez(folder / 'r.npz', x=DATA.T, y=LABELS, unrelated=np.zeros((4, 4)))
    return folder / 'r.npz'


def mat(tmp_path):
    """Write a MATLAB file with names of Ninapro, and samples inside a cell and a struct."""
    folder = mapped(tmp_path / 'in', samples='Data[0].raw')
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = {'raw': DATA}, {'raw': DATA * 2}
    scipy.io.savemat(folder / 'r.mat', {'Data': cell, 'restimulus': LABELS[:, None]})
    return folder / 'r.mat'


def mat73(tmp_path):
    h5py = import_module('h5py')
    folder = mapped(tmp_path / 'in', samples='p.raw', labels='p.cue')
    with h5py.File(folder / 'r.mat', 'w', userblock_size=512) as file:
        file['p/raw'] = DATA.T  # MATLAB stores columns first
        file['p/cue'] = LABELS[None].astype(float)
    with (folder / 'r.mat').open('r+b') as stream:
        stream.write(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM')
    return folder / 'r.mat'


def xdf(tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    (folder / 'r.yaml').write_text(
        'class_names: {REST: rest, "FIST now": fist, OPEN: open, start: null}'
    )
    cues = ['REST', 'FIST now', 'REST', 'FIST now', 'OPEN', 'REST']
    times_s = 1000 + np.arange(N) / RATE
    step = N // 6 / RATE
    markers = [(999.0, 'start')] + [
        (1000 + i * step - 0.5 / RATE, word) for i, word in enumerate(cues)
    ]
    names = ['one', 'two', 'three']
    return write_xdf(folder / 'r.xdf', DATA, times_s, RATE, markers, names=names, unit='V')


@pytest.mark.parametrize('make', [csv, named, npz, mat, mat73, xdf])
@pytest.mark.parametrize('ending', ['.npz', '.csv'])
def test_every_format_survives_import_export_and_import(tmp_path, make, ending):
    session = imported(make(tmp_path), tmp_path / 'a', info=SessionInfo(subject='S1'))
    content = assert_unchanged(session)
    assert session.info.subject == 'S1'
    assert session.info.class_names == NAMES
    found = {(e.label.name, e.label.repetition) for e in content.events if e.label.index >= 0}
    assert found == {
        (n, r) for n, count in (('rest', 3), ('fist', 2), ('open', 1)) for r in range(count)
    }
    assert not [f for f in check_session(session.path) if f.is_error]
    export_session(session, tmp_path / f'out{ending}')
    again = imported(tmp_path / f'out{ending}', tmp_path / 'b')
    topics = list(session.bag.topics)
    assert list(again.bag.messages(topics)) == list(session.bag.messages(topics))
    assert again.info == session.info


def test_xdf_header_sets_channel_names_unit_and_rate(tmp_path):
    times_s = np.arange(N) / RATE
    file = write_xdf(tmp_path / 'r.xdf', DATA, times_s, RATE, names=['x', 'y', 'z'])
    content = read_content(imported(file, tmp_path / 's'), 'emg')
    assert content.stream.channel_names == ('x', 'y', 'z')
    np.testing.assert_array_equal(content.data, (DATA * 1e-6).astype(np.float32))


def test_classes_and_repetitions_are_parsed_from_file_names(tmp_path):
    folder = mapped(
        tmp_path / 'in', file_names='{class}/R_{repetition}_{}.csv', first_repetition=1
    )
    for name in NAMES:
        (folder / name).mkdir()
        for number in (1, 2, 10):
            (folder / name / f'R_{number}_x.csv').write_text(text([*DATA[:100].T]))
    session = imported(folder, tmp_path / 's')
    labels = [(x.name, x.repetition) for x in session.labels() if x.index != NO_CLASS]
    assert sorted(labels) == sorted((n, r) for n in NAMES for r in (0, 1, 9))
    assert not [
        f for f in check_session(session.path) if f.is_error
    ]  # gaps between files are not lost samples
    windows = list(iter_windows([session.path], 'emg', 100.0, 100.0))
    assert len(windows) == 9 * 2  # no window spans two files


def test_unnamed_classes_get_generic_names(tmp_path):
    (tmp_path / 'r.csv').write_text(text([*DATA.T, LABELS]))
    session = imported(tmp_path / 'r.csv', tmp_path / 's', '', {'sampling_rate': RATE})
    assert session.info.class_names == ('class 0', 'class 1', 'class 2')


def test_jump_in_time_is_imported_as_lost_samples(tmp_path):
    times_s = np.arange(N) / RATE
    keep = np.delete(np.arange(N), [700, 701, 900])
    folder = mapped(tmp_path / 'in', time_column=0)
    (folder / 'r.csv').write_text(text([times_s[keep], *DATA[keep].T, LABELS[keep]]))
    content = read_content(imported(folder / 'r.csv', tmp_path / 's'), 'emg')
    assert content.sample_indices().tolist() == keep.tolist()
    assert sum(event.label.index == 1 for event in content.events) == 2  # one repetition each
    errors = [finding.message for finding in check_session(tmp_path / 's')]
    assert errors[0].startswith('/emg lost 3 samples (0.20%) in 2 gaps')


def timed(tmp_path, times_s, **fields):
    folder = mapped(tmp_path / 'in', time_column=0, **fields)
    (folder / 'r.csv').write_text('t,a,b,c,cue\n' + text([times_s, *DATA.T, LABELS]))
    return folder / 'r.csv'


@pytest.mark.parametrize(
    ('change', 'fields', 'error'),
    [
        (
            lambda t: t * 2,
            {},
            r'r\.csv, line 2 to .*r\.csv, line 1501: the times have a rate of 250 Hz, expected 500',
        ),
        (
            lambda t: t * 1000,
            {},
            r'the times have a rate of 0\.5 Hz, expected 500 Hz .*0\.001 for ms',
        ),
        (lambda t: np.where(np.arange(N) == 41, 0, t), {}, r'line 43: time 0 s after 0\.08 s'),
        (
            lambda t: np.where(np.arange(N) == 41, np.nan, t),
            {},
            'line 43: expected finite numbers',
        ),
    ],
)
def test_times_inconsistent_with_the_rate_are_refused(tmp_path, change, fields, error):
    file = timed(tmp_path, change(np.arange(N) / RATE), **fields)
    with pytest.raises(SourceError, match=error):
        import_recording(file, tmp_path / 's')
    assert not (tmp_path / 's').exists()


def test_times_in_bursts_are_not_lost_samples(tmp_path):
    bursts = (np.arange(N) // 5) * 5 / RATE  # five samples share a stamp
    content = read_content(imported(timed(tmp_path, bursts), tmp_path / 's'), 'emg')
    assert content.sample_indices().tolist() == list(range(N))


def test_unknown_sampling_rate_is_refused(tmp_path):
    (tmp_path / 'r.csv').write_text(text([*DATA.T, LABELS]))
    with pytest.raises(SourceError, match=r'sampling rate of .* is not known.*--rate'):
        import_recording(tmp_path / 'r.csv', tmp_path / 's')


@pytest.mark.parametrize(
    ('fields', 'error'),
    [
        (
            {'class_names': ['rest', 'fist']},
            'line 1001: expected a class from 0 to 1 in column -1.* got 2 .*249 more lines are invalid',
        ),
        ({'class_names': {0: 'rest', 1: 'fist'}}, 'line 1001: expected a class one of 0, 1'),
        ({'channel_names': ['a']}, 'has 3 channels, expected 1 as in channel_names'),
    ],
)
def test_inconsistent_labels_and_channel_names_are_refused(tmp_path, fields, error):
    folder = mapped(tmp_path / 'in', **fields)
    (folder / 'r.csv').write_text(text([*DATA.T, LABELS]))
    with pytest.raises(SourceError, match=error):
        import_recording(folder / 'r.csv', tmp_path / 's')


@pytest.mark.parametrize(
    ('fields', 'error'),
    [
        ({'samples': 'missing'}, r"has no 'missing' \(samples\); it contains emg \(1500, 3\)"),
        ({'labels': 'words'}, "sample 0 of 'words'|labels are"),
        ({'channels_first': True}, 'has 1500 columns and 3 rows'),
        ({'channels': [7]}, r'has 3 channels, numbered from 0; expected the channels \[7\]'),
        ({'repetitions': 'words'}, 'repetitions are'),
    ],
)
def test_inconsistent_arrays_are_refused(tmp_path, fields, error):
    folder = mapped(tmp_path / 'in', **fields)
    words = np.array(['what'] * 10)
    np.savez(folder / 'r.npz', emg=DATA, labels=LABELS, words=words)
    with pytest.raises(SourceError, match=error):
        import_recording(folder / 'r.npz', tmp_path / 's')


@pytest.mark.parametrize(
    ('given', 'others', 'markers', 'error'),
    [
        ({'sampling_rate': 1000.0}, 0, [], "'amp' has a rate of 500 Hz, expected 1000 Hz"),
        ({}, 1, [], "several streams that may contain the samples: .*'amp'.*'amp2'"),
        ({'samples': 'eeg'}, 0, [], "no stream 'eeg'"),
        (
            {'class_names': ['rest']},
            0,
            [(0.5, 'jump')],
            "marker 0 of stream 'cues' at 0.500 s.*got 'jump'",
        ),
    ],
)
def test_inconsistent_xdf_streams_are_refused(tmp_path, given, others, markers, error):
    times_s = np.arange(N) / RATE
    file = write_xdf(tmp_path / 'r.xdf', DATA, times_s, RATE, markers, n_extra_streams=others)
    with pytest.raises(SourceError, match=error):
        import_recording(file, tmp_path / 's', '', given)


@pytest.mark.parametrize(('ending', 'module'), [('.xdf', 'pyxdf'), ('.mat', 'h5py')])
def test_missing_optional_package_is_named(tmp_path, monkeypatch, ending, module):
    if ending == '.mat':
        file = mat73(tmp_path)
    else:
        file = write_xdf(tmp_path / 'r.xdf', DATA, np.arange(N) / RATE, RATE)
    monkeypatch.setitem(__import__('sys').modules, module, None)
    with pytest.raises(SourceError, match=f'pip install {module}'):
        import_recording(file, tmp_path / 's', '', {'sampling_rate': RATE})


@pytest.mark.parametrize('ending', ['.xdf', '.mat', '.npz'])
def test_damaged_file_is_refused_by_name(tmp_path, ending):
    (tmp_path / f'r{ending}').write_bytes(b'\x00rubbish' * 50)
    with pytest.raises((SourceError, SessionError), match=rf'r\{ending} cannot be read'):
        import_recording(tmp_path / f'r{ending}', tmp_path / 's', '', {'sampling_rate': RATE})


def two_files(recordings, name, tmp_path):
    """Return a folder with the two invalid files of a session."""
    folder = tmp_path / 'in' / name
    folder.mkdir(parents=True)
    for file in ('2.txt', '3.txt'):
        (folder / file).symlink_to(recordings / 'myo-readings' / name / file)
    return folder


def test_file_name_inconsistent_with_labels_is_refused(recordings, tmp_path):
    """3.txt of session 69069-1 should be radial deviation, but has the label of extension."""
    folder = two_files(recordings, '69069-1', tmp_path)
    with pytest.raises(SourceError, match=r"3\.txt: expected samples of class 3 'radial'.* 2 ext"):
        import_recording(
            folder, tmp_path / 's', find_mapping('myo'), {'file_names': '{class}.txt'}
        )
    import_recording(folder, tmp_path / 's', find_mapping('myo'))
    (message,) = [
        f.message
        for f in check_session(tmp_path / 's')
        if f.message.startswith('Classes of the session without')
    ]
    assert 'radial' in message


def test_recordings_with_invalid_lines_are_refused_or_imported_with_skip(recordings, tmp_path):
    # In 2.txt of 19999-2 two recordings are joined within a line, which adds a repetition.
    for name, place, count in (
        ('19999-2', '2.txt, line 12322', 7),
        ('64917-1', '2.txt, line 1032', 6),
    ):
        folder = two_files(recordings, name, tmp_path)
        with pytest.raises(SourceError, match=f'{place}: expected 9 columns as in most lines'):
            import_recording(folder, tmp_path / name, find_mapping('myo'))
        session = imported(folder, tmp_path / name, find_mapping('myo'), {'on_bad_line': 'skip'})
        numbers = {label.repetition for label in session.labels() if label.name == 'extension'}
        assert numbers == set(range(count))


def test_shipped_mapping_is_found_by_name(tmp_path):
    assert find_mapping('myo').endswith('config/recordings/myo.yaml')
    with pytest.raises(SourceError, match="no mapping 'mio'; .* name of a shipped one: myo"):
        find_mapping('mio')
