"""Find lost samples and a wrong sampling rate from the timestamps of a recording."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError

__all__ = ['Segment', 'find_segments']

Segment = tuple[int, int, int]
"""First row, row after the last, and sample index of the first row of a gapless segment."""

RATE_TOLERANCE = 0.05
"""Largest accepted relative difference between nominal and measured sampling rate."""

IRREGULAR_GAP = 10
"""With irregular times, gaps of more sample periods than this are lost samples, others jitter."""


def find_segments(
    times_s: NDArray[np.float64], sampling_rate: float, place: Callable[[int], str]
) -> list[Segment]:
    """Divide a recording at lost samples.

    Times are regular if 90 % of the steps deviate from the sample period by less than a quarter
    of it. A step of more than 1.5 periods is then a loss. With irregular times, such as those of
    a radio that delivers bursts, only a step of more than 10 periods is.

    Parameters
    ----------
    times_s : ndarray of float64, shape (n_samples,)
        Acquisition time of each sample, s.
    sampling_rate : float
        Nominal sampling rate, Hz.
    place : callable
        Returns the location of a row for error messages, such as ``a.csv, line 7``.

    Raises
    ------
    SourceError
        If times decrease, or their rate differs from the nominal one by more than 5 %.
    """
    if len(times_s) < 2:
        return [(0, len(times_s), 0)]
    steps = np.diff(times_s) * sampling_rate  # in samples
    wrong = np.flatnonzero(~(steps >= 0))
    if len(wrong):
        row = int(wrong[0]) + 1
        more = f' ({len(wrong) - 1} more decrease)' if len(wrong) > 1 else ''
        raise SourceError(
            f'{place(row)}: time {times_s[row]:.9g} s after {times_s[row - 1]:.9g} s, expected '
            f'increasing times{more}.'
        )
    typical, mean = float(np.median(steps)), float(steps.mean())
    regular = bool(np.mean(np.abs(steps - 1) < 0.25) >= 0.9)
    if min(abs(typical - 1), abs(mean - 1)) > RATE_TOLERANCE:
        measured = sampling_rate / (typical or mean) if (typical or mean) > 0 else float('inf')
        raise SourceError(
            f'{place(0)} to {place(len(times_s) - 1)}: the times have a rate of '
            f'{measured:.6g} Hz, expected {sampling_rate:g} Hz (sampling_rate); correct it, or '
            f'time_scale (seconds per unit; 0.001 for ms).'
        )
    breaks = np.flatnonzero(steps > (1.5 if regular else IRREGULAR_GAP)) + 1
    found: list[Segment] = []
    first = 0
    for start, stop in zip([0, *breaks.tolist()], [*breaks.tolist(), len(times_s)], strict=True):
        if start:
            first += max(1, round(steps[start - 1])) - 1
        found.append((start, stop, first))
        first += stop - start
    return found
