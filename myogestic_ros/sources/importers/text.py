"""Read recordings from text files; report or skip invalid lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.importers.labels import UNLIMITED, class_index, expected_classes
from myogestic_ros.sources.importers.mapping import NO_COLUMN, RecordingFormat

__all__ = ['Block', 'Columns', 'columns_of', 'read_blocks']

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Columns of the channels, the label, the repetition and the time; None if absent."""

    channels: list[int]
    label: int | None
    repetition: int | None
    time: int | None


@dataclass(frozen=True)
class Block:
    """Consecutive valid lines of a file.

    Attributes
    ----------
    table : ndarray of float64, shape (n_lines, n_columns)
        Numbers in the lines. The label column contains class indices.
    lines : ndarray of int, shape (n_lines,)
        Line numbers in the file, from 1.
    columns : Columns
        Meaning of the columns.
    """

    table: Table
    lines: NDArray[np.int64]
    columns: Columns

    def place_in(self, file: Path) -> Callable[[int], str]:
        """Return a function from a row to its location, such as ``a.csv, line 7``."""
        return lambda row: f'{file}, line {self.lines[row]}'


def columns_of(file: Path, width: int, layout: RecordingFormat) -> Columns:
    """Return the meaning of the columns of a file with ``width`` columns.

    Raises
    ------
    SourceError
        If the file has fewer columns than the format names.
    """
    every = range(width)

    def placed(column: int) -> int | None:
        return None if column == NO_COLUMN else every[column]

    try:
        label = placed(layout.label_column)
        repetition = placed(layout.repetition_column)
        time = placed(layout.time_column)
        channels = [every[column] for column in layout.channels]
    except IndexError:
        raise SourceError(
            f'{file} has {width} columns; expected channels {list(layout.channels)}, label '
            f'{layout.label_column} and time {layout.time_column} among them.'
        ) from None
    channels = channels or [c for c in every if c not in (label, repetition, time)]
    if not channels:
        raise SourceError(
            f'{file} has {width} columns, expected at least one channel besides label and time; '
            f'set label_column and time_column (-2: none).'
        )
    return Columns(channels, label, repetition, time)


class _Reader:
    """Convert lines to numbers, and labels to class indices."""

    def __init__(self, top: str, layout: RecordingFormat) -> None:
        self.layout = layout
        self.delimiter = next((mark for mark in (',', ';', '\t') if mark in top), None)
        self._label: int | None = None
        words = self.words(top)
        if layout.label_column == NO_COLUMN or not -1 <= layout.label_column < len(words):
            return
        column = range(len(words))[layout.label_column]
        if layout.label_values or not _is_number(words[column]):
            self._label = column

    @property
    def converters(self) -> Any:
        return None if self._label is None else {self._label: self._class}

    def words(self, line: str) -> list[str]:
        return line.strip().strip(',;').split(self.delimiter)

    def _class(self, word: str) -> float:
        index = class_index(word, self.layout)
        return float('nan') if index is None else index

    def is_title(self, line: str) -> bool:
        """Return True if the first line contains column names."""
        numbers = self.numbers(line)
        return numbers is None or (self._label is not None and np.isnan(numbers[self._label]))

    def numbers(self, line: str) -> list[float] | None:
        """Return the numbers in a line, or None if a column is not a number."""
        words = self.words(line)
        try:
            return [
                self._class(word) if column == self._label else float(word)
                for column, word in enumerate(words)
            ]
        except ValueError:
            return None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def read_blocks(file: Path, layout: RecordingFormat) -> Iterator[Block]:
    """Yield the blocks of consecutive valid lines of a file.

    Without invalid lines there is one block. Columns are separated by comma, semicolon, tab or
    spaces. A first line of column names, empty lines, and lines that start with # are ignored.

    Raises
    ------
    SourceError
        If there are no samples, or a line is invalid and ``on_bad_line`` is ``'error'``; the
        message gives file, line and expected content.
    """
    try:
        lines = file.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    used = [n for n, line in enumerate(lines) if not _is_ignored(line)]
    if used and _Reader(lines[used[0]], layout).is_title(lines[used[0]]):
        used = used[1:]
    if not used:
        raise SourceError(f'{file} contains no samples.')
    reader = _Reader(lines[used[0]], layout)
    try:
        table = np.loadtxt(
            lines[used[0] :],
            delimiter=reader.delimiter,
            ndmin=2,
            converters=reader.converters,
            encoding=None,
        )
    except ValueError:  # a line is invalid; read line by line
        table = None
    if table is not None:
        columns = columns_of(file, table.shape[1], layout)
        if not _invalid_rows(table, columns, layout).any():
            yield Block(table, np.array(used, np.int64) + 1, columns)
            return
    yield from _read_line_by_line(file, lines, used, reader)


