"""Debounce and minimum hold time for decided classes."""

from __future__ import annotations

__all__ = ['Gestures']


class Gestures:
    """Accept a class after it was decided for some time, and keep it for a minimum time.

    Parameters
    ----------
    debounce_s : float
        Time for which a class must be decided without interruption before it is accepted, s.
    hold_s : float
        Minimum time for which an accepted class is kept, s.

    Attributes
    ----------
    current : str
        The accepted class; ``''`` before the first.
    """

    def __init__(self, debounce_s: float = 0.0, hold_s: float = 0.0) -> None:
        self._debounce_s = debounce_s
        self._hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Return to the initial state: no class accepted."""
        self.current = ''
        self._candidate = ''
        self._candidate_since_s = 0.0
        self._accepted_s = -float('inf')

    def update(self, label: str, now_s: float) -> str:
        """Add the class of a prediction and return the accepted class.

        Parameters
        ----------
        label : str
            The class; ``''`` for none, which keeps the accepted class but restarts the debounce.
        now_s : float
            Time of arrival on a monotonic clock, s.
        """
        if label != self._candidate:
            self._candidate, self._candidate_since_s = label, now_s
        debounced = now_s - self._candidate_since_s >= self._debounce_s
        held = now_s - self._accepted_s >= self._hold_s
        if label and label != self.current and debounced and held:
            self.current, self._accepted_s = label, now_s
        return self.current
