"""Warn before the disk becomes too slow or full."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ['BACKLOG', 'DiskMonitor']

RECOVERY_TIME_S = 1.0
"""All values must be good for this time before a warning is cleared."""


@dataclass(frozen=True)
class Threshold:
    """Threshold with hysteresis: a warning starts at ``bad`` and ends at ``good``."""

    bad: float
    good: float


BACKLOG = Threshold(bad=0.25, good=0.05)
"""Fraction of the write queue in use."""
UNSYNCED_S = Threshold(bad=1.0, good=0.8)
"""Age of the oldest data that a power cut would lose, s."""
REMAINING_S = Threshold(bad=60.0, good=90.0)
"""Recording time until the disk is full, s."""


class DiskMonitor:
    """Decide if the disk keeps up with a recording, with hysteresis.

    Attributes
    ----------
    overloaded : bool
        True while the disk is too slow or nearly full.
    warning : str
        Warning for the user; empty while the disk keeps up.
    """

    def __init__(self) -> None:
        self.overloaded = False
        self.warning = ''
        self._good_since_s: float | None = None

    def update(
        self, now_s: float, backlog: float, unsynced_s: float, remaining_s: float = math.inf
    ) -> bool:
        """Update the state; return True if `overloaded` has changed.

        Parameters
        ----------
        now_s : float
            Time of a steady clock, s.
        backlog : float
            Fraction of the write queue in use, 0 to 1.
        unsynced_s : float
            Age of the oldest data that is not on the disk, s.
        remaining_s : float
            Recording time until the disk is full, s.
        """
        before = self.overloaded
        slow = backlog >= BACKLOG.bad or unsynced_s >= UNSYNCED_S.bad
        if slow or remaining_s <= REMAINING_S.bad:
            self.overloaded, self._good_since_s = True, None
        elif (
            backlog >= BACKLOG.good
            or unsynced_s >= UNSYNCED_S.good
            or remaining_s <= REMAINING_S.good
        ):
            self._good_since_s = None
        elif self.overloaded:
            self._good_since_s = now_s if self._good_since_s is None else self._good_since_s
            self.overloaded = now_s - self._good_since_s < RECOVERY_TIME_S
        if not self.overloaded:
            self.warning = ''
        elif remaining_s <= REMAINING_S.good and not slow:
            self.warning = (
                f'The disk is nearly full: it has space for {remaining_s:.0f} s of recording.'
            )
        else:
            self.warning = (
                f'The disk is too slow: {backlog * 100:.0f} % of the write queue is in use, and '
                f'the last {unsynced_s:.1f} s are not on the disk yet.'
            )
        return self.overloaded != before
