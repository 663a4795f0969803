"""What the times in a recording say: its true rate, and where samples are missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError

__all__ = ['Segment', 'find_segments']

Segment = tuple[int, int, int]
"""First row, row after the last, and running index of the first, without a sample missing."""

RATE_TOLERANCE = 0.05
"""A nominal rate may be so far from the true one, as a share."""

MANY = 10
"""Where times are irregular, a pause of so many samples is a loss; a shorter one may be jitter."""


def find_segments(
    times_s: NDArray[np.float64], sampling_rate: float, place: Callable[[int], str]
) -> list[Segment]:
    """Return the find_segments of a recording between which samples are missing.

    Times are regular when nine steps in ten are within a quarter of a sample of the nominal one;
    then a step of one and a half is a loss. Else (a radio's, say, that come in bursts) only a
    long pause is.

    Parameters
    ----------
    times_s : ndarray of float64, shape (n_samples,)
        When each sample was acquired, s.
    sampling_rate : float
        What the recording is said to have, Hz.
    place : callable
        Returns where a row is, as in ``a.csv, line 7``.

    Raises
    ------
    SourceError
        When time runs backwards, or at another rate than is said.
    """
    if len(times_s) < 2:
        return [(0, len(times_s), 0)]
    steps = np.diff(times_s) * sampling_rate  # in samples
    wrong = np.flatnonzero(~(steps >= 0))
    if len(wrong):
        row = int(wrong[0]) + 1
        more = f', and {len(wrong) - 1} more like it' if len(wrong) > 1 else ''
        raise SourceError(
            f'{place(row)}: time {times_s[row]:.9g} s after {times_s[row - 1]:.9g} s, expected '
            f'times that increase{more}.'
        )
    usual, mean = float(np.median(steps)), float(steps.mean())
    regular = bool(np.mean(np.abs(steps - 1) < 0.25) >= 0.9)
    if min(abs(usual - 1), abs(mean - 1)) > RATE_TOLERANCE:
        told = sampling_rate / (usual or mean) if (usual or mean) > 0 else float('inf')
        raise SourceError(
            f'{place(0)} to {place(len(times_s) - 1)}: the times say {told:.6g} Hz, expected '
            f'{sampling_rate:g} Hz (sampling_rate); correct that, or time_scale (seconds per '
            f'unit; 0.001 for ms).'
        )
    breaks = np.flatnonzero(steps > (1.5 if regular else MANY)) + 1
    found: list[Segment] = []
    first = 0
    for start, stop in zip([0, *breaks.tolist()], [*breaks.tolist(), len(times_s)], strict=True):
        if start:
            first += max(1, round(steps[start - 1])) - 1
        found.append((start, stop, first))
        first += stop - start
    return found
