"""Estimate when a device acquired its samples from the times at which they arrived."""

from __future__ import annotations

import itertools
from collections import deque

__all__ = ['CRYSTAL', 'DeviceClock']

CRYSTAL = 300e-6
"""Largest deviation of a crystal oscillator from its nominal frequency."""
BIN_S = 1.0
N_BINS = 60
MIN_BINS = 3
"""Number of bins from which on the rate is estimated."""
FIRST_SETTLING_S, SETTLING_S = 0.1, 5.0
"""Time constant with which stamps follow a better estimate, at first and after 20 s."""
SLOWEST_SLEW = 1e-3
FASTEST_SLEW = 0.2
"""Lowest and highest speed at which stamps follow, s per s: less than 1, so that they increase."""
LAG_BINS = 2
"""Number of seconds during which all samples must arrive late for samples to be taken for lost."""


class DeviceClock:
    """Map sample indices to times, following the clock of the device.

    A sample arrives at its acquisition time plus a delay that varies and is never negative. So
    the acquisition times are a line below all arrivals: the edge of their lower convex hull over
    the middle of the last minute, whose slope is the deviation of the sampling rate (Moon, Skelly
    and Towsley, IEEE INFOCOM 1999). Stamps follow that line smoothly and always increase.

    Parameters
    ----------
    sampling_rate : float
        Nominal sampling rate, Hz.
    origin_s : float
        Time of the stamp 0, on the clock of the arrivals, s.
    max_deviation : float
        Largest deviation of the sampling rate from the nominal one, relative to it.
    """

    def __init__(
        self, sampling_rate: float, origin_s: float, max_deviation: float = CRYSTAL
    ) -> None:
        self._rate = sampling_rate
        self.origin_s = origin_s
        self._max_deviation = max_deviation
        self._start_s = 0.0
        self._now_s = 0.0
        self._bins: deque[tuple[float, float]] = deque(maxlen=N_BINS)  # time, lowest offset
        self._bin: tuple[float, float] | None = None
        self._bin_end_s = 0.0
        self._late: deque[float] = deque(maxlen=LAG_BINS + 1)  # lowest delay of the last bins
        self._lowest_delay_s = float('inf')
        self._slope = 0.0
        self._intercept_s = 0.0
        self._offset_s: float | None = None  # of the stamps: follows the line
        self._last_stamp_ns: int | None = None

    @property
    def deviation(self) -> float:
        """Estimated deviation of the sampling rate from the nominal one, relative to it."""
        return -self._slope

    @property
    def sampling_rate(self) -> float:
        """Estimated sampling rate, Hz; the nominal one for the first seconds."""
        return self._rate * (1.0 + self.deviation)

    def observe(self, newest_sample: int, arrival_s: float) -> None:
        """Note that a sample has arrived.

        Parameters
        ----------
        newest_sample : int
            Index of the newest sample of a block.
        arrival_s : float
            Time at which the block arrived, s.
        """
        offset_s = arrival_s - newest_sample / self._rate
        if self._offset_s is None:
            self._start_s = self._now_s = arrival_s
            self._bin_end_s = arrival_s + BIN_S
            self._offset_s = self._intercept_s = offset_s
        if arrival_s >= self._bin_end_s:
            self._close_bin(arrival_s)
        if self._bin is None or offset_s < self._bin[1]:
            self._bin = (arrival_s, offset_s)
        expected_s = self._line(arrival_s)
        self._lowest_delay_s = min(self._lowest_delay_s, offset_s - expected_s)
        if offset_s < expected_s:  # below the line: move it down at once
            self._intercept_s -= expected_s - offset_s
        self._follow(arrival_s)

    def stamp_ns(self, sample: int) -> int:
        """Return the acquisition time of a sample after `origin_s`, ns; later than the last one."""
        offset_s = self._offset_s if self._offset_s is not None else self.origin_s
        stamp_ns = round((offset_s - self.origin_s) * 1e9 + sample * 1e9 / self._rate)
        if self._last_stamp_ns is not None:
            stamp_ns = max(stamp_ns, self._last_stamp_ns + 1)
        self._last_stamp_ns = stamp_ns
        return stamp_ns

    def sample_at(self, time_s: float) -> float:
        """Return the index of the sample that is acquired at a time; call `observe` before."""
        return (time_s - self._line(time_s)) * self._rate

    @property
    def delay_s(self) -> float:
        """Shortest delay of an arrival in the last second, s."""
        return self._late[-1] if self._late else 0.0

    def lag_s(self) -> float:
        """Return by how much later all samples of the last seconds arrived than before, s.

        A sudden, lasting lag means that samples were lost without a trace in the numbering: call
        `forget_lag` after these have been skipped. A lag that grows steadily is none: then the
        sampling rate differs from the nominal one by more than the allowed deviation.
        """
        if len(self._late) <= LAG_BINS:
            return 0.0
        before, *after = self._late
        return max(0.0, min(*after, self._lowest_delay_s) - before)

    def forget_lag(self) -> None:
        """Ignore the last seconds, whose samples were numbered without the lost ones."""
        for _ in range(min(len(self._bins), LAG_BINS)):
            self._bins.pop()
        self._late.clear()
        self._bin, self._lowest_delay_s = None, float('inf')

    def _line(self, time_s: float) -> float:
        return self._intercept_s + self._slope * (time_s - self._start_s)

    def _close_bin(self, arrival_s: float) -> None:
        if self._bin is not None:
            self._bins.append(self._bin)
            self._late.append(self._lowest_delay_s)
        self._bin, self._lowest_delay_s = None, float('inf')
        self._bin_end_s = arrival_s + BIN_S
        if len(self._bins) >= MIN_BINS:
            slope = _slope_below(list(self._bins))
            self._slope = max(-self._max_deviation, min(slope, self._max_deviation))
        if self._bins:
            self._intercept_s = min(
                offset_s - self._slope * (time_s - self._start_s)
                for time_s, offset_s in self._bins
            )

    def _follow(self, time_s: float) -> None:
        """Let the offset of the stamps approach the line."""
        assert self._offset_s is not None
        elapsed_s = max(0.0, time_s - self._now_s)
        self._now_s = time_s
        self._offset_s += self._slope * elapsed_s
        error_s = self._line(time_s) - self._offset_s
        settling_s = min(SETTLING_S, FIRST_SETTLING_S + 0.25 * (time_s - self._start_s))
        speed = min(FASTEST_SLEW, max(SLOWEST_SLEW, abs(error_s) / settling_s))
        limit_s = speed * elapsed_s
        self._offset_s += max(-limit_s, min(error_s, limit_s))


def _slope_below(points: list[tuple[float, float]]) -> float:
    """Return the slope of the lower convex hull over the mean abscissa of points in order."""
    hull: list[tuple[float, float]] = []
    for point in points:
        while len(hull) > 1 and _is_above(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    middle = sum(x for x, _ in points) / len(points)
    for (x1, y1), (x2, y2) in itertools.pairwise(hull):
        if x2 >= middle:
            return (y2 - y1) / (x2 - x1)
    return 0.0


def _is_above(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Return True if ``b`` lies on or above the line from ``a`` to ``c``."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])
