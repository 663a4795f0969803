"""Reading of recording files: accepted variants, and error messages for invalid files."""

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
    """Write a file; return the pieces read from it."""
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
def test_text_variants_give_the_same_samples(tmp_path, text):
    (piece,) = load(tmp_path / 'r.csv', text)
    assert piece.data.dtype == np.float32
    assert piece.data.tolist() == [[n % 100, -n % 50] for n in range(300)]
    assert piece.labels.tolist() == [n // 100 for n in range(300)]


@pytest.mark.parametrize(
    ('line', 'error'),
    [
        ('1,2,3,0', 'expected 3 columns as in most lines, got 4'),
        ('1,x,0', "expected 3 numbers, got '1,x,0'"),
        ('1,nan,0', "expected finite numbers, got '1,nan,0'"),
        ('1,2,9', 'expected a class from 0 to 2 in column -1, got 9'),
        ('1,2,0.5', 'expected a class from 0 to 2'),
        ('1,2,nan', 'expected a class from 0 to 2'),
    ],
)
def test_invalid_line_is_reported_or_skipped(tmp_path, line, error):
    text = '\n'.join([*GOOD[:150], line, *GOOD[151:]])
    with pytest.raises(SourceError, match=f'r.csv, line 151: {error}'):
        load(tmp_path / 'r.csv', text)
    before, after = load(tmp_path / 'r.csv', text, on_bad_line='skip')
    assert (len(before.data), len(after.data)) == (150, 149)
    assert after.first_sample >= 150 + 1000  # no window spans the skipped line


@pytest.mark.parametrize(
    ('text', 'error'),
    [
        ('', 'contains no samples'),
        ('one,two,label\n\n', 'no samples'),
        ('this\nis no\nrecording', 'no numbers'),
        (bytes(range(256)), 'cannot be read'),
    ],
)
def test_file_without_samples_is_refused(tmp_path, text, error):
    with pytest.raises(SourceError, match=error):
        load(tmp_path / 'r.csv', text)


@pytest.mark.parametrize(
    'fields', [{'label_column': 20}, {'time_column': 3}, {'channels': [0, 20]}, {'channels': [-9]}]
)
def test_missing_columns_are_refused(tmp_path, fields):
    with pytest.raises(SourceError, match='has 3 columns; expected channels'):
        load(tmp_path / 'r.csv', '\n'.join(GOOD), **fields)


def test_columns_are_selected(tmp_path):
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
    ('arrays', 'error'),
    [
        ({'labels': np.zeros(5)}, "expected an array 'emg' or 'data'"),
        ({'emg': np.array([['a', 'b']])}, "expected an array 'emg' or 'data'"),
        ({'emg': np.full((5, 2), np.nan)}, 'expected finite numbers; 5 samples'),
        ({'emg': np.zeros((5, 2)), 'labels': np.zeros(4)}, 'one whole number for each of 5'),
        ({'emg': np.zeros((5, 2)), 'labels': np.array(list('abcde'))}, 'one whole number'),
        ({'emg': np.zeros((5, 2)), 'labels': np.full(5, 9)}, 'labels from 0 to 2'),
    ],
)
def test_npz_without_recording_is_refused(tmp_path, arrays, error):
    np.savez(tmp_path / 'r.npz', **arrays)
    with pytest.raises(SourceError, match=error):
        load_pieces(tmp_path / 'r.npz', FORMAT)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 and so on'])
def test_damaged_npz_is_refused(tmp_path, content):
    (tmp_path / 'r.npz').write_bytes(content)
    with pytest.raises(SourceError, match='cannot be read'):
        load_pieces(tmp_path / 'r.npz', FORMAT)


@pytest.mark.parametrize(
    ('text', 'error'),
    [
        ('colour: red', 'unknown colour'),
        ('sampling_rate: -1', 'positive'),
        ('sampling_rate: fast', 'fast'),
        ('label_column: last', 'number of a column'),
        ('channels: 3', 'expected a list'),
        ('class_names: rest', 'expected a list'),
        ('on_bad_line: ignore', 'expected error or skip'),
        ('- x', 'has no fields'),
        ('scale: 1\nscale: 2', "line 2: duplicate key 'scale', first given in line 1"),
        ('scale: 1\ncolour: red\nchannels: 3', 'line 2: unknown colour; line 3: channels is 3'),
    ],
)
def test_invalid_mapping_is_refused(tmp_path, text, error):
    (tmp_path / 'recording.yaml').write_text(text)
    with pytest.raises(SourceError, match=error):
        RecordingFormat.from_mapping(tmp_path, '', {})


def test_number_without_decimal_point_is_accepted(tmp_path):
    (tmp_path / 'recording.yaml').write_text('scale: 1e-6')  # YAML reads this as a string
    assert RecordingFormat.from_mapping(tmp_path, '', {}).scale == 1e-6


def test_shipped_myo_mapping_equals_the_defaults(tmp_path):
    shipped = ROOT / 'config' / 'recordings' / 'myo.yaml'
    assert RecordingFormat.from_mapping(tmp_path, str(shipped), {}) == RecordingFormat()
    assert (
        set(yaml.safe_load(shipped.read_text()))
        == {field.name for field in fields(RecordingFormat)} - INTERNAL_FIELDS
    )


def test_recordings_with_ragged_lines_are_refused_or_skipped(recordings):
    folder = recordings / 'myo-readings'
    for name in ('19999-2', '64917-1'):
        with pytest.raises(SourceError, match=f'{name}.*line .*columns as in most lines'):
            _ = Replay({'path': str(folder / name)}).duration_s
        assert Replay({'path': str(folder / name), 'on_bad_line': 'skip'}).duration_s > 300


def test_valid_but_wrong_label_is_not_detected(recordings):
    """Every line is valid; only the convention of the folder gives the class of 3.txt."""
    pieces = load_pieces(recordings / 'myo-readings' / '69069-1', RecordingFormat())
    assert {piece.name: set(piece.labels.tolist()) for piece in pieces}['3.txt'] == {0, 2}
