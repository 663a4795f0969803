"""What a pipeline counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ['TickCounters']


@dataclass
class TickCounters:
    """What became of the ticks since the node was configured.

    Attributes
    ----------
    predictions : int
        Predictions made.
    dropped : int
        Results dropped because they were no dict.
    errors : int
        Exceptions raised by callbacks.
    latencies_s : deque of float
        Time from the arrival of the newest sample to the prediction, of the last ticks, s.
    """

    predictions: int = 0
    dropped: int = 0
    errors: int = 0
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def latency_percentiles(self) -> tuple[float, float]:
        """Return p50 and p99 of the tick latency, s; NaN before the first prediction."""
        if not self.latencies_s:
            return float('nan'), float('nan')
        p50, p99 = np.percentile(list(self.latencies_s), [50, 99])
        return float(p50), float(p99)
