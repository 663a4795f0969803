"""Files of recordings: what can be read, and what is said of what cannot."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import yaml
from support.paths import ROOT

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.importers.mapping import INTERNAL_FIELDS, RecordingFormat
from myogestic_ros.sources.importers.reader import load_pieces
from myogestic_ros.sources.replay import Replay

GOOD = [f'{n % 100},{-n % 50},{n // 100}' for n in range(300)]
FORMAT = RecordingFormat(sampling_rate=1000.0, scale=1.0, class_names=('rest', 'fist', 'open'))


def load(path, text, **fields):
    """Write a file, and return the pieces that are read from it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = {'sampling_rate': 1000.0, 'scale': 1.0, 'class_names': ['rest', 'fist', 'open']}
    return load_pieces(path, RecordingFormat.from_mapping(path, '', {**given, **fields}))


@pytest.mark.parametrize(
    'text',
    [
        '\n'.join(GOOD),
        '\r\n'.join(['one,two,label', *GOOD]) + '\r\n',
        '\ufeff' + '\n'.join(GOOD),
        '# made by hand\n\none,two,label\n' + '\n\n'.join(GOOD),
        '\n'.join(f'{line},' for line in GOOD),
        '\n'.join(GOOD).replace(',', ';'),
        '\n'.join(GOOD).replace(',', '\t'),
        '\n'.join(GOOD).replace(',', '   '),
    ],
    ids=['plain', 'header', 'mark', 'comment', 'trailing', 'semicolon', 'tab', 'spaces'],
)
def test_tables_of_many_kinds_hold_the_same(tmp_path, text):
    (piece,) = load(tmp_path / 'r.csv', text)
    assert piece.data.dtype == np.float32
    assert piece.data.tolist() == [[n % 100, -n % 50] for n in range(300)]
    assert piece.labels.tolist() == [n // 100 for n in range(300)]


@pytest.mark.parametrize(
    ('line', 'fault'),
    [
        ('1,2,3,0', 'expected 3 columns as in most lines, got 4'),
        ('1,x,0', "expected 3 numbers, got '1,x,0'"),
        ('1,nan,0', "expected finite numbers, got '1,nan,0'"),
        ('1,2,9', 'expected a class from 0 to 2 in column -1, got 9'),
        ('1,2,0.5', 'expected a class from 0 to 2'),
        ('1,2,nan', 'expected a class from 0 to 2'),
    ],
)
def test_a_bad_line_is_named_or_skipped(tmp_path, line, fault):
    text = '\n'.join([*GOOD[:150], line, *GOOD[151:]])
    with pytest.raises(SourceError, match=f'r.csv, line 151: {fault}'):
        load(tmp_path / 'r.csv', text)
    before, after = load(tmp_path / 'r.csv', text, on_bad_line='skip')
    assert (len(before.data), len(after.data)) == (150, 149)
    assert after.first_sample >= 150 + 1000  # no window spans what is missing


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('', 'no samples'),
        ('one,two,label\n\n', 'no samples'),
        ('this\nis no\nrecording', 'no numbers'),
        (bytes(range(256)), 'cannot be read'),
    ],
)
def test_a_file_that_is_no_recording(tmp_path, text, fault):
    with pytest.raises(SourceError, match=fault):
        load(tmp_path / 'r.csv', text)


@pytest.mark.parametrize(
    'fields', [{'label_column': 20}, {'time_column': 3}, {'channels': [0, 20]}, {'channels': [-9]}]
)
def test_columns_that_are_not_there(tmp_path, fields):
    with pytest.raises(SourceError, match='has 3 columns; expected channels'):
        load(tmp_path / 'r.csv', '\n'.join(GOOD), **fields)


