"""Whether the disk takes a recording: fast enough, and for how long; said before it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ['DiskMonitor']

CALM_S = 1.0
"""So long all has to be well before it counts as well again."""


@dataclass(frozen=True)
class Limit:
    """A figure is bad at ``bad``, and good again at ``good``."""

    bad: float
    good: float


BACKLOG = Limit(bad=0.25, good=0.05)
"""Share of the queue that waits."""
UNSAFE_S = Limit(bad=1.0, good=0.8)
"""Age of the oldest data that a power cut would cost, s."""
ROOM_S = Limit(bad=60.0, good=90.0)
"""How long there is room on the disk, s."""


class DiskMonitor:
    """Judge how a disk keeps up; with hysteresis, so that what is said does not flicker.

    Attributes
    ----------
    high : bool
        Whether the disk is too slow, or nearly full.
    sentence : str
        What to say of it; empty while it is not.
    """

    def __init__(self) -> None:
        self.high = False
        self.sentence = ''
        self._calm_since_s: float | None = None

    def update(
        self, now_s: float, backlog: float, unsafe_s: float, room_s: float = math.inf
    ) -> bool:
        """Take figures; return whether `high` has changed.

        Parameters
        ----------
        now_s : float
            A steady time, s.
        backlog : float
            How full the queue is, 0 to 1.
        unsafe_s : float
            How old the oldest data is that is not safe on the disk, s.
        room_s : float
            How long there is room on it, s.
        """
        before = self.high
        slow = backlog >= BACKLOG.bad or unsafe_s >= UNSAFE_S.bad
        if slow or room_s <= ROOM_S.bad:
            self.high, self._calm_since_s = True, None
        elif backlog >= BACKLOG.good or unsafe_s >= UNSAFE_S.good or room_s <= ROOM_S.good:
            self._calm_since_s = None
        elif self.high:
            self._calm_since_s = now_s if self._calm_since_s is None else self._calm_since_s
            self.high = now_s - self._calm_since_s < CALM_S
        if not self.high:
            self.sentence = ''
        elif room_s <= ROOM_S.good and not slow:
            self.sentence = f'The disk is nearly full: there is room for {room_s:.0f} s.'
        else:
            self.sentence = (
                f'The disk is too slow: {backlog * 100:.0f} % of the queue waits for it, the last '
                f'{unsafe_s:.1f} s are not safe yet.'
            )
        return self.high != before
