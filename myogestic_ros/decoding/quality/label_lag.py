"""Delay between a change of label and the change of the signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.decoding.quality.signal_summary import BIN_MS, SignalSummary

__all__ = ['label_lag', 'lag_warnings']

EARLIEST_S, LATEST_S = -1.5, 2.5
"""Range of lags that are tested, s."""

EARLY_S, LATE_S = -0.15, 1.0
"""Range of normal lags, s; see `lag_warnings`."""

MIN_CUES = 4
"""Minimum number of label changes for an estimate."""

MIN_EXPLAINED = 0.3
"""Minimum share of the amplitude's variance that the labels explain, for a valid estimate."""

Floats = NDArray[np.float64]


def label_lag(summary: SignalSummary) -> float | None:
    """Return the delay of the signal relative to its labels, s; None if it is undetermined.

    The log amplitude around each label change is divided at the change plus a lag. The result is
    the lag that minimises the variance within the parts over all changes (a change point common to
    all cues). Only changes within uninterrupted signal are used, with the second half of the cue
    before and the first half of the cue after.
    """
    envelope = summary.envelope
    if not len(envelope):
        return None
    floor = np.nanmedian(envelope, axis=0) * 0.1 + 1e-12
    level = np.log(envelope + floor)
    lags = np.arange(round(EARLIEST_S * 1e3 / BIN_MS), round(LATEST_S * 1e3 / BIN_MS) + 1)
    within = np.zeros(len(lags))
    n_used = 0
    bounds = [at for at, _ in summary.cue_bins] + [float(len(envelope))]
    for number in range(1, len(summary.cue_bins)):
        at, index = summary.cue_bins[number]
        if index == summary.cue_bins[number - 1][1]:
            continue  # the same class continues
        spread = _spread_by_lag(level, (bounds[number - 1], at, bounds[number + 1]), lags)
        if spread is not None:
            within += spread
            n_used += 1
    if n_used < MIN_CUES:
        return None
    best = int(np.argmin(within))
    if 1 - within[best] / n_used < MIN_EXPLAINED:
        return None
    return float(lags[best] * BIN_MS * 1e-3)


def _spread_by_lag(
    level: Floats, changes: tuple[float, float, float], lags: NDArray[np.int_]
) -> Floats | None:
    """Return the variance within the parts before and after a change, for each lag.

    Normalised by the variance of the whole, so that all gestures have the same weight. None if the
    signal is interrupted, too short or constant.

    Parameters
    ----------
    level : ndarray, shape (n_bins, n_channels)
        Log amplitude.
    changes : tuple of float
        Positions of the previous, this and the next change, bins.
    lags : ndarray of int, shape (n_lags,)
        Lags to compare, bins.
    """
    at = changes[1]
    before, after = at - changes[0], changes[2] - at
    start = max(0, round(at - before / 2))
    piece = level[start : round(at + max(after / 2, min(after, 2.5e3 / BIN_MS)))]
    cuts = round(at) - start + lags
    fits = (cuts >= 2) & (cuts <= len(piece) - 2)
    if not np.isfinite(piece).all() or len(piece) < 10 or fits.sum() < 20:
        return None
    spread = _within(piece)
    if spread[0] <= 0:
        return None
    relative: Floats = (
        np.where(fits, spread[np.clip(cuts, 1, len(piece) - 1)], spread[0]) / spread[0]
    )
    return relative


def _within(piece: Floats) -> Floats:
    """Return the sum of squares about the means of both parts for each position of the division.

    Shape (n_bins,); element 0 is the sum of squares about the mean of the whole.
    """
    n = np.arange(1, len(piece) + 1)[:, np.newaxis]
    sums, squares = np.cumsum(piece, axis=0), np.cumsum(piece**2, axis=0)
    left = squares - sums**2 / n
    rest = np.maximum(1, len(piece) - n)
    right = (squares[-1] - squares) - (sums[-1] - sums) ** 2 / rest
    result: Floats = np.concatenate([[left[-1].sum()], (left + right).sum(axis=1)[:-1]])
    return result


def lag_warnings(summary: SignalSummary) -> list[str]:
    """Warn about labels that are late or much too early relative to the signal.

    The reaction time to a cue is 0.2 to 0.5 s. With cues in a regular rhythm, subjects anticipate
    them by up to 20 to 80 ms. In 15 sessions with a change every 5 s the median lag was 0.30 s,
    the range -0.02 to 0.42 s. A signal that changes more than 0.15 s before its label indicates
    late labels: stamped when a delayed message was received, or by a person who pressed a key after
    seeing the movement. A lag above 1.0 s, twice the longest reaction time, indicates early labels
    or late stamps of the signal (a device with latency).
    """
    lag = label_lag(summary)
    if lag is None or EARLY_S <= lag <= LATE_S:
        return []
    if lag < EARLY_S:
        return [
            f"Session '{summary.session}': the signal changes {-lag:.2f} s before its label: the "
            f'labels are late, so the beginning of each gesture has the label of the previous '
            f'class. Set the stamp of each label to the time at which the cue was shown.'
        ]
    return [
        f"Session '{summary.session}': the signal changes {lag:.2f} s after its label (reaction "
        f'time: 0.2 to 0.5 s): the labels are early, or the stamps of the signal are late. Leave '
        f'out more of each cue (settle {round((lag + 0.2) * 10) * 100} ms), or correct the stamps.'
    ]