def test_columns_are_chosen(tmp_path):
    text = '\n'.join(GOOD)
    (piece,) = load(tmp_path / 'r.csv', text, channels=[1])
    assert piece.data.shape == (300, 1)
    timed = '\n'.join(f'{n / 1000},{line}' for n, line in enumerate(GOOD))
    (piece,) = load(tmp_path / 'r.csv', timed, time_column=0)
    assert piece.data.tolist() == [[n % 100, -n % 50] for n in range(300)]
    (piece,) = load(tmp_path / 'r.csv', text, label_column=-2)
    assert piece.data.shape == (300, 3)
    assert set(piece.labels) == {-1}


@pytest.mark.parametrize(
    ('arrays', 'fault'),
    [
        ({'labels': np.zeros(5)}, "expected an array 'emg' or 'data'"),
        ({'emg': np.array([['a', 'b']])}, "expected an array 'emg' or 'data'"),
        ({'emg': np.full((5, 2), np.nan)}, 'expected finite numbers; 5 samples'),
        ({'emg': np.zeros((5, 2)), 'labels': np.zeros(4)}, 'one whole number for each of 5'),
        ({'emg': np.zeros((5, 2)), 'labels': np.array(list('abcde'))}, 'one whole number'),
        ({'emg': np.zeros((5, 2)), 'labels': np.full(5, 9)}, 'labels from 0 to 2'),
    ],
)
def test_npz_that_is_no_recording(tmp_path, arrays, fault):
    np.savez(tmp_path / 'r.npz', **arrays)
    with pytest.raises(SourceError, match=fault):
        load_pieces(tmp_path / 'r.npz', FORMAT)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 and so on'])
def test_a_broken_npz(tmp_path, content):
    (tmp_path / 'r.npz').write_bytes(content)
    with pytest.raises(SourceError, match='cannot be read'):
        load_pieces(tmp_path / 'r.npz', FORMAT)


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('colour: red', 'unknown colour'),
        ('sampling_rate: -1', 'positive'),
        ('sampling_rate: fast', 'fast'),
        ('label_column: last', 'number of a column'),
        ('channels: 3', 'expected a list'),
        ('class_names: rest', 'expected a list'),
        ('on_bad_line: ignore', 'expected error or skip'),
        ('- x', 'no fields'),
        ('scale: 1\nscale: 2', "line 2: duplicate key 'scale', first given in line 1"),
        ('scale: 1\ncolour: red\nchannels: 3', 'line 2: unknown colour; line 3: channels is 3'),
    ],
)
def test_a_mapping_that_is_none(tmp_path, text, fault):
    (tmp_path / 'recording.yaml').write_text(text)
    with pytest.raises(SourceError, match=fault):
        RecordingFormat.from_mapping(tmp_path, '', {})


def test_a_scale_without_a_point_is_a_number_all_the_same(tmp_path):
    (tmp_path / 'recording.yaml').write_text('scale: 1e-6')  # to YAML that is a string
    assert RecordingFormat.from_mapping(tmp_path, '', {}).scale == 1e-6


def test_the_mapping_that_we_ship_is_the_default(tmp_path):
    shipped = ROOT / 'config' / 'recordings' / 'myo.yaml'
    assert RecordingFormat.from_mapping(tmp_path, str(shipped), {}) == RecordingFormat()
    assert (
        set(yaml.safe_load(shipped.read_text()))
        == {field.name for field in fields(RecordingFormat)} - INTERNAL_FIELDS
    )


def test_the_sessions_that_are_not_clean(recordings):
    folder = recordings / 'myo-readings'
    for name in ('19999-2', '64917-1'):
        with pytest.raises(SourceError, match=f'{name}.*line .*columns as in most lines'):
            _ = Replay({'path': str(folder / name)}).duration_s
        assert Replay({'path': str(folder / name), 'on_bad_line': 'skip'}).duration_s > 300


def test_a_wrong_label_that_names_a_class_is_believed(recordings):
    """No line of it is bad, so no error: only its folder's custom says that 3.txt is radial."""
    pieces = load_pieces(recordings / 'myo-readings' / '69069-1', RecordingFormat())
    assert {piece.name: set(piece.labels.tolist()) for piece in pieces}['3.txt'] == {0, 2}
