"""Counters of a pipeline."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ['TickCounters']


@dataclass
class TickCounters:
    """Numbers of predictions and errors since the pipeline was created.

    Attributes
    ----------
    predictions : int
        Number of predictions.
    dropped : int
        Number of results that were dropped because they were not a dict.
    errors : int
        Number of exceptions raised by callbacks.
    latencies_s : deque of float
        Times from the arrival of the newest sample to the prediction, in s, of at most the last
        1,000 ticks.
    """

    predictions: int = 0
    dropped: int = 0
    errors: int = 0
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def latency_percentiles(self) -> tuple[float, float]:
        """Return the median and the 99th percentile of the latency, in s; NaN before a prediction."""
        if not self.latencies_s:
            return float('nan'), float('nan')
        p50, p99 = np.percentile(list(self.latencies_s), [50, 99])
        return float(p50), float(p99)
