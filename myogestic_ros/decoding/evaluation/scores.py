"""Scores beyond accuracy: rejection, transitions, delay of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.evaluation.held_out import HeldOut

__all__ = ['REJECT_BELOW', 'Delays', 'Rejection', 'delays', 'rejections', 'transition_windows']

REJECT_BELOW = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Thresholds of the probability for `rejections`."""

STABLE_S = 0.2
"""Time for which a decision must not change to be stable, s.

One window length, so that the last window shares no samples with the first."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rejection:
    """Rejection rate and accuracy at one threshold.

    Attributes
    ----------
    below : float
        Threshold: predictions with a lower probability are rejected.
    rejected : float
        Share of rejected predictions, 0 to 1.
    accuracy : float
        Accuracy of the other predictions, 0 to 1; NaN if there are none.
    """

    below: float
    rejected: float
    accuracy: float


def rejections(held_out: HeldOut, thresholds: Sequence[float] = REJECT_BELOW) -> list[Rejection]:
    """Return rejection rate and accuracy at each threshold; empty without probabilities."""
    chosen = held_out.steady & np.isfinite(held_out.confidence)
    if not chosen.any():
        return []
    confidence = held_out.confidence[chosen]
    right = held_out.predicted[chosen] == held_out.data.classes[chosen]
    pairs = []
    for threshold in thresholds:
        kept = confidence >= threshold
        accuracy = float(right[kept].mean()) if kept.any() else float('nan')
        pairs.append(Rejection(threshold, float(1 - kept.mean()), accuracy))
    return pairs


def transition_windows(held_out: HeldOut) -> Flags:
    """Return the mask of tested windows during or shortly after a change of class.

    Their true class is that of the cue at the newest sample. Errors are expected there during the
    reaction time of the subject and until the window is filled.

    Returns
    -------
    ndarray of bool, shape (n_windows,)
    """
    data = held_out.data
    changes = np.array([*(cue.follows_other for cue in data.cue_list), False])
    flags: Flags = (held_out.tests >= 0) & ~data.steady & changes[data.cues]
    return flags


@dataclass(frozen=True)
class Delays:
    """Delays of decisions after cues.

    Attributes
    ----------
    seconds : ndarray, shape (n_cues,)
        Time from the beginning of the cue to the newest sample of the first window after which the
        decisions are correct for `STABLE_S`, s; NaN if there is none. It includes the reaction
        time of the subject, 0.2 to 0.5 s.
    """

    seconds: Floats

    @property
    def cues(self) -> int:
        """Number of cues."""
        return len(self.seconds)

    @property
    def missed(self) -> int:
        """Number of cues without a stable correct decision."""
        return int(np.isnan(self.seconds).sum())

    def percentile(self, share: float) -> float:
        """Return a percentile, s; missed cues count as infinite delays."""
        if not len(self.seconds):
            return float('nan')
        filled = np.where(np.isnan(self.seconds), np.inf, self.seconds)
        return float(np.percentile(filled, share, method='higher'))


def delays(held_out: HeldOut) -> Delays:
    """Return the delay of the stable decision for each cue that follows another class."""
    data = held_out.data
    n_stable = max(1, round(STABLE_S / data.hop_s))
    found = []
    for number, cue in enumerate(data.cue_list):
        windows = np.flatnonzero((data.cues == number) & (held_out.tests >= 0))
        if not cue.follows_other or len(windows) < n_stable:
            continue
        right = held_out.predicted[windows] == cue.class_index
        runs = np.convolve(right, np.ones(n_stable, np.int64), 'valid') == n_stable
        first = int(runs.argmax())
        found.append(data.since_cue_s[windows[first]] if runs[first] else np.nan)
    return Delays(np.array(found, np.float64))
