"""Divide a recording into the repetitions of its classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.importers.reader import Piece

__all__ = ['Part', 'merge_adjacent', 'number_repetitions', 'select_repetitions']


@dataclass(frozen=True)
class Part:
    """Samples ``start`` to ``stop`` of a piece, which belong to one repetition of one class."""

    piece: int
    start: int
    stop: int
    label: int
    repetition: int


def number_repetitions(pieces: Sequence[Piece]) -> list[Part]:
    """Return the repetitions in the order of time, and store their numbers in the pieces.

    Repetition numbers in the recording are used if present. Otherwise each run of samples with
    the same label is a repetition, also across lost samples, with two exceptions: a run longer
    than 1.5 times the median run (a minute of rest, for instance) is divided into several of about
    the median length, and a run shorter than half the median (a stopped recording) belongs to the
    previous repetition of its class.
    """
    runs = _runs(pieces)
    lengths = [run.length for run in runs if run.label != NO_CLASS]
    median = float(np.median(lengths)) if lengths else 1.0
    counts: Counter[int] = Counter()
    parts: list[Part] = []
    for piece in pieces:
        piece.repetitions = np.full(len(piece.labels), -1, np.int64)
    for run in runs:
        label = run.label
        several = max(1, round(run.length / median)) if run.length > 1.5 * median else 1
        short = run.length < 0.5 * median and counts[label] > 0
        if run.repetition >= 0:
            several, counts[label] = 1, max(counts[label], run.repetition + 1)
        edges = np.linspace(0, run.length, several + 1).round().astype(int)
        for begin, end in pairwise(edges.tolist()):
            if label != NO_CLASS and not short and run.repetition < 0:
                counts[label] += 1
            repetition = run.repetition if run.repetition >= 0 else counts[label] - 1
            for number, start, stop in run.between(begin, end):
                pieces[number].repetitions[start:stop] = repetition
                parts.append(Part(number, start, stop, label, repetition))
    return parts


@dataclass
class _Run:
    """Consecutive samples of one label.

    Attributes
    ----------
    label : int
        Class index.
    repetition : int
        Repetition number in the recording, or -1.
    segments : list of (int, int, int)
        Piece, start and stop of each segment without lost samples.
    """

    label: int
    repetition: int
    segments: list[tuple[int, int, int]]

    @property
    def length(self) -> int:
        return sum(stop - start for _, start, stop in self.segments)

    def between(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield (piece, start, stop) of the samples ``begin`` to ``end`` of the run."""
        before = 0
        for piece, start, stop in self.segments:
            low, high = max(begin - before, 0), min(end - before, stop - start)
            if low < high:
                yield piece, start + low, start + high
            before += stop - start


def _runs(pieces: Sequence[Piece]) -> list[_Run]:
    runs: list[_Run] = []
    for number, piece in enumerate(pieces):
        labels = piece.labels
        given = piece.repetitions if len(piece.repetitions) else np.int64(-1)
        numbers = np.where(labels == NO_CLASS, -1, given)
        changes = np.flatnonzero((np.diff(labels) != 0) | (np.diff(numbers) != 0)) + 1
        for start, stop in pairwise([0, *changes.tolist(), len(labels)]):
            if start == stop:
                continue
            label, repetition = int(labels[start]), int(numbers[start])
            continues = start == 0 and number > 0 and piece.name == pieces[number - 1].name
            if continues and (runs[-1].label, runs[-1].repetition) == (label, repetition):
                runs[-1].segments.append((number, start, stop))
            else:
                runs.append(_Run(label, repetition, [(number, start, stop)]))
    return runs


def merge_adjacent(parts: Sequence[Part]) -> list[Part]:
    """Merge adjacent parts of the same repetition."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and (last.piece, last.stop, last.label, last.repetition) == (
            part.piece,
            part.start,
            part.label,
            part.repetition,
        ):
            found[-1] = Part(part.piece, last.start, part.stop, part.label, part.repetition)
        else:
            found.append(part)
    return found


def select_repetitions(parts: Sequence[Part], which: str) -> list[Part]:
    """Return the parts of the selected repetitions.

    Parameters
    ----------
    parts : sequence of Part
        Parts from `number_repetitions`.
    which : str
        ``''``: all. ``'last'``: the last repetition of each class in every file with several
        repetitions of it, otherwise in the last file that contains it. ``'first'``: all others.
        ``'2'`` or ``'0-3'``: the repetitions with these numbers.

    Raises
    ------
    SourceError
        If ``which`` is invalid or selects no repetition.
    """
    if not which:
        return list(parts)
    if which in ('first', 'last'):
        last = _last(parts)
        chosen = [
            p for p in parts if ((p.piece, p.label, p.repetition) in last) == (which == 'last')
        ]
    else:
        try:
            low, _, high = which.partition('-')
            wanted = range(int(low), int(high or low) + 1)
        except ValueError:
            raise SourceError(
                f"repetitions: got '{which}', expected '', first, last, or numbers such as 0-3."
            ) from None
        chosen = [part for part in parts if part.repetition in wanted]
    if not any(part.label != NO_CLASS for part in chosen):
        raise SourceError(
            f"repetitions: '{which}' selects no repetition; the recording has at most "
            f'{1 + max((part.repetition for part in parts), default=-1)} of a class.'
        )
    return chosen


def _last(parts: Sequence[Part]) -> set[tuple[int, int, int]]:
    """Return (piece, label, repetition) of the last repetitions."""
    by_piece: dict[tuple[int, int], set[int]] = defaultdict(set)
    for part in parts:
        if part.label != NO_CLASS:
            by_piece[part.label, part.piece].add(part.repetition)
    last = set()
    for label in {label for label, _ in by_piece}:
        of_label = {piece: found for (own, piece), found in by_piece.items() if own == label}
        several = {piece: found for piece, found in of_label.items() if len(found) > 1}
        for piece, found in several.items() or [max(of_label.items())]:
            last.add((piece, label, max(found)))
    return last
