"""Scores beyond accuracy: what rejection buys, and how soon a change of mind is followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.evaluation.held_out import HeldOut

__all__ = ['REJECT_BELOW', 'Delays', 'Rejection', 'delays', 'rejections', 'transition_windows']

REJECT_BELOW = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Thresholds of confidence that are tried."""

STABLE_S = 0.2
"""A decision is stable when those after it say the same for so long, s: one window's length, so
that it rests on a window that shares no sample with the first."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rejection:
    """The rejection pair at one threshold.

    Attributes
    ----------
    below : float
        Predictions with less confidence are rejected.
    rejected : float
        Their share, 0 to 1.
    accuracy : float
        Of the rest; NaN when nothing is left.
    """

    below: float
    rejected: float
    accuracy: float


def rejections(held_out: HeldOut, thresholds: Sequence[float] = REJECT_BELOW) -> list[Rejection]:
    """Return the rejection pair at each threshold; empty when there are no probabilities."""
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
    """Return which windows span or just follow a change of class: tested, and not yet steady.

    Their truth is the class asked for at their newest sample: a decoder is expected to be wrong
    there for as long as the person takes to react and the window to fill.
    """
    data = held_out.data
    changes = np.array([*(cue.follows_other for cue in data.cue_list), False])
    flags: Flags = (held_out.tests >= 0) & ~data.steady & changes[data.cues]
    return flags


@dataclass(frozen=True)
class Delays:
    """How long after a cue its decision came.

    Attributes
    ----------
    seconds : ndarray, shape (n_cues,)
        From the beginning of the cue to the newest sample of the first window from which on the
        decisions are right for `STABLE_S`; NaN where that never came. It holds the person's
        reaction, 0.2 to 0.5 s.
    """

    seconds: Floats

    @property
    def cues(self) -> int:
        """How many cues there were."""
        return len(self.seconds)

    @property
    def missed(self) -> int:
        """How many were never followed."""
        return int(np.isnan(self.seconds).sum())

    def percentile(self, share: float) -> float:
        """Return a percentile, s; a cue that was never followed counts as longest."""
        if not len(self.seconds):
            return float('nan')
        filled = np.where(np.isnan(self.seconds), np.inf, self.seconds)
        return float(np.percentile(filled, share, method='higher'))


def delays(held_out: HeldOut) -> Delays:
    """Return how soon each cue that follows another class was decided for, and stayed so."""
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
