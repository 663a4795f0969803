"""How long the signal changes after its label does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.quality.signal_summary import BIN_MS, SignalSummary

__all__ = ['label_lag', 'lag_warnings']

EARLIEST_S, LATEST_S = -1.5, 2.5
"""Lags that are tried, s."""

EARLY_S, LATE_S = -0.15, 1.0
"""What is normal lies between, s; see `lag_warnings`."""

MIN_CUES = 4
"""From fewer changes nothing can be said."""

MIN_EXPLAINED = 0.3
"""Share of the amplitude's variation that the labels must explain for a lag to mean something."""

Floats = NDArray[np.float64]


def label_lag(summary: SignalSummary) -> float | None:
    """Return by how much the signal follows the labels, s; None when that cannot be told.

    The course of the log amplitude is divided where the labels change, moved by a lag; the lag
    sought is that at which the amplitude varies least within the parts: a change point common
    to all cues. Only changes within uninterrupted signal count, with the second half of the cue
    before and the first half of the one after.
    """
    course = summary.course
    if not len(course):
        return None
    floor = np.nanmedian(course, axis=0) * 0.1 + 1e-12
    level = np.log(course + floor)
    lags = np.arange(round(EARLIEST_S * 1e3 / BIN_MS), round(LATEST_S * 1e3 / BIN_MS) + 1)
    within = np.zeros(len(lags))
    total, n_used = 0.0, 0
    bounds = [at for at, _ in summary.cue_bins] + [float(len(course))]
    for number in range(1, len(summary.cue_bins)):
        at, index = summary.cue_bins[number]
        if index == summary.cue_bins[number - 1][1]:
            continue  # the same class goes on: nothing changes
        before, after = at - bounds[number - 1], bounds[number + 1] - at
        start, end = round(at - before / 2), round(at + max(after / 2, min(after, 2.5e3 / BIN_MS)))
        piece = level[max(0, start) : end]
        cut = round(at) - max(0, start)
        ok = np.isfinite(piece).all() and len(piece) >= 10
        if not ok or cut + lags[0] < 2:
            lags_fit = (cut + lags >= 2) & (cut + lags <= len(piece) - 2)
        else:
            lags_fit = cut + lags <= len(piece) - 2
        if not ok or lags_fit.sum() < 20:
            continue
        spread = _within(piece)
        if spread[0] <= 0:
            continue
        cuts = np.clip(cut + lags, 1, len(piece) - 1)
        # In units of the piece's own variation: a strong gesture does not outvote the others.
        within += np.where(lags_fit, spread[cuts], spread[0]) / spread[0]
        total += 1.0
        n_used += 1
    if n_used < MIN_CUES:
        return None
    best = int(np.argmin(within))
    if 1 - within[best] / total < MIN_EXPLAINED:
        return None
    return float(lags[best] * BIN_MS * 1e-3)


def _within(piece: Floats) -> Floats:
    """Return for each place to divide at the sum of squares about the means of both parts.

    At 0 it is that about the mean of the whole; shape (n_bins,).
    """
    n = np.arange(1, len(piece) + 1)[:, np.newaxis]
    sums, squares = np.cumsum(piece, axis=0), np.cumsum(piece**2, axis=0)
    left = squares - sums**2 / n
    rest = np.maximum(1, len(piece) - n)
    right = (squares[-1] - squares) - (sums[-1] - sums) ** 2 / rest
    result: Floats = np.concatenate([[left[-1].sum()], (left + right).sum(axis=1)[:-1]])
    return result


def lag_warnings(summary: SignalSummary) -> list[str]:
    """Labels that come late, or far too early, against the signal.

    People react to a cue with 0.2 to 0.5 s. Where cues follow one another like a metronome they
    learn to come with it, and some 20 to 80 ms before it, as tappers do: in 15 sessions with a
    change every 5 s the lag was 0.30 s (median), from -0.02 to 0.42 s. A signal that changes more
    than 0.15 s before its label says that the labels come late: their time is that of a message
    which waited, or of somebody who pressed a key on seeing the movement. More than 1.0 s is
    twice as much as what slow people need: the labels are early, or the signal is late (a device
    whose stamps lag).
    """
    lag = label_lag(summary)
    if lag is None or EARLY_S <= lag <= LATE_S:
        return []
    if lag < EARLY_S:
        return [
            f"Session '{summary.session}': the signal changes {-lag:.2f} s before its label: the "
            f'labels are late, and the beginning of each gesture is labelled as the class before. '
            f'Set the stamp of each label to when the cue was shown.'
        ]
    return [
        f"Session '{summary.session}': the signal changes {lag:.2f} s after its label (0.2 to 0.5 s "
        f'is what people need): the labels are early, or the stamps of the signal late. Leave out '
        f'more of each cue (settle {round((lag + 0.2) * 10) * 100} ms), or mend the stamps.'
    ]
