"""Score how well the hand followed the cues.

The hand *holds* a posture of the mapping if it is the nearest of all postures in joint space
(Euclidean distance, rad) and no joint deviates from it by more than `TOLERANCE_RAD`. It has
*reached* the cued posture at the first time from which it holds it for `HELD_S`. A cue is scored
if its posture differs from that of the previous cue, and it lasts at least `WITHIN_S` plus
`HELD_S`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.control.mapping import REST
from myogestic_ros.control.mapping import Mapping as HandMapping
from myogestic_ros.demo.score import Cue, ReceivedPrediction

__all__ = [
    'WITHIN_S',
    'CueResult',
    'HandScore',
    'HandState',
    'class_postures',
    'holds_posture',
    'score_hand',
]

Array = NDArray[np.float64]

TOLERANCE_RAD = 0.2
HELD_S = 0.3
WITHIN_S = 1.0
"""Time limit from the cue for reaction, decoding and motion, s."""


@dataclass(frozen=True)
class HandState:
    """Time, s, and position of each joint by name, rad."""

    stamp_s: float
    positions: Mapping[str, float]


@dataclass(frozen=True)
class CueResult:
    """Motion of the hand after one cue.

    Attributes
    ----------
    cue : Cue
        The cue.
    reached_s : float
        Time from the cue until the hand reached the posture, s; NaN if it did not.
    moved_s : float
        Time from the first correct prediction after the cue until then, s; NaN if there is none.
    after : mapping of str to float
        Joint positions `WITHIN_S` after the cue, rad.
    times_s, distance_rad : ndarray, shape (n_states,)
        Time since the cue, s, and distance of the farthest joint from the posture, rad.
    """

    cue: Cue
    reached_s: float
    moved_s: float
    after: Mapping[str, float]
    times_s: Array
    distance_rad: Array

    @property
    def in_time(self) -> bool:
        """Whether the hand reached the posture within `WITHIN_S`."""
        return bool(self.reached_s <= WITHIN_S)


@dataclass(frozen=True)
class HandScore:
    """Scores of the hand.

    Attributes
    ----------
    cue_results : list of CueResult
        Results of the scored cues, in the order of time.
    postures : mapping of str to mapping of str to float
        Position of all joints in the posture of each class, rad.
    """

    cue_results: list[CueResult]
    postures: Mapping[str, Mapping[str, float]]

    @property
    def share(self) -> float:
        """Share of cues whose posture was reached within `WITHIN_S`; NaN without cues."""
        if not self.cue_results:
            return float('nan')
        return sum(reach.in_time for reach in self.cue_results) / len(self.cue_results)

    @property
    def reached(self) -> int:
        """Number of cues whose posture was reached."""
        return sum(bool(np.isfinite(reach.reached_s)) for reach in self.cue_results)

    def reached_s(self, percentile: float) -> float:
        """Return a percentile of the time from cue to posture, s, over the reached cues."""
        return _percentile([reach.reached_s for reach in self.cue_results], percentile)

    def moved_s(self, percentile: float) -> float:
        """Return a percentile of the time from the first correct prediction to the posture, s."""
        return _percentile([reach.moved_s for reach in self.cue_results], percentile)


def _percentile(values: Sequence[float], percentile: float) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.percentile(finite, percentile)) if finite else float('nan')


def score_hand(
    cues: Sequence[Cue],
    predictions: Sequence[ReceivedPrediction],
    states: Sequence[HandState],
    postures: Mapping[str, Mapping[str, float]],
) -> HandScore:
    """Compare the motion of the hand with the cues.

    Parameters
    ----------
    cues, predictions, states : sequence
        In the order of time, on one clock.
    postures : mapping of str to mapping of str to float
        Posture of each class, all with the same joints, rad.
    """
    joints = set(next(iter(postures.values()))) if postures else set()
    known = [state for state in states if joints <= set(state.positions)]
    cue_results = []
    for index, cue in enumerate(cues):
        before = cues[index - 1].name if index else 'rest'
        until_s = cues[index + 1].stamp_s if index + 1 < len(cues) else float('inf')
        if cue.name in postures and postures[cue.name] != postures.get(before):
            result = _score_cue(cue, until_s, known, predictions, postures)
            cue_results += [result] if result is not None else []
    return HandScore(cue_results, postures)


def _score_cue(
    cue: Cue,
    until_s: float,
    states: Sequence[HandState],
    predictions: Sequence[ReceivedPrediction],
    postures: Mapping[str, Mapping[str, float]],
) -> CueResult | None:
    """Score the motion of the hand from a cue to ``until_s``; None if there are too few states."""
    stamps = [state.stamp_s for state in states]
    first, last = bisect_left(stamps, cue.stamp_s), bisect_right(stamps, until_s)
    end_s = min(until_s, stamps[last - 1] if last > first else -np.inf)
    if end_s - cue.stamp_s < WITHIN_S + HELD_S:
        return None
    joints = list(next(iter(postures.values())))
    goals = np.array([[posture[joint] for joint in joints] for posture in postures.values()])
    where = np.array(
        [[state.positions[joint] for joint in joints] for state in states[first:last]]
    )
    times = np.array(stamps[first:last]) - cue.stamp_s
    apart = where[:, None, :] - goals
    nearest = np.linalg.norm(apart, axis=2).argmin(axis=1)
    distance = np.abs(apart[:, list(postures).index(cue.name)]).max(axis=1)
    same = np.array([posture == postures[cue.name] for posture in postures.values()])
    reached_s = _held_from(times, same[nearest] & (distance <= TOLERANCE_RAD))
    moved_s = max(0.0, reached_s - _first_correct(predictions, cue))
    after = states[min(bisect_left(stamps, cue.stamp_s + WITHIN_S), last - 1)].positions
    return CueResult(cue, reached_s, moved_s, after, times, distance)


def holds_posture(
    positions: Mapping[str, float], label: str, postures: Mapping[str, Mapping[str, float]]
) -> bool:
    """Return True if the hand holds the posture of a label; see the top of this module."""
    goal = postures.get(label)
    if goal is None or not set(goal) <= set(positions):
        return False

    def apart(posture: Mapping[str, float]) -> Array:
        return np.array([positions[joint] - angle for joint, angle in posture.items()])

    nearest = min(float(np.linalg.norm(apart(posture))) for posture in postures.values())
    own = apart(goal)
    return bool(np.abs(own).max() <= TOLERANCE_RAD and np.linalg.norm(own) <= nearest + 1e-9)


def class_postures(mapping: HandMapping, labels: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the postures of a mapping, and of each label with a posture, with all joints, rad."""
    rest = mapping.postures[REST]
    found = {name: {**rest, **posture} for name, posture in mapping.postures.items()}
    for label in labels:
        posture = mapping.posture_for(label)
        if posture is not None:
            found[label] = found[posture]
    return found


def _first_correct(predictions: Sequence[ReceivedPrediction], cue: Cue) -> float:
    """Return the time from a cue to the first correct prediction, s; NaN if there is none."""
    correct = (a for a in predictions if a.stamp_s >= cue.stamp_s and a.label == cue.name)
    first = next(correct, None)
    return first.stamp_s - cue.stamp_s + first.latency_s if first is not None else float('nan')


def _held_from(times_s: Array, holds: NDArray[np.bool_]) -> float:
    """Return the first time from which ``holds`` is true for `HELD_S`; NaN if there is none."""
    start_s = None
    for time_s, held in zip(times_s, holds, strict=True):
        if not held:
            start_s = None
        elif start_s is None:
            start_s = time_s
        if start_s is not None and time_s - start_s >= HELD_S:
            return float(start_s)
    return float('nan')
