"""Write sessions as NPZ and CSV tables, and read them without loss."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.untrusted import parse_json
from myogestic_ros.core.yaml_file import read_yaml
from myogestic_ros.sessions.exchange.content import Content, Frames
from myogestic_ros.sessions.exchange.session_metadata import (
    SECTION,
    content_from_metadata,
    metadata_from_content,
)

__all__ = ['csv_mapping', 'read_csv', 'read_npz', 'write_csv', 'write_npz']

FRAME_ARRAYS = ('frame_rows', 'frame_first_samples', 'frame_stamps_ns', 'frame_log_ns')
LAST_COLUMNS = ('label', 'repetition', 'frame', 'recorded_s')
"""Columns of a CSV file after the channels; ``time_s`` and ``sample`` precede them."""


def write_npz(content: Content, file: Path) -> list[Path]:
    """Write a session as NPZ file; return the file as a list.

    Parameters
    ----------
    content : Content
        Content of the session.
    file : Path
        File to write; must not exist.

    Raises
    ------
    SessionError
        If the file exists or cannot be written.
    """
    labels, repetitions = content.labels()
    frames = content.frames
    arrays: dict[str, Any] = {
        'emg': content.data,
        'labels': labels,
        'repetitions': repetitions,
        'times_s': (content.times_ns() - content.start_ns) * 1e-9,
        'sample_indices': content.sample_indices(),
        'sampling_rate': np.float64(content.stream.sampling_rate),
        'class_names': np.array(class_names(content), np.str_),
        'channel_names': np.array(content.stream.channel_names, np.str_),
        'frame_rows': frames.rows,
        'frame_first_samples': frames.first_samples,
        'frame_stamps_ns': frames.stamps_ns,
        'frame_log_ns': frames.log_ns,
        SECTION: np.array(json.dumps(metadata_from_content(content))),
    }

    def write(part: Path) -> None:
        with part.open('wb') as stream:
            np.savez(stream, **arrays)

    _write_atomically(file, write)
    return [file]


def read_npz(file: Path) -> Content | None:
    """Read a session from an NPZ file; return None if the file was not written by `write_npz`.

    Raises
    ------
    SessionError
        If the file cannot be read, is malformed, or was changed inconsistently.
    """
    try:
        with np.load(file) as arrays:
            if SECTION not in arrays.files:
                return None
            metadata = parse_json(str(arrays[SECTION]))
            data = np.asarray(arrays['emg'])
            frames = Frames(*(np.asarray(arrays[name], np.int64) for name in FRAME_ARRAYS))
            labels = arrays['labels'], arrays['repetitions']
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SessionError(f'Cannot read {file}: {error}') from error
    if data.dtype != np.float32:
        raise SessionError(
            f"The array 'emg' of {file} is {data.dtype}, expected float32, in volt."
        )
    content = content_from_metadata(metadata, data, frames, file)
    _check_labels(content, labels, lambda row: f'{file}, sample {row}')
    return content


def csv_mapping(content: Content) -> dict[str, Any]:
    """Return the import mapping of the CSV file of a session."""
    channels = content.data.shape[1]
    return {
        'sampling_rate': content.stream.sampling_rate,
        'scale': 1.0,
        'channels': list(range(2, channels + 2)),
        'channel_names': list(content.stream.channel_names),
        'time_column': 0,
        'label_column': channels + 2,
        'repetition_column': channels + 3,
        'class_names': class_names(content),
    }


def class_names(content: Content) -> list[str]:
    """Return the class names by class index, completed with the names in the labels."""
    names = dict(enumerate(content.info.class_names))
    for event in content.events:
        label = event.label
        if label.index >= 0 and not names.get(label.index):
            names[label.index] = label.name
    return [names.get(i) or f'class {i}' for i in range(max(names, default=-1) + 1)]


def write_csv(content: Content, file: Path) -> list[Path]:
    """Write a session as CSV file, with a YAML mapping to import it; return both files.

    All numbers have enough digits to be read without loss.

    Parameters
    ----------
    content : Content
        Content of the session.
    file : Path
        File to write. The mapping has the same name with the suffix ``.yaml``. Neither may exist.

    Raises
    ------
    SessionError
        If one of the files exists or cannot be written.
    """
    mapping = file.with_suffix('.yaml')
    if mapping.exists():
        raise SessionError(f'{mapping} exists already and is not overwritten.')
    labels, repetitions = content.labels()
    numbers = content.frame_numbers()
    recorded_ns = content.frames.log_ns[numbers] - content.start_ns
    start_ns = content.start_ns
    table = np.column_stack(
        [
            (content.times_ns() - start_ns) * 1e-9,
            content.sample_indices(),
            content.data.astype(np.float64),
            *(labels, repetitions, numbers, recorded_ns * 1e-9),
        ]
    )
    names = [name.replace(',', ' ') for name in content.stream.channel_names]
    header = ','.join(['time_s', 'sample', *names, *LAST_COLUMNS])
    formats = ['%.9f', '%d', *(['%.9g'] * len(names)), '%d', '%d', '%d', '%.9f']

    def write(part: Path) -> None:
        np.savetxt(part, table, formats, delimiter=',', header=header, comments='')

    _write_atomically(file, write)
    content_of_mapping = {**csv_mapping(content), SECTION: metadata_from_content(content)}
    text = f'# Mapping of {file.name}; import it with "myogestic sessions import {file.name}".\n'
    dumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)
    text += yaml.dump(content_of_mapping, None, dumper, sort_keys=False, allow_unicode=True)
    _write_atomically(mapping, lambda part: part.write_text(text, encoding='utf-8'))
    return [file, mapping]


def read_csv(file: Path) -> Content | None:
    """Read a session from a CSV file; return None if the file was not written by `write_csv`.

    Raises
    ------
    SessionError
        If the file cannot be read, is malformed, or was changed inconsistently.
    """
    mapping_file = file.with_suffix('.yaml')
    try:
        if not mapping_file.exists():
            return None
        metadata = read_yaml(mapping_file).content[SECTION]
        names = metadata['stream']['channel_names']
        start_ns = int(metadata['start_ns'])
    except (OSError, KeyError, TypeError, ValueError):
        return None  # not an export; errors of the mapping are reported by its own reader
    n_columns = len(names) + 2 + len(LAST_COLUMNS)
    try:
        table = np.loadtxt(file, delimiter=',', skiprows=1, ndmin=2, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise SessionError(f'Cannot read {file}: {error}') from error
    if table.shape[1] != n_columns:
        raise SessionError(
            f'{file} has {table.shape[1]} columns, expected {n_columns} as exported.'
        )
    frame_numbers = table[:, -2]
    rows: NDArray[np.int64] = np.flatnonzero(np.diff(frame_numbers, prepend=-1)).astype(np.int64)
    first_rows = table[rows]
    frames = Frames(
        rows,
        first_rows[:, 1].astype(np.int64),
        start_ns + np.rint(first_rows[:, 0] * 1e9).astype(np.int64),
        start_ns + np.rint(first_rows[:, -1] * 1e9).astype(np.int64),
    )
    data = table[:, 2 : len(names) + 2].astype(np.float32)
    content = content_from_metadata(metadata, data, frames, file)
    wrong = np.flatnonzero(table[:, 1] != content.sample_indices())
    if len(wrong):
        row = int(wrong[0])
        raise SessionError(
            f'{file}, line {row + 2}: sample is {table[row, 1]:.0f}, expected '
            f"{content.sample_indices()[row]} in this frame. Remove the section '{SECTION}' from "
            f'{mapping_file.name} to import the file like one of another program.'
        )
    labels = table[:, n_columns - 4], table[:, n_columns - 3]
    _check_labels(content, labels, lambda row: f'{file}, line {row + 2}')
    return content


def _check_labels(content: Content, labels: tuple[Any, Any], where: Callable[[int], str]) -> None:
    """Raise if the label columns of a table contradict the labels in its metadata."""
    for name, column, expected in zip(
        ('label', 'repetition'), labels, content.labels(), strict=True
    ):
        found = np.asarray(column)
        if found.shape != expected.shape:
            raise SessionError(
                f'{where(0)}: {name} has shape {found.shape}, expected {expected.shape}.'
            )
        changed = np.flatnonzero(found != expected)
        if len(changed):
            row = int(changed[0])
            raise SessionError(
                f'{where(row)}: {name} is {found[row]:g}, expected {expected[row]} as in the section '
                f"'{SECTION}' ({len(changed)} rows differ). If the table was changed on purpose, "
                f'remove the section.'
            )


def _write_atomically(file: Path, write: Callable[[Path], Any]) -> None:
    """Write a new file atomically."""
    if file.exists():
        raise SessionError(f'{file} exists already and is not overwritten.')
    part = file.with_name(f'.{file.name}.part')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        os.replace(part, file)
    except OSError as error:
        raise SessionError(f'Cannot write {file}: {error}') from error
    finally:
        part.unlink(missing_ok=True)
