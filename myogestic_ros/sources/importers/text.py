"""Recordings as text: tables of numbers, and the lines that are none."""

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
    """Which column of a file is what; None: there is none."""

    channels: list[int]
    label: int | None
    repetition: int | None
    time: int | None


@dataclass(frozen=True)
class Block:
    """A run of good lines.

    Attributes
    ----------
    table : ndarray of float64, shape (n_lines, n_columns)
        Their numbers; in the column of the label the class index.
    lines : ndarray of int, shape (n_lines,)
        The number of each line in the file, from 1.
    columns : Columns
        Which column is what.
    """

    table: Table
    lines: NDArray[np.int64]
    columns: Columns

    def place_in(self, file: Path) -> Callable[[int], str]:
        """Return what tells where a row is, as in ``a.csv, line 7``."""
        return lambda row: f'{file}, line {self.lines[row]}'


def columns_of(file: Path, width: int, layout: RecordingFormat) -> Columns:
    """Return which column is what in a file of ``width`` columns.

    Raises
    ------
    SourceError
        When it does not have them.
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
            f'{file} has {width} columns, expected at least one beside label and time; say with '
            f'label_column and time_column (-2: none) which they are.'
        )
    return Columns(channels, label, repetition, time)


class _Reader:
    """Make numbers of lines, and of what stands for a class its index."""

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
        """Tell whether a line, the first, holds names of columns."""
        numbers = self.numbers(line)
        return numbers is None or (self._label is not None and np.isnan(numbers[self._label]))

    def numbers(self, line: str) -> list[float] | None:
        """Return the numbers in a line; None when it holds something else."""
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
    """Yield the runs of good lines of a file.

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
    held = [n for n, line in enumerate(lines) if not _is_void(line)]
    if held and _Reader(lines[held[0]], layout).is_title(lines[held[0]]):
        held = held[1:]
    if not held:
        raise SourceError(f'{file} holds no samples.')
    reader = _Reader(lines[held[0]], layout)
    try:
        table = np.loadtxt(
            lines[held[0] :],
            delimiter=reader.delimiter,
            ndmin=2,
            converters=reader.converters,
            encoding=None,
        )
    except ValueError:  # some line is bad: say which, or do without
        table = None
    if table is not None:
        columns = columns_of(file, table.shape[1], layout)
        if not _bad_rows(table, columns, layout).any():
            yield Block(table, np.array(held, np.int64) + 1, columns)
            return
    yield from _sift(file, lines, held, reader)


def _is_void(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith('#')


def _is_no_class(label: Table, layout: RecordingFormat) -> NDArray[np.bool_]:
    limit = len(layout.class_names) or UNLIMITED
    with np.errstate(invalid='ignore'):
        bad: NDArray[np.bool_] = ~((label % 1 == 0) & (label >= NO_CLASS) & (label < limit))
    return bad


def _bad_rows(table: Table, columns: Columns, layout: RecordingFormat) -> NDArray[np.bool_]:
    """Tell which rows hold a value that is not finite, or a label that is no class."""
    finite = [*columns.channels, *(c for c in (columns.time, columns.repetition) if c is not None)]
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(table[:, finite]).all(axis=1))
    if columns.label is not None:
        bad |= _is_no_class(table[:, columns.label], layout)
    return bad


def _sift(file: Path, lines: list[str], held: list[int], reader: _Reader) -> Iterator[Block]:
    """Yield the runs of good lines; complain about the bad ones unless they are to be skipped."""
    rows = [(n, reader.numbers(lines[n])) for n in held]
    widths = [len(values) for _, values in rows if values is not None]
    if not widths:
        raise SourceError(f'{file} holds no numbers; expected a line of them for each sample.')
    width = max(set(widths), key=widths.count)
    columns = columns_of(file, width, reader.layout)
    runs: list[list[tuple[int, list[float]]]] = [[]]
    faults: list[tuple[int, str]] = []
    for n, values in rows:
        fault = _fault(lines[n], values, width, columns, reader)
        if fault is None and values is not None:
            runs[-1].append((n, values))
        else:
            faults.append((n + 1, str(fault)))
            runs.append([])
    if faults and reader.layout.on_bad_line != 'skip':
        number, fault = faults[0]
        others = len(faults) - 1
        more = (
            f' ({others} more {"line is" if others == 1 else "lines are"} bad)' if others else ''
        )
        raise SourceError(
            f'{file}, line {number}: {fault}{more}. Mend the file, or set on_bad_line to skip.'
        )
    for run in runs:
        if run:
            numbers = np.array([n + 1 for n, _ in run], np.int64)
            yield Block(np.array([values for _, values in run]), numbers, columns)


def _fault(
    line: str, values: list[float] | None, width: int, columns: Columns, reader: _Reader
) -> str | None:
    """Return what is wrong with a line, or None."""
    told = line.strip()[:40]
    if values is None:
        return f"expected {width} numbers, got '{told}'"
    if len(values) != width:
        return f'expected {width} columns as in most lines, got {len(values)}'
    row, layout = np.array([values]), reader.layout
    if not _bad_rows(row, columns, layout).any():
        return None
    if columns.label is not None and _is_no_class(row[:, columns.label], layout).any():
        word: Any = reader.words(line)[columns.label].strip()
        return f'expected a class {expected_classes(layout)} in column {layout.label_column}, got {word}'
    return f"expected finite numbers, got '{told}'"
