"""How good the predictions were, from what was cued and what arrived."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['NOT_JUDGED_S', 'ReceivedPrediction', 'Cue', 'Score', 'score_predictions']

NOT_JUDGED_S = 0.7
"""Time after a cue in which nothing is judged, s: half a second in which people react, and the
length of a window."""


@dataclass(frozen=True)
class Cue:
    """What was asked for, from when on, s."""

    stamp_s: float
    name: str


@dataclass(frozen=True)
class ReceivedPrediction:
    """A prediction: of the samples up to when, how late it was received, which class; s."""

    stamp_s: float
    latency_s: float
    label: str
    compute_s: float


@dataclass(frozen=True)
class Score:
    """What the demo reports.

    Attributes
    ----------
    class_names : list of str
        Rows and columns of ``confusion``, in the order in which they were first cued.
    confusion : ndarray of int, shape (n_classes, n_classes + 1)
        Row: cued class; column: predicted class, the last one any other.
    rate_hz : float
        Predictions per second of signal.
    signal_s : float
        Duration of the signal from the first prediction to the last, s.
    latency_s : ndarray, shape (n_predictions,)
        From the newest sample to the received prediction, s.
    """

    class_names: list[str]
    confusion: NDArray[np.int64]
    rate_hz: float
    signal_s: float
    latency_s: NDArray[np.float64]
    judged: int
    predictions: int

    @property
    def accuracy(self) -> float:
        """Share of right predictions, 0 to 1."""
        return float(np.trace(self.confusion[:, :-1]) / max(1, self.confusion.sum()))

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the latency, ms."""
        if not len(self.latency_s):
            return float('nan')
        return float(np.percentile(self.latency_s, percentile) * 1e3)


def score_predictions(cues: Sequence[Cue], predictions: Sequence[ReceivedPrediction]) -> Score:
    """Compare predictions with the cues in force.

    A prediction is judged from `NOT_JUDGED_S` after a cue on, until the next.

    Parameters
    ----------
    cues, predictions : sequence
        In the order of their time.
    """
    starts = [cue.stamp_s for cue in cues]
    names = list(dict.fromkeys(cue.name for cue in cues if cue.name))
    confusion = np.zeros((len(names), len(names) + 1), np.int64)
    for answer in predictions:
        index = bisect_right(starts, answer.stamp_s) - 1
        if index < 0 or not cues[index].name:
            continue
        if answer.stamp_s - starts[index] < NOT_JUDGED_S:
            continue
        column = names.index(answer.label) if answer.label in names else len(names)
        confusion[names.index(cues[index].name), column] += 1
    stamps = np.array([answer.stamp_s for answer in predictions])
    gaps = np.diff(stamps)
    typical = float(np.median(gaps)) if len(gaps) else float('nan')
    running = gaps[gaps < 5 * typical]  # pauses between two recordings are no slow predictions
    rate_hz = float(len(running) / running.sum()) if len(running) else float('nan')
    latency_s = np.array([answer.latency_s for answer in predictions])
    signal_s = float(stamps[-1] - stamps[0]) if len(stamps) else 0.0
    judged = int(confusion.sum())
    return Score(names, confusion, rate_hz, signal_s, latency_s, judged, len(predictions))
