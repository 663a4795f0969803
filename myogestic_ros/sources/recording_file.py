"""Recordings in CSV and NPZ: contiguous pieces of labelled samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS, Samples
from myogestic_ros.sources.recording_format import NO_COLUMN, RecordingFormat

__all__ = ['Piece', 'load_pieces']

TEXT_SUFFIXES = ('.csv', '.txt', '.tsv', '.dat')
Indices = NDArray[np.int64]


@dataclass
class Piece:
    """Consecutive samples of one file.

    Attributes
    ----------
    name : str
        The file's name.
    data : ndarray of float32, shape (n_samples, n_channels)
        In volt.
    labels : ndarray of int, shape (n_samples,)
        Class index of each sample.
    first_sample : int
        Running index of the first sample in the recording.
    repetitions : ndarray of int, shape (n_samples,)
        Number of the repetition of its class; see `myogestic_ros.sources.repetitions`.
    """

    name: str
    data: Samples
    labels: Indices
    first_sample: int = 0
    repetitions: Indices = field(default_factory=lambda: np.zeros(0, np.int64))


def load_pieces(path: Path, layout: RecordingFormat) -> list[Piece]:
    """Read a recording: a file, or all files of a folder in the order of their names.

    Between two files, and where bad lines were skipped, at least a second's worth of sample
    indices is left out, so that no window spans the gap.

    Raises
    ------
    SourceError
        When there is nothing to read; for a bad line, with file, line, and what was expected.
    """
    files = _files(path)
    pieces: list[Piece] = []
    next_sample = 0
    gap = max(1, round(layout.sampling_rate))
    for file in files:
        read = _read_npz(file, layout) if file.suffix == '.npz' else _read_text(file, layout)
        for piece in read:
            if pieces and piece.data.shape[1] != pieces[0].data.shape[1]:
                raise SourceError(
                    f'{file} has {piece.data.shape[1]} channels, expected '
                    f'{pieces[0].data.shape[1]} as in {pieces[0].name}.'
                )
            piece.first_sample = next_sample
            next_sample += len(piece.data) + gap
            pieces.append(piece)
    if not pieces:
        raise SourceError(f'{path} holds no samples.')
    return pieces


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise SourceError(f'There is no recording {path}; give the path of a file or folder.')
    if path.is_file():
        return [path]
    suffixes = (*TEXT_SUFFIXES, '.npz')
    files = [f for f in path.iterdir() if f.suffix in suffixes and not f.name.startswith('.')]
    if not files:
        raise SourceError(
            f'{path} holds no recording; expected files ending in {", ".join(suffixes)}, or a '
            f'rosbag2 session.'
        )
    return sorted(files, key=_natural)


def _natural(file: Path) -> list[Any]:
    parts = re.split(r'(\d+)', file.name)
    return [int(part) if part.isdigit() else part for part in parts]


# -- CSV -----------------------------------------------------------------------------------------


def _delimiter(line: str) -> str | None:
    return next((mark for mark in (',', ';', '\t') if mark in line), None)


def _numbers(line: str, delimiter: str | None) -> list[float] | None:
    """Return the numbers in a line; None when it holds something else."""
    try:
        return [float(word) for word in line.strip().strip(',;').split(delimiter)]
    except ValueError:
        return None


def _read_text(file: Path, layout: RecordingFormat) -> Iterator[Piece]:
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    delimiter = _delimiter(lines[0]) if lines else None
    header = 1 if lines and _numbers(lines[0], delimiter) is None else 0
    lines = lines[header:]
    if not lines:
        raise SourceError(f'{file} holds no samples.')
    try:
        table = np.loadtxt(lines, delimiter=delimiter, ndmin=2)
        blocks = [table] if _bad_labels(table, layout).size == 0 else None
    except ValueError:
        blocks = None
    if blocks is None:
        blocks = list(_sift(file, lines, header, delimiter, layout))
    for block in blocks:
        yield _piece(file, block, layout)


def _bad_labels(table: NDArray[np.float64], layout: RecordingFormat) -> NDArray[np.int64]:
    """Return the rows whose label is no class."""
    if layout.label_column == NO_COLUMN:
        return np.zeros(0, np.int64)
    label = table[:, layout.label_column]
    limit = len(layout.class_names) or 10_000
    bad: NDArray[np.int64] = np.flatnonzero(
        (label % 1 != 0) | (label < NO_CLASS) | (label >= limit)
    )
    return bad


def _sift(
    file: Path, lines: list[str], header: int, delimiter: str | None, layout: RecordingFormat
) -> Iterator[NDArray[np.float64]]:
    """Yield the runs of good lines; complain about a bad one unless it is to be skipped."""
    counts = [len(_numbers(line, delimiter) or ()) for line in lines]
    width = int(np.bincount(counts).argmax())
    block: list[list[float]] = []
    for number, line in enumerate(lines, start=header + 1):
        if not line.strip():
            continue
        values = _numbers(line, delimiter)
        fault = None
        if values is None:
            fault = f"expected {width} numbers, got '{line[:40]}'"
        elif len(values) != width:
            fault = f'expected {width} columns as in most lines, got {len(values)}'
        elif _bad_labels(np.array([values]), layout).size:
            fault = (
                f'expected a class from 0 to {len(layout.class_names) - 1} in column '
                f'{layout.label_column}, got {values[layout.label_column]:g}'
            )
        if fault is None and values is not None:
            block.append(values)
            continue
        if layout.on_bad_line != 'skip':
            raise SourceError(
                f'{file}, line {number}: {fault}. Mend the file, or set on_bad_line to skip.'
            )
        if block:
            yield np.array(block)
            block = []
    if block:
        yield np.array(block)


def _piece(file: Path, table: NDArray[np.float64], layout: RecordingFormat) -> Piece:
    width = table.shape[1]
    try:
        others = {
            range(width)[column]
            for column in (layout.label_column, layout.time_column)
            if column != NO_COLUMN
        }
        columns = list(layout.channels) or [c for c in range(width) if c not in others]
        data = (table[:, columns] * layout.scale).astype(np.float32)
    except IndexError:
        raise SourceError(
            f'{file} has {width} columns; expected channels {list(layout.channels)}, label '
            f'{layout.label_column} and time {layout.time_column} among them.'
        ) from None
    if layout.label_column == NO_COLUMN:
        labels = np.full(len(table), NO_CLASS, np.int64)
    else:
        labels = table[:, layout.label_column].astype(np.int64)
    return Piece(file.name, data, labels)


# -- NPZ -----------------------------------------------------------------------------------------


def _read_npz(file: Path, layout: RecordingFormat) -> Iterator[Piece]:
    try:
        with np.load(file) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    name = next((name for name in ('emg', 'data') if name in arrays), None)
    if name is None or arrays[name].ndim != 2:
        raise SourceError(
            f"{file} holds {', '.join(arrays) or 'nothing'}; expected an array 'emg' or 'data' of "
            f"shape (n_samples, n_channels), and perhaps 'labels' of shape (n_samples,)."
        )
    columns = list(layout.channels) or slice(None)
    data = (arrays[name][:, columns] * layout.scale).astype(np.float32)
    labels = np.asarray(arrays.get('labels', np.full(len(data), NO_CLASS)))
    if labels.shape != (len(data),) or (labels % 1).any():
        raise SourceError(
            f'{file}: labels have the shape {labels.shape}, expected one whole number for each '
            f'of {len(data)} samples.'
        )
    yield Piece(file.name, data, labels.astype(np.int64))
