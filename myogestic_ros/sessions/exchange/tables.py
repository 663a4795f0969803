"""Sessions as tables that other programs read, NPZ and CSV, and back without loss."""

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
from myogestic_ros.sessions.exchange.content import Content, Frames
from myogestic_ros.sessions.exchange.session_metadata import SECTION, document_of, restored

__all__ = ['content_of_csv', 'content_of_npz', 'mapping_of', 'write_csv', 'write_npz']

FRAMES = ('frame_rows', 'frame_first_samples', 'frame_stamps_ns', 'frame_log_ns')
AFTER = ('label', 'repetition', 'frame', 'recorded_s')
"""Columns of a CSV behind the channels; ``time_s`` and ``sample`` are before them."""


def write_npz(content: Content, file: Path) -> list[Path]:
    """Write a session as arrays; return the files.

    Raises
    ------
    SessionError
        When the file exists, or cannot be written.
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
        SECTION: np.array(json.dumps(document_of(content))),
    }

    def write(part: Path) -> None:
        with part.open('wb') as stream:
            np.savez(stream, **arrays)

    _write(file, write)
    return [file]


def content_of_npz(file: Path) -> Content | None:
    """Return the session in a file that `write_npz` wrote; None when another program wrote it.

    Raises
    ------
    SessionError
        When it is damaged.
    """
    try:
        with np.load(file) as arrays:
            if SECTION not in arrays.files:
                return None
            document = json.loads(str(arrays[SECTION]))
            data = np.asarray(arrays['emg'])
            frames = Frames(*(np.asarray(arrays[name], np.int64) for name in FRAMES))
            labels = arrays['labels'], arrays['repetitions']
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SessionError(f'{file} cannot be read: {error}') from error
    if data.dtype != np.float32:
        raise SessionError(f"{file}: its array 'emg' is {data.dtype}, expected float32, in volt.")
    content = restored(document, data, frames, file)
    _check_labels(content, labels, lambda row: f'{file}, sample {row}')
    return content


def mapping_of(content: Content) -> dict[str, Any]:
    """Return how a CSV of a session is to be read: the fields of a recording's mapping."""
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
    """Return the names of the classes, by index; those of the labels where the info lack them."""
    names = dict(enumerate(content.info.class_names))
    for event in content.events:
        label = event.label
        if label.index >= 0 and not names.get(label.index):
            names[label.index] = label.name
    return [names.get(i) or f'class {i}' for i in range(max(names, default=-1) + 1)]


def write_csv(content: Content, file: Path) -> list[Path]:
    """Write a session as text, and beside it a mapping (YAML) that says how to read it.

    Every number is written with as many digits as it takes to read the same one again.

    Raises
    ------
    SessionError
        When one of the files exists, or cannot be written.
    """
    mapping = file.with_suffix('.yaml')
    if mapping.exists():
        raise SessionError(f'{mapping} exists already; nothing is overwritten.')
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
    header = ','.join(['time_s', 'sample', *names, *AFTER])
    formats = ['%.9f', '%d', *(['%.9g'] * len(names)), '%d', '%d', '%d', '%.9f']

    def write(part: Path) -> None:
        np.savetxt(part, table, formats, delimiter=',', header=header, comments='')

    _write(file, write)
    beside = {**mapping_of(content), SECTION: document_of(content)}
    text = (
        f'# How to read {file.name}; "myogestic sessions import {file.name}" makes it a session.\n'
    )
    dumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)
    text += yaml.dump(beside, None, dumper, sort_keys=False, allow_unicode=True)
    _write(mapping, lambda part: part.write_text(text, encoding='utf-8'))
    return [file, mapping]


def content_of_csv(file: Path) -> Content | None:
    """Return the session in a file that `write_csv` wrote; None when another program wrote it.

    Raises
    ------
    SessionError
        When it is damaged.
    """
    beside = file.with_suffix('.yaml')
    try:
        loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
        mapping: Any = yaml.load(beside.read_text(encoding='utf-8'), loader)
        document = mapping[SECTION]
        names = document['stream']['channel_names']
        start_ns = int(document['start_ns'])
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, OSError, KeyError, TypeError, ValueError):
        return None  # a mapping written by hand; whoever reads it as one says what is wrong
    width = len(names) + 2 + len(AFTER)
    try:
        table = np.loadtxt(file, delimiter=',', skiprows=1, ndmin=2, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise SessionError(f'{file} cannot be read: {error}') from error
    if table.shape[1] != width:
        raise SessionError(f'{file} has {table.shape[1]} columns, expected {width} as exported.')
    numbers = table[:, -2]
    rows: NDArray[np.int64] = np.flatnonzero(np.diff(numbers, prepend=-1)).astype(np.int64)
    begin = table[rows]
    frames = Frames(
        rows,
        begin[:, 1].astype(np.int64),
        start_ns + np.rint(begin[:, 0] * 1e9).astype(np.int64),
        start_ns + np.rint(begin[:, -1] * 1e9).astype(np.int64),
    )
    data = table[:, 2 : len(names) + 2].astype(np.float32)
    content = restored(document, data, frames, file)
    lost = np.flatnonzero(table[:, 1] != content.sample_indices())
    if len(lost):
        row = int(lost[0])
        raise SessionError(
            f'{file}, line {row + 2}: sample {table[row, 1]:.0f}, expected '
            f"{content.sample_indices()[row]} within this frame; without its part '{SECTION}' in "
            f'{beside.name} the file is read as any other recording.'
        )
    labels = table[:, width - 4], table[:, width - 3]
    _check_labels(content, labels, lambda row: f'{file}, line {row + 2}')
    return content


def _check_labels(content: Content, labels: tuple[Any, Any], where: Callable[[int], str]) -> None:
    """Refuse a table whose labels were changed: two truths in one file."""
    for name, column, noted in zip(('label', 'repetition'), labels, content.labels(), strict=True):
        found = np.asarray(column)
        if found.shape != noted.shape:
            raise SessionError(
                f'{where(0)}: {name}s of shape {found.shape}, expected {noted.shape}.'
            )
        changed = np.flatnonzero(found != noted)
        if len(changed):
            row = int(changed[0])
            raise SessionError(
                f'{where(row)}: {name} {found[row]:g}, expected {noted[row]} as in its part '
                f"'{SECTION}' ({len(changed)} rows differ). If it was changed on purpose, take "
                f'that part out, and the table alone counts.'
            )


def _write(file: Path, write: Callable[[Path], Any]) -> None:
    """Write a file in one go, and none that exists."""
    if file.exists():
        raise SessionError(f'{file} exists already; nothing is overwritten.')
    part = file.with_name(f'.{file.name}.part')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        os.replace(part, file)
    except OSError as error:
        raise SessionError(f'{file} cannot be written: {error}') from error
    finally:
        part.unlink(missing_ok=True)