def _is_ignored(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith('#')


def _is_not_class(label: Table, layout: RecordingFormat) -> NDArray[np.bool_]:
    limit = len(layout.class_names) or UNLIMITED
    with np.errstate(invalid='ignore'):
        bad: NDArray[np.bool_] = ~((label % 1 == 0) & (label >= NO_CLASS) & (label < limit))
    return bad


def _invalid_rows(table: Table, columns: Columns, layout: RecordingFormat) -> NDArray[np.bool_]:
    """Return a mask of the rows with a value that is not finite, or an unknown class."""
    finite = [*columns.channels, *(c for c in (columns.time, columns.repetition) if c is not None)]
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(table[:, finite]).all(axis=1))
    if columns.label is not None:
        bad |= _is_not_class(table[:, columns.label], layout)
    return bad


def _read_line_by_line(
    file: Path, lines: list[str], used: list[int], reader: _Reader
) -> Iterator[Block]:
    """Yield the blocks of valid lines; raise SourceError for invalid ones unless skipping."""
    rows = [(n, reader.numbers(lines[n])) for n in used]
    widths = [len(values) for _, values in rows if values is not None]
    if not widths:
        raise SourceError(
            f'{file} contains no numbers; expected one line of numbers for each sample.'
        )
    width = max(set(widths), key=widths.count)
    columns = columns_of(file, width, reader.layout)
    runs: list[list[tuple[int, list[float]]]] = [[]]
    errors: list[tuple[int, str]] = []
    for n, values in rows:
        error = _line_error(lines[n], values, width, columns, reader)
        if error is None and values is not None:
            runs[-1].append((n, values))
        else:
            errors.append((n + 1, str(error)))
            runs.append([])
    if errors and reader.layout.on_bad_line != 'skip':
        number, error = errors[0]
        others = len(errors) - 1
        more = (
            f' ({others} more {"line is" if others == 1 else "lines are"} invalid)'
            if others
            else ''
        )
        raise SourceError(
            f'{file}, line {number}: {error}{more}. Correct the file, or set on_bad_line to skip.'
        )
    for run in runs:
        if run:
            numbers = np.array([n + 1 for n, _ in run], np.int64)
            yield Block(np.array([values for _, values in run]), numbers, columns)


def _line_error(
    line: str, values: list[float] | None, width: int, columns: Columns, reader: _Reader
) -> str | None:
    """Return the reason why a line is invalid, or None."""
    shown = line.strip()[:40]
    if values is None:
        return f"expected {width} numbers, got '{shown}'"
    if len(values) != width:
        return f'expected {width} columns as in most lines, got {len(values)}'
    row, layout = np.array([values]), reader.layout
    if not _invalid_rows(row, columns, layout).any():
        return None
    if columns.label is not None and _is_not_class(row[:, columns.label], layout).any():
        word: Any = reader.words(line)[columns.label].strip()
        return f'expected a class {expected_classes(layout)} in column {layout.label_column}, got {word}'
    return f"expected finite numbers, got '{shown}'"
