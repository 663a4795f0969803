"""The sample indices at which predictions are due."""

from __future__ import annotations

from fractions import Fraction

__all__ = ['TickGrid']


class TickGrid:
    """Ticks at a fixed rate, counted in samples.

    Tick ``n`` (1, 2, …) is due when ``ceil(n * sampling_rate / predict_hz)`` samples of the
    stream have been acquired since sample 0. The hop is a fraction, so that a rate like 33.3 Hz
    does not drift. The grid depends on the sample index only, so that a recording has the same
    ticks each time it is replayed.

    Parameters
    ----------
    sampling_rate : float
        Sampling rate of the stream, in Hz.
    predict_hz : float
        Ticks per second of signal, in Hz; above the sampling rate: one tick per sample.

    Attributes
    ----------
    hop : Fraction
        Samples from one tick to the next; at least 1.
    """

    def __init__(self, sampling_rate: float, predict_hz: float) -> None:
        hop = Fraction(repr(float(sampling_rate))) / Fraction(repr(float(predict_hz)))
        self.hop = max(Fraction(1), hop)

    def count(self, end: int) -> int:
        """Return the number of ticks that are due once samples ``0 … end - 1`` have been acquired."""
        return end * self.hop.denominator // self.hop.numerator

    def end(self, tick: int) -> int:
        """Return the index after the newest sample of a tick."""
        return -(-tick * self.hop.numerator // self.hop.denominator)

    def due(self, seen: int, end: int) -> range:
        """Return the ticks that become due when the number of samples grows from ``seen`` to ``end``."""
        return range(self.count(seen) + 1, self.count(end) + 1)
