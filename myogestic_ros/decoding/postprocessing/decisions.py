"""What may become of a decision for a class: rejected, outvoted, held, ramped up.

Each takes one decision per tick, the name of a class or '' for none, and each forgets on `reset`.

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
"""So many times as fast as it rises, the velocity of a class falls while another one is held."""


class ConfidenceRejection:
    """Reject a decision whose probability is too low.

    Parameters
    ----------
    threshold : float
        Lowest probability that is accepted, 0 to 1.
    by_class : mapping of str to float
        Thresholds of single classes, which win.
    """

    def __init__(self, threshold: float, by_class: Mapping[str, float]) -> None:
        self.threshold = threshold
        self.by_class = dict(by_class)

    def __call__(self, label: str, probability: float) -> str:
        """Return the label, or '' when it is rejected."""
        accepted = probability >= self.by_class.get(label, self.threshold)
        return label if accepted else ''


class MajorityVote:
    """The most frequent of the last decisions; of several, the one that came last.

    Parameters
    ----------
    n_votes : int
        How many decisions vote. A rejected one votes for no class.
    """

    def __init__(self, n_votes: int) -> None:
        self._votes: deque[str] = deque(maxlen=n_votes)
        self.delay_ticks = (n_votes - 1) // 2

    def reset(self) -> None:
        """Forget the votes."""
        self._votes.clear()

    def __call__(self, label: str) -> str:
        """Take a vote; return the winner."""
        self._votes.append(label)
        counts = Counter(reversed(self._votes))  # equal counts stay in order: newest first
        return counts.most_common(1)[0][0]


class ChangeRejection:
    """Hold a decision until another one has come several times in a row.

    Parameters
    ----------
    n_equal : int
        So many equal decisions make a change, the first one after a reset included.
    """

    def __init__(self, n_equal: int) -> None:
        self._needed = n_equal
        self.delay_ticks = n_equal - 1
        self.reset()

    def reset(self) -> None:
        """Hold nothing."""
        self._held = ''
        self._new = ''
        self._seen = 0

    def __call__(self, label: str) -> str:
        """Take a decision; return the one that is held."""
        self._seen = self._seen + 1 if label == self._new else 1
        self._new = label
        if self._seen >= self._needed:
            self._held = label
        return self._held


class VelocityRamp:
    """A velocity that grows while a class is held, so that a short mistake moves little [1]_.

    Each class has one, from 0 to 1. That of the class decided for grows by ``dt / rise_s``;
    those of all others fall by ``FALL * dt / rise_s``. A class that is lost for a tick or two
    so goes on nearly where it was.

    Parameters
    ----------
    rise_s : float
        Time from 0 to 1, s.
    """

    def __init__(self, rise_s: float) -> None:
        self.rise_s = rise_s
        self._velocities: dict[str, float] = {}

    def reset(self) -> None:
        """Let every class begin at 0."""
        self._velocities.clear()

    def __call__(self, label: str, since_s: float) -> float:
        """Return the velocity of the class decided for, ``since_s`` after the last decision."""
        step = since_s / self.rise_s
        for name in self._velocities:
            if name != label:
                self._velocities[name] = max(0.0, self._velocities[name] - FALL * step)
        if not label:
            return 0.0
        velocity = min(1.0, self._velocities.get(label, 0.0) + step)
        self._velocities[label] = velocity
        return velocity
