"""Score predictions against cues."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['NOT_JUDGED_S', 'ReceivedPrediction', 'Cue', 'Score', 'score_predictions']

NOT_JUDGED_S = 0.7
"""Time after a cue that is not scored, s: 0.5 s reaction time plus a window of 0.2 s."""


@dataclass(frozen=True)
class Cue:
    """Time from which a class is cued, s, and name of the class."""

    stamp_s: float
    name: str


@dataclass(frozen=True)
class ReceivedPrediction:
    """A prediction: time of its newest sample, latency until it was received, label; times in s.

    ``published_s`` is the system time at which the publisher sent it.
    """

    stamp_s: float
    latency_s: float
    label: str
    compute_s: float
    published_s: float = 0.0


@dataclass(frozen=True)
class Score:
    """Scores of the predictions.

    Attributes
    ----------
    class_names : list of str
        Names of the rows and columns of ``confusion``, in the order of their first cues.
    confusion : ndarray of int, shape (n_classes, n_classes + 1)
        Counts by cued class (row) and predicted class (column). The last column counts labels
        that were not cued.
    rate_hz : float
        Predictions per second of signal.
    signal_s : float
        Duration of the signal from the first prediction to the last, s.
    latency_s : ndarray, shape (n_predictions,)
        From the newest sample to the received prediction, s.
    judged, predictions : int
        Number of scored predictions, and of all.
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
        """Share of correct predictions, 0 to 1."""
        return float(np.trace(self.confusion[:, :-1]) / max(1, self.confusion.sum()))

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the latency, ms."""
        if not len(self.latency_s):
            return float('nan')
        return float(np.percentile(self.latency_s, percentile) * 1e3)


def score_predictions(cues: Sequence[Cue], predictions: Sequence[ReceivedPrediction]) -> Score:
    """Compare predictions with the cues in force.

    Predictions are scored from `NOT_JUDGED_S` after a cue until the next cue.

    Parameters
    ----------
    cues, predictions : sequence
        In the order of time.
    """
    starts = [cue.stamp_s for cue in cues]
    names = list(dict.fromkeys(cue.name for cue in cues if cue.name))
    confusion = np.zeros((len(names), len(names) + 1), np.int64)
    for prediction in predictions:
        index = bisect_right(starts, prediction.stamp_s) - 1
        if index < 0 or not cues[index].name:
            continue
        if prediction.stamp_s - starts[index] < NOT_JUDGED_S:
            continue
        column = names.index(prediction.label) if prediction.label in names else len(names)
        confusion[names.index(cues[index].name), column] += 1
    stamps = np.array([prediction.stamp_s for prediction in predictions])
    gaps = np.diff(stamps)
    typical = float(np.median(gaps)) if len(gaps) else float('nan')
    running = gaps[gaps < 5 * typical]  # exclude pauses between recordings
    rate_hz = float(len(running) / running.sum()) if len(running) else float('nan')
    latency_s = np.array([prediction.latency_s for prediction in predictions])
    signal_s = float(stamps[-1] - stamps[0]) if len(stamps) else 0.0
    judged = int(confusion.sum())
    return Score(names, confusion, rate_hz, signal_s, latency_s, judged, len(predictions))
