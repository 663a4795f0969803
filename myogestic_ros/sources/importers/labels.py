"""Convert the labels of a recording to class indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sources.importers.mapping import RecordingFormat

__all__ = ['Indices', 'class_index', 'class_indices', 'expected_classes', 'repetition_numbers']

Indices = NDArray[np.int64]

UNLIMITED = 10_000
"""Largest number of classes if the mapping names none."""


def class_index(word: str, layout: RecordingFormat) -> int | None:
    """Return the class index of a label as text; None if it is not a known class."""
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
    """Return the class index of each sample, and where the label is not a known class.

    Parameters
    ----------
    raw : ndarray of numbers or strings, shape (n_samples,)
        Label of each sample as in the recording.
    layout : RecordingFormat
        Class names and label values.

    Returns
    -------
    indices : ndarray of int, shape (n_samples,)
        Class indices, -1 for no class.
    unknown : ndarray of bool, shape (n_samples,)
        True where the label is not a known class.
    """
    found, places = np.unique(raw, return_inverse=True)
    indices = [class_index(_word(value), layout) for value in found.tolist()]
    known = np.array([index is not None for index in indices], bool)
    table = np.array([NO_CLASS if index is None else index for index in indices], np.int64)
    places = places.reshape(-1)  # NumPy 2.0 returns the shape of the input
    bad: NDArray[np.bool_] = ~known[places]
    return table[places], bad


def _word(value: Any) -> str:
    """Format a number as mappings do: 5, not 5.0."""
    return f'{value:.12g}' if isinstance(value, float) else str(value)


def expected_classes(layout: RecordingFormat) -> str:
    """Return the accepted labels in words, for error messages."""
    if layout.label_values:
        return 'one of ' + ', '.join(written for written, _ in layout.label_values)
    if layout.class_names:
        return f'from 0 to {len(layout.class_names) - 1}'
    return 'of 0 or more, or a name in class_names'


def repetition_numbers(raw: NDArray[Any], layout: RecordingFormat) -> Indices:
    """Return repetition numbers from 0; -1 where the recording gives none."""
    numbers: Indices = np.asarray(raw).astype(np.int64) - layout.first_repetition
    return np.maximum(numbers, -1)
