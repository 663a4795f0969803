"""When a prediction falls due: a grid of sample indices."""

from __future__ import annotations

from fractions import Fraction

__all__ = ['TickGrid']


class TickGrid:
    """Ticks at a fixed rate, counted in samples.

    Tick ``n`` (1, 2, …) falls due when ``ceil(n * sampling_rate / predict_hz)`` samples of the
    stream have been acquired since its sample 0. The hop is kept as a fraction, so a rate like
    33.3 Hz never drifts; and because the grid hangs on the sample index, not on the moment when
    somebody began to listen, a recording has the same ticks every time it is played.

    Parameters
    ----------
    sampling_rate : float
        Sampling frequency of the stream, Hz.
    predict_hz : float
        Ticks per second; above the sampling rate it is one tick per sample.
    """

    def __init__(self, sampling_rate: float, predict_hz: float) -> None:
        hop = Fraction(repr(float(sampling_rate))) / Fraction(repr(float(predict_hz)))
        self.hop = max(Fraction(1), hop)

    def count(self, end: int) -> int:
        """Return how many ticks have fallen due when samples ``0 … end - 1`` are there."""
        return end * self.hop.denominator // self.hop.numerator

    def end(self, tick: int) -> int:
        """Return the index after the newest sample of tick ``tick``."""
        return -(-tick * self.hop.numerator // self.hop.denominator)

    def due(self, seen: int, end: int) -> range:
        """Return the ticks that fall due between ``seen`` samples and ``end`` samples."""
        return range(self.count(seen) + 1, self.count(end) + 1)
