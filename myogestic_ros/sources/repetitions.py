"""Which samples of a recording belong to which repetition of a class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.recording_file import Piece

__all__ = ['Part', 'number_repetitions', 'select']


@dataclass(frozen=True)
class Part:
    """Samples ``start`` to ``stop`` of a piece: (a part of) one repetition of one class."""

    piece: int
    start: int
    stop: int
    label: int
    repetition: int


def number_repetitions(pieces: Sequence[Piece]) -> list[Part]:
    """Return the repetitions of a recording in the order of time, and note them in its pieces.

    A run of samples with the same label is a repetition. One more than half as long again as
    the recording's median run (rest for a minute, say) counts as several of the median's
    length; one of less than half of it (the recording was stopped) belongs to the one before.
    """
    runs = [run for number, piece in enumerate(pieces) for run in _runs(number, piece)]
    lengths = [stop - start for _, start, stop, label in runs if label != NO_CLASS]
    median = float(np.median(lengths)) if lengths else 1.0
    counts: Counter[int] = Counter()
    parts: list[Part] = []
    for piece in pieces:
        piece.repetitions = np.full(len(piece.labels), -1, np.int64)
    for number, start, stop, label in runs:
        several = max(1, round((stop - start) / median)) if stop - start > 1.5 * median else 1
        short = stop - start < 0.5 * median and counts[label] > 0
        edges = np.linspace(start, stop, several + 1).round().astype(int)
        for begin, end in pairwise(edges):
            if label != NO_CLASS and not short:
                counts[label] += 1
            repetition = counts[label] - 1
            pieces[number].repetitions[begin:end] = repetition
            parts.append(Part(number, int(begin), int(end), label, repetition))
    return parts


def _runs(number: int, piece: Piece) -> list[tuple[int, int, int, int]]:
    """Return (piece, start, stop, label) of each run."""
    changes = np.flatnonzero(np.diff(piece.labels)) + 1
    edges = [0, *changes.tolist(), len(piece.labels)]
    return [
        (number, start, stop, int(piece.labels[start]))
        for start, stop in pairwise(edges)
        if stop > start
    ]


def select(parts: Sequence[Part], which: str) -> list[Part]:
    """Return the parts of some repetitions.

    Parameters
    ----------
    parts : sequence of Part
        What `number_repetitions` returned.
    which : str
        ``''``: all. ``'last'``: the last repetition of each class, in every file that holds
        several of it, else in the last file that has it. ``'first'``: all others. ``'2'`` or
        ``'0-3'``: those numbers.

    Raises
    ------
    SourceError
        When it is none of these, or selects nothing.
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
                f"repetitions: got '{which}', expected '', first, last, or numbers as in 0-3."
            ) from None
        chosen = [part for part in parts if part.repetition in wanted]
    if not any(part.label != NO_CLASS for part in chosen):
        raise SourceError(
            f"repetitions: '{which}' selects nothing; the recording has up to "
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
