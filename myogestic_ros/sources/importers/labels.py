"""What a recording writes for its classes, as class indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.importers.mapping import RecordingFormat

__all__ = ['Indices', 'class_index', 'class_indices', 'expected_classes', 'repetition_numbers']

Indices = NDArray[np.int64]

UNLIMITED = 10_000
"""So many classes may be there when none are named."""


def class_index(word: str, layout: RecordingFormat) -> int | None:
    """Return the class that a word stands for; None when it stands for none of them."""
    word = word.strip().strip('"\'').strip()
    for written, index in layout.label_values:
        if word == written:
            return index
    try:
        number = float(word)
    except ValueError:
        if word in layout.class_names:
            return layout.class_names.index(word)
        return None
    if layout.label_values:
        values = dict(layout.label_values)
        return values.get(f'{number:g}')
    whole = number % 1 == 0 and NO_CLASS <= number < (len(layout.class_names) or UNLIMITED)
    return int(number) if whole else None


def class_indices(raw: NDArray[Any], layout: RecordingFormat) -> tuple[Indices, NDArray[np.bool_]]:
    """Return class indices, and where there is none for what was written.

    Parameters
    ----------
    raw : ndarray of numbers or texts, shape (n_samples,)
        What the recording says of each sample.
    """
    found, places = np.unique(raw, return_inverse=True)
    indices = [class_index(_word(value), layout) for value in found.tolist()]
    known = np.array([index is not None for index in indices], bool)
    table = np.array([NO_CLASS if index is None else index for index in indices], np.int64)
    places = places.reshape(-1)  # NumPy 2.0 alone gives it the shape of what came in
    bad: NDArray[np.bool_] = ~known[places]
    return table[places], bad


def _word(value: Any) -> str:
    """Return a number as a mapping writes it: 5, not 5.0."""
    return f'{value:.12g}' if isinstance(value, float) else str(value)


def expected_classes(layout: RecordingFormat) -> str:
    """Return in words what may stand for a class."""
    if layout.label_values:
        return 'one of ' + ', '.join(written for written, _ in layout.label_values)
    if layout.class_names:
        return f'from 0 to {len(layout.class_names) - 1}'
    return 'from 0 on, or a name out of class_names'


def repetition_numbers(raw: NDArray[Any], layout: RecordingFormat) -> Indices:
    """Return repetitions counted from 0; -1 where the recording does not number them."""
    numbers: Indices = np.asarray(raw).astype(np.int64) - layout.first_repetition
    return np.maximum(numbers, -1)
