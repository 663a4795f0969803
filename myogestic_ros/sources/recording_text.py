"""Recordings as text: tables of numbers, and the lines that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.recording_format import NO_COLUMN, RecordingFormat

__all__ = ['columns_of', 'read_tables']

Table = NDArray[np.float64]


def columns_of(file: Path, width: int, layout: RecordingFormat) -> tuple[list[int], int | None]:
    """Return the columns of the channels, and that of the label (None: there is none).

    Raises
    ------
    SourceError
        When a file of ``width`` columns does not have them.
    """
    every = range(width)
    try:
        label = None if layout.label_column == NO_COLUMN else every[layout.label_column]
        time = None if layout.time_column == NO_COLUMN else every[layout.time_column]
        channels = [every[column] for column in layout.channels]
    except IndexError:
        raise SourceError(
            f'{file} has {width} columns; expected channels {list(layout.channels)}, label '
            f'{layout.label_column} and time {layout.time_column} among them.'
        ) from None
    channels = channels or [column for column in every if column not in (label, time)]
    if not channels:
        raise SourceError(
            f'{file} has {width} columns, expected at least one beside label and time; say with '
            f'label_column and time_column (-2: none) which they are.'
        )
    return channels, label


def read_tables(file: Path, layout: RecordingFormat) -> Iterator[Table]:
    """Yield the runs of good lines of a file, each of shape (n_lines, n_columns).

    There is one, unless bad lines were skipped. Comma, semicolon, tab or spaces separate the
    columns; a line of names at the top, empty lines, and lines that begin with # are no samples.

    Raises
    ------
    SourceError
        When there is nothing to read; for a bad line, with file, line, and what was expected.
    """
    try:
        lines = file.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    top = next((n for n, line in enumerate(lines) if not _is_void(line)), len(lines))
    delimiter = _delimiter(lines[top]) if top < len(lines) else None
    if top < len(lines) and _numbers(lines[top], delimiter) is None:
        top += 1
    if all(_is_void(line) for line in lines[top:]):
        raise SourceError(f'{file} holds no samples.')
    try:
        table = np.loadtxt(lines[top:], delimiter=delimiter, ndmin=2)
    except ValueError:  # some line is bad: say which, or do without
        yield from _sift(file, lines, top, delimiter, layout)
        return
    if _bad_rows(table, *columns_of(file, table.shape[1], layout), layout).any():
        yield from _sift(file, lines, top, delimiter, layout)
    else:
        yield table


def _is_void(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith('#')


def _delimiter(line: str) -> str | None:
    return next((mark for mark in (',', ';', '\t') if mark in line), None)


def _numbers(line: str, delimiter: str | None) -> list[float] | None:
    """Return the numbers in a line; None when it holds something else."""
    try:
        return [float(word) for word in line.strip().strip(',;').split(delimiter)]
    except ValueError:
        return None


def _is_no_class(label: Table, layout: RecordingFormat) -> NDArray[np.bool_]:
    limit = len(layout.class_names) or 10_000
    with np.errstate(invalid='ignore'):
        bad: NDArray[np.bool_] = ~((label % 1 == 0) & (label >= NO_CLASS) & (label < limit))
    return bad


def _bad_rows(
    table: Table, channels: list[int], label: int | None, layout: RecordingFormat
) -> NDArray[np.bool_]:
    """Tell which rows hold a value that is not finite, or a label that is no class."""
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(table[:, channels]).all(axis=1))
    if label is not None:
        bad |= _is_no_class(table[:, label], layout)
    return bad


def _sift(
    file: Path, lines: list[str], top: int, delimiter: str | None, layout: RecordingFormat
) -> Iterator[Table]:
    """Yield the runs of good lines; complain about a bad one unless it is to be skipped."""
    rows = [
        (number, line, _numbers(line, delimiter))
        for number, line in enumerate(lines[top:], start=top + 1)
        if not _is_void(line)
    ]
    widths = [len(values) for _, _, values in rows if values is not None]
    if not widths:
        raise SourceError(f"{file} holds no numbers; its first line is '{lines[0][:40]}'.")
    width = int(np.bincount(widths).argmax())
    channels, label = columns_of(file, width, layout)
    block: list[list[float]] = []
    for number, line, values in rows:
        if values is None:
            fault: str | None = f"expected {width} numbers, got '{line[:40]}'"
        elif len(values) != width:
            fault = f'expected {width} columns as in most lines, got {len(values)}'
        else:
            fault = _fault(line, values, channels, label, layout)
        if fault is None and values is not None:
            block.append(values)
        elif layout.on_bad_line != 'skip':
            raise SourceError(
                f'{file}, line {number}: {fault}. Mend the file, or set on_bad_line to skip.'
            )
        elif block:
            yield np.array(block)
            block = []
    if block:
        yield np.array(block)


def _fault(
    line: str, values: list[float], channels: list[int], label: int | None, layout: RecordingFormat
) -> str | None:
    """Return what is wrong with a line of as many numbers as it should have, or None."""
    row = np.array([values])
    if not _bad_rows(row, channels, label, layout).any():
        return None
    if label is not None and _is_no_class(row[:, label], layout).any():
        classes = f'0 to {len(layout.class_names) - 1}' if layout.class_names else '0 on'
        return f'expected a class from {classes} in column {layout.label_column}, got {values[label]:g}'
    return f"expected finite numbers, got '{line[:40]}'"
