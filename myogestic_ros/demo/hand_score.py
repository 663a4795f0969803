"""How well the hand followed: which posture it held when, against what was cued.

The hand *holds* a posture of the mapping when, of all its postures, that one is the nearest in
joint space (Euclidean distance, rad) and no joint is farther from it than `TOLERANCE_RAD`. It has
*reached* the cued posture at the first instant from which on it holds it for `HELD_S`. A cue is
judged when it asks for another posture than the cue before it, and lasts for `WITHIN_S` and
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

__all__ = ['WITHIN_S', 'HandScore', 'HandState', 'CueResult', 'score_hand', 'class_postures']

Array = NDArray[np.float64]

TOLERANCE_RAD = 0.2
HELD_S = 0.3
WITHIN_S = 1.0
"""What the hand is given from the cue on, s: to react, to be decoded, to move."""


@dataclass(frozen=True)
class HandState:
    """Where the hand was: time, s, and position of each joint by name, rad."""

    stamp_s: float
    positions: Mapping[str, float]


@dataclass(frozen=True)
class CueResult:
    """What became of one cue.

    Attributes
    ----------
    cue : Cue
        What was asked for.
    reached_s : float
        From the cue until the hand has reached its posture, s; NaN when it has not.
    moved_s : float
        From the first right prediction after the cue until then, s; NaN when there is none.
    after : mapping of str to float
        The hand `WITHIN_S` after the cue, rad.
    times_s, distance_rad : ndarray, shape (n_states,)
        Distance to the posture, of the joint that is farthest from it, over the time since the
        cue.
    """

    cue: Cue
    reached_s: float
    moved_s: float
    after: Mapping[str, float]
    times_s: Array
    distance_rad: Array

    @property
    def in_time(self) -> bool:
        """Whether the hand has reached the posture within `WITHIN_S`."""
        return bool(self.reached_s <= WITHIN_S)


@dataclass(frozen=True)
class HandScore:
    """What the demo says of the hand.

    Attributes
    ----------
    cue_results : list of CueResult
        Of the judged cues, in their order.
    postures : mapping of str to mapping of str to float
        Posture of each class, whole, rad.
    """

    cue_results: list[CueResult]
    postures: Mapping[str, Mapping[str, float]]

    @property
    def share(self) -> float:
        """Share of cues whose posture the hand has reached within `WITHIN_S`; NaN without any."""
        if not self.cue_results:
            return float('nan')
        return sum(reach.in_time for reach in self.cue_results) / len(self.cue_results)

    @property
    def reached(self) -> int:
        """How many cues' postures it has reached at all."""
        return sum(bool(np.isfinite(reach.reached_s)) for reach in self.cue_results)

    def reached_s(self, percentile: float) -> float:
        """Return a percentile of the time from the cue, s, over the cues that were reached."""
        return _percentile([reach.reached_s for reach in self.cue_results], percentile)

    def moved_s(self, percentile: float) -> float:
        """Return a percentile of the time from the first right prediction, s."""
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
    """Compare where the hand was with what was cued.

    Parameters
    ----------
    cues, predictions, states : sequence
        In the order of their time, all on one clock.
    postures : mapping of str to mapping of str to float
        Posture of each class that has one; each names the same joints, rad.
    """
    names = list(postures)
    joints = list(next(iter(postures.values()))) if postures else []
    goals = np.array([[postures[name][joint] for joint in joints] for name in names])
    known = [state for state in states if set(joints) <= set(state.positions)]
    stamps = [state.stamp_s for state in known]
    where = np.array([[state.positions[joint] for joint in joints] for state in known])
    cue_results = []
    for index, cue in enumerate(cues):
        before = cues[index - 1].name if index else 'rest'
        until_s = cues[index + 1].stamp_s if index + 1 < len(cues) else float('inf')
        if cue.name not in postures or postures[cue.name] == postures.get(before):
            continue
        first, last = bisect_left(stamps, cue.stamp_s), bisect_right(stamps, until_s)
        end_s = min(until_s, stamps[last - 1] if last > first else -np.inf)
        if end_s - cue.stamp_s < WITHIN_S + HELD_S:
            continue
        times = np.array(stamps[first:last]) - cue.stamp_s
        goal = names.index(cue.name)
        apart = where[first:last, None, :] - goals
        nearest = np.linalg.norm(apart, axis=2).argmin(axis=1)
        distance = np.abs(apart[:, goal]).max(axis=1)
        same = [postures[name] == postures[cue.name] for name in names]
        holds = np.array(same)[nearest] & (distance <= TOLERANCE_RAD)
        reached_s = _held_from(times, holds)
        moved_s = max(0.0, reached_s - _first_right(predictions, cue))
        after = known[min(bisect_left(stamps, cue.stamp_s + WITHIN_S), last - 1)].positions
        cue_results.append(CueResult(cue, reached_s, moved_s, after, times, distance))
    return HandScore(cue_results, postures)


def class_postures(mapping: HandMapping, labels: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the postures of a mapping, and of each label that has one, whole, rad."""
    rest = mapping.postures[REST]
    found = {name: {**rest, **posture} for name, posture in mapping.postures.items()}
    for label in labels:
        posture = mapping.posture_for(label)
        if posture is not None:
            found[label] = found[posture]
    return found


def _first_right(predictions: Sequence[ReceivedPrediction], cue: Cue) -> float:
    """Return when the first right prediction came after a cue, s; NaN when there was none."""
    right = (a for a in predictions if a.stamp_s >= cue.stamp_s and a.label == cue.name)
    first = next(right, None)
    return first.stamp_s - cue.stamp_s + first.latency_s if first is not None else float('nan')


def _held_from(times_s: Array, holds: NDArray[np.bool_]) -> float:
    """Return the first time from which on it holds for `HELD_S`; NaN when there is none."""
    began = None
    for time_s, held in zip(times_s, holds, strict=True):
        if not held:
            began = None
        elif began is None:
            began = time_s
        if began is not None and time_s - began >= HELD_S:
            return float(began)
    return float('nan')
