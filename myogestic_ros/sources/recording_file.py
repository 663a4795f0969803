"""Recordings in CSV and NPZ: contiguous pieces of labelled samples."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS, Samples
from myogestic_ros.sources.recording_format import RecordingFormat
from myogestic_ros.sources.recording_text import columns_of, read_tables

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
    pieces: list[Piece] = []
    next_sample = 0
    gap = max(1, round(layout.sampling_rate))
    for file in _files(path):
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


def _read_text(file: Path, layout: RecordingFormat) -> Iterator[Piece]:
    for table in read_tables(file, layout):
        channels, label = columns_of(file, table.shape[1], layout)
        data = (table[:, channels] * layout.scale).astype(np.float32)
        labels = np.full(len(table), NO_CLASS) if label is None else table[:, label]
        yield Piece(file.name, data, labels.astype(np.int64))


def _read_npz(file: Path, layout: RecordingFormat) -> Iterator[Piece]:
    try:
        with np.load(file) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    emg = next((arrays[name] for name in ('emg', 'data') if name in arrays), None)
    if emg is None or emg.ndim != 2 or emg.dtype.kind not in 'iuf' or not emg.size:
        held = [f'{name} {array.shape} {array.dtype}' for name, array in arrays.items()]
        raise SourceError(
            f"{file} holds {', '.join(held) or 'nothing'}; expected an array 'emg' or 'data' of "
            f"numbers of shape (n_samples, n_channels), and perhaps 'labels' of shape (n_samples,)."
        )
    if not set(layout.channels) <= set(range(emg.shape[1])):
        raise SourceError(
            f'{file} has {emg.shape[1]} channels, expected {list(layout.channels)} among them.'
        )
    used = emg[:, list(layout.channels) or slice(None)]
    if bad := np.count_nonzero(~np.isfinite(used).all(axis=1)):
        raise SourceError(f'{file}: expected finite numbers; {bad} samples hold others.')
    labels = np.asarray(arrays.get('labels', np.full(len(emg), NO_CLASS)))
    limit = len(layout.class_names) or 10_000
    if labels.shape != (len(emg),) or labels.dtype.kind not in 'iuf' or (labels % 1 != 0).any():
        raise SourceError(
            f'{file}: labels are {labels.dtype} of shape {labels.shape}, expected one whole '
            f'number for each of {len(emg)} samples.'
        )
    if labels.min() < NO_CLASS or labels.max() >= limit:
        raise SourceError(
            f'{file}: expected labels from 0 to {limit - 1} (-1: none), got {labels.min():g} to '
            f'{labels.max():g}; name all classes in class_names.'
        )
    data = (used * layout.scale).astype(np.float32)
    yield Piece(file.name, data, labels.astype(np.int64))
