"""Read recording files as contiguous pieces of labelled samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.core.signals import NO_CLASS, Samples
from myogestic_ros.sessions.exchange.content import Content
from myogestic_ros.sessions.exchange.tables import csv_mapping, read_npz
from myogestic_ros.sources.importers.arrays import read_arrays, select_array, select_samples
from myogestic_ros.sources.importers.file_names import FileName, natural_sort_key, parse_file_names
from myogestic_ros.sources.importers.labels import (
    Indices,
    class_indices,
    expected_classes,
    repetition_numbers,
)
from myogestic_ros.sources.importers.mapping import NO_COLUMN, RecordingFormat
from myogestic_ros.sources.importers.text import read_blocks
from myogestic_ros.sources.importers.timestamps import find_segments
from myogestic_ros.sources.importers.xdf import read_xdf

__all__ = ['Piece', 'Recording', 'load_pieces', 'load_recording']

TEXT_SUFFIXES = ('.csv', '.txt', '.tsv', '.dat')
SUFFIXES = (*TEXT_SUFFIXES, '.npz', '.mat', '.xdf')


@dataclass
class Piece:
    """Consecutive samples of one file.

    Attributes
    ----------
    name : str
        Name of the file.
    data : ndarray of float32, shape (n_samples, n_channels)
        In volt.
    labels : ndarray of int, shape (n_samples,)
        Class index of each sample.
    first_sample : int
        Index of the first sample in the recording.
    repetitions : ndarray of int, shape (n_samples,)
        Repetition number of each sample, -1 where the recording gives none; empty if it gives
        none at all. See `myogestic_ros.sources.importers.repetitions`.
    """

    name: str
    data: Samples
    labels: Indices
    first_sample: int = 0
    repetitions: Indices = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class Recording:
    """Recording in memory, and its format completed by what its files contain."""

    pieces: list[Piece]
    layout: RecordingFormat
    files: list[Path]


def load_pieces(path: Path, layout: RecordingFormat) -> list[Piece]:
    """Read a recording; return only the pieces. See `load_recording`."""
    return load_recording(path, layout).pieces


def load_recording(path: Path, layout: RecordingFormat) -> Recording:
    """Read a recording: one file, or all files of a folder in the order of their names.

    Between two files, and where invalid lines were skipped, at least the indices of one second
    are left out, so that no window spans the gap. If the file contains times, the number of
    indices left out is the number of missing samples.

    Parameters
    ----------
    path : Path
        Recording file, or folder of files.
    layout : RecordingFormat
        Format of the files.

    Raises
    ------
    SourceError
        If there are no samples, or a file is invalid; the message gives file, line and the
        expected content.
    """
    folder = path if path.is_dir() else path.parent
    files = _files(path, layout)
    names, layout = parse_file_names(files, folder, layout)
    pieces: list[Piece] = []
    next_sample = 0
    for name in names:
        read, layout = _read(name.file, layout)
        gap = max(1, round(layout.sampling_rate))
        for piece in read:
            if pieces and piece.data.shape[1] != pieces[0].data.shape[1]:
                raise SourceError(
                    f'{name.file} has {piece.data.shape[1]} channels, expected '
                    f'{pieces[0].data.shape[1]} as in {pieces[0].name}.'
                )
            _apply_file_name(piece, name, layout)
            piece.first_sample += next_sample
            pieces.append(piece)
        if read:
            next_sample = pieces[-1].first_sample + len(pieces[-1].data) + gap
    if not pieces:
        raise SourceError(f'{path} contains no samples.')
    channels = pieces[0].data.shape[1]
    if layout.channel_names and len(layout.channel_names) != channels:
        raise SourceError(
            f'{path} has {channels} channels, expected {len(layout.channel_names)} as '
            f'in channel_names.'
        )
    return Recording(pieces, layout, files)


def _apply_file_name(piece: Piece, name: FileName, layout: RecordingFormat) -> None:
    """Set class and repetition from the file name; check the class against the labels."""
    if name.repetition is not None:
        piece.repetitions = np.full(len(piece.data), name.repetition, np.int64)
    if name.label is None:
        return
    held = sorted(set(piece.labels.tolist()) - {NO_CLASS})
    if not held:
        piece.labels = np.full(len(piece.data), name.label, np.int64)
    elif name.label not in held:
        labels = ', '.join(f'{index} {layout.class_name(index)}' for index in held)
        raise SourceError(
            f'{name.file}: expected samples of class {name.label} '
            f"'{layout.class_name(name.label)}' as in the file name; its labels are {labels}. "
            f'Correct the labels, or rename the file.'
        )


def _files(path: Path, layout: RecordingFormat) -> list[Path]:
    if not path.exists():
        raise SourceError(f'There is no recording {path}; expected the path of a file or folder.')
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise SourceError(f'{path} is not a recording file; expected {", ".join(SUFFIXES)}.')
        return [path]
    found = path.rglob('*') if '/' in layout.file_names else path.iterdir()
    files = [
        f
        for f in found
        if f.suffix.lower() in SUFFIXES
        and not any(part.startswith('.') for part in f.relative_to(path).parts)
    ]
    if not files:
        raise SourceError(
            f'{path} contains no recording; expected files ending in {", ".join(SUFFIXES)}, or a '
            f'rosbag2 session.'
        )
    return sorted(files, key=natural_sort_key)


def _read(file: Path, layout: RecordingFormat) -> tuple[list[Piece], RecordingFormat]:
    """Return the pieces of one file, and the format completed by the content of the file."""
    suffix = file.suffix.lower()
    if '{class}' in layout.file_names and 'label_column' not in layout.explicit:
        layout = replace(layout, label_column=NO_COLUMN)
    if suffix == '.xdf':
        found, layout = read_xdf(file, layout)
        return [Piece(file.name, *parts) for parts in found], layout
    if suffix in ('.npz', '.mat'):
        if suffix == '.npz' and (content := _exported(file)) is not None:
            layout = _as_exported(content, layout)
        return [_of_arrays(file, layout)], layout
    return list(_of_text(file, layout)), layout


def _exported(file: Path) -> Content | None:
    try:
        return read_npz(file)
    except SessionError:  # the general reader reports the error
        return None


def _as_exported(content: Content, layout: RecordingFormat) -> RecordingFormat:
    """Return the format of a file that this package exported; fields set by the user stay."""
    names = ('sampling_rate', 'scale', 'class_names', 'channel_names')
    known = {name: value for name, value in csv_mapping(content).items() if name in names}
    made = RecordingFormat.from_mapping(Path(), '', known)
    own = {name: getattr(made, name) for name in known if name not in layout.explicit}
    return replace(layout, **own, explicit=layout.explicit | set(own))


def _of_text(file: Path, layout: RecordingFormat) -> Iterator[Piece]:
    gap = max(1, round(layout.sampling_rate))
    next_sample = 0
    for block in read_blocks(file, layout):
        table, columns = block.table, block.columns
        data = (table[:, columns.channels] * layout.scale).astype(np.float32)
        labels: NDArray[np.int64] = np.full(len(table), NO_CLASS, np.int64)
        if columns.label is not None:
            labels = table[:, columns.label].astype(np.int64)
        numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        if columns.repetition is not None:
            numbers = repetition_numbers(table[:, columns.repetition], layout)
        runs = [(0, len(table), 0)]
        if columns.time is not None:
            times_s = table[:, columns.time] * layout.time_scale
            runs = find_segments(times_s, layout.sampling_rate, block.place_in(file))
        for start, stop, first in runs:
            yield Piece(
                file.name,
                data[start:stop],
                labels[start:stop],
                next_sample + first,
                numbers[start:stop],
            )
        start, stop, first = runs[-1]
        next_sample += first + stop - start + gap


def _of_arrays(file: Path, layout: RecordingFormat) -> Piece:
    arrays = read_arrays(file)
    used = select_samples(file, arrays, layout)
    data = (used * layout.scale).astype(np.float32)
    return Piece(
        file.name,
        data,
        _labels(file, arrays, len(data), layout),
        repetitions=_repetitions(file, arrays, len(data), layout),
    )


def _labels(
    file: Path, arrays: dict[str, Any], n_samples: int, layout: RecordingFormat
) -> Indices:
    name, value = select_array(file, arrays, 'labels', layout)
    if value is None:
        return np.full(n_samples, NO_CLASS, np.int64)
    raw = np.asarray(value)
    raw = raw.ravel() if raw.size == max(raw.shape, default=0) else raw
    textual = raw.dtype.kind in 'UO' and (bool(layout.label_values) or _are_texts(raw))
    whole = raw.dtype.kind in 'iub' or (raw.dtype.kind == 'f' and not (raw % 1 != 0).any())
    named = textual and set(np.unique(raw.astype(str))) <= set(layout.class_names)
    if raw.shape != (n_samples,) or not (whole or named or (textual and layout.label_values)):
        raise SourceError(
            f'{file}: labels are {raw.dtype} of shape {raw.shape}, expected one whole '
            f'number for each of {n_samples} samples, or names in class_names.'
        )
    labels, bad = class_indices(raw.astype(str) if textual else raw, layout)
    if bad.any():
        row = int(np.argmax(bad))
        raise SourceError(
            f"{file}, sample {row} of '{name}': expected labels {expected_classes(layout)} (-1: "
            f'none), got {raw[row]} ({np.count_nonzero(bad)} samples have unknown labels); name all '
            f'classes in class_names.'
        )
    return labels


def _are_texts(raw: Any) -> bool:
    return raw.dtype.kind == 'U' or all(isinstance(value, str) for value in raw)


def _repetitions(
    file: Path, arrays: dict[str, Any], n_samples: int, layout: RecordingFormat
) -> Indices:
    _, value = select_array(file, arrays, 'repetitions', layout)
    raw = np.zeros(0) if value is None else np.asarray(value).ravel()
    if raw.size and (raw.size != n_samples or raw.dtype.kind not in 'iuf'):
        raise SourceError(
            f'{file}: repetitions are {raw.dtype} of {raw.size}, expected a whole number for each '
            f'of {n_samples} samples.'
        )
    return repetition_numbers(raw, layout)
