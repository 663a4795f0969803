"""Post-processing of class decisions: rejection, majority vote, hysteresis, velocity ramp.

Each stage takes one decision per tick: a class name, or '' for a rejected decision. ``reset``
discards its state.

References
----------
.. [1] A. M. Simon, L. J. Hargrove, B. A. Lock, T. A. Kuiken, "A decision-based velocity ramp for
   minimizing the effect of misclassifications during real-time pattern recognition control",
   IEEE Trans. Biomed. Eng. 58(8), 2360-2368, 2011.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

__all__ = ['ChangeRejection', 'ConfidenceRejection', 'MajorityVote', 'VelocityRamp']

FALL = 2.0
"""Rate at which the velocity of a class falls during other classes, relative to its rise."""


class ConfidenceRejection:
    """Reject decisions with a low probability.

    Parameters
    ----------
    threshold : float
        Minimum probability, 0 to 1.
    by_class : mapping of str to float
        Minimum probability of single classes; overrides ``threshold``.
    """

    def __init__(self, threshold: float, by_class: Mapping[str, float]) -> None:
        self.threshold = threshold
        self.by_class = dict(by_class)

    def __call__(self, label: str, probability: float) -> str:
        """Return the label, or '' if it is rejected; ``probability`` from 0 to 1."""
        accepted = probability >= self.by_class.get(label, self.threshold)
        return label if accepted else ''


class MajorityVote:
    """Return the most frequent of the last decisions; of equally frequent ones the latest.

    Parameters
    ----------
    n_votes : int
        Number of decisions in the vote, including rejected ones.
    """

    def __init__(self, n_votes: int) -> None:
        self._votes: deque[str] = deque(maxlen=n_votes)
        self.delay_ticks = (n_votes - 1) // 2

    def reset(self) -> None:
        """Discard the votes."""
        self._votes.clear()

    def __call__(self, label: str) -> str:
        """Add a decision; return the most frequent one."""
        self._votes.append(label)
        counts = Counter(reversed(self._votes))  # equal counts keep this order: newest first
        return counts.most_common(1)[0][0]


class ChangeRejection:
    """Hold a decision until another one has occurred several times in a row (hysteresis).

    Parameters
    ----------
    n_equal : int
        Number of equal decisions in a row for a change, also for the first one after a reset.
    """

    def __init__(self, n_equal: int) -> None:
        self._needed = n_equal
        self.delay_ticks = n_equal - 1
        self.reset()

    def reset(self) -> None:
        """Discard the decision that is held."""
        self._held = ''
        self._new = ''
        self._seen = 0

    def __call__(self, label: str) -> str:
        """Add a decision; return the one that is held, '' if there is none yet."""
        self._seen = self._seen + 1 if label == self._new else 1
        self._new = label
        if self._seen >= self._needed:
            self._held = label
        return self._held


class VelocityRamp:
    """Increase the velocity while a class is held, so that short errors cause little motion [1]_.

    Each class has a velocity from 0 to 1. That of the current class increases by ``dt / rise_s``,
    those of all others decrease by ``FALL * dt / rise_s``. After an error of one or two ticks, a
    class continues at nearly the same velocity.

    Parameters
    ----------
    rise_s : float
        Rise time from 0 to 1, s.
    """

    def __init__(self, rise_s: float) -> None:
        self.rise_s = rise_s
        self._velocities: dict[str, float] = {}

    def reset(self) -> None:
        """Set the velocity of all classes to 0."""
        self._velocities.clear()

    def __call__(self, label: str, since_s: float) -> float:
        """Return the velocity of the current class, ``since_s`` seconds after the last decision."""
        step = since_s / self.rise_s
        for name in self._velocities:
            if name != label:
                self._velocities[name] = max(0.0, self._velocities[name] - FALL * step)
        if not label:
            return 0.0
        velocity = min(1.0, self._velocities.get(label, 0.0) + step)
        self._velocities[label] = velocity
        return velocity
