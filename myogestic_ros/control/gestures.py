"""From the classes of single predictions to the class that the hand follows."""

from __future__ import annotations

__all__ = ['Gestures']


class Gestures:
    """Let a class count once it has been decided for a while, and keep it for a while.

    Parameters
    ----------
    debounce_s : float
        How long a class has to be decided, without another between, before it counts, s.
    hold_s : float
        How long a class counts at least, s.

    Attributes
    ----------
    current : str
        The class that counts; ``''`` before the first.
    """

    def __init__(self, debounce_s: float = 0.0, hold_s: float = 0.0) -> None:
        self._debounce_s = debounce_s
        self._hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.current = ''
        self._candidate = ''
        self._since_s = 0.0
        self._taken_s = -float('inf')

    def hear(self, label: str, now_s: float) -> str:
        """Take the class of a prediction, ``''`` for none; return the class that counts.

        Parameters
        ----------
        label : str
            The class; none leaves what counts, but ends the run of the candidate.
        now_s : float
            When it came, s of any clock that never jumps.
        """
        if label != self._candidate:
            self._candidate, self._since_s = label, now_s
        due = now_s - self._since_s >= self._debounce_s
        if label and label != self.current and due and now_s - self._taken_s >= self._hold_s:
            self.current, self._taken_s = label, now_s
        return self.current
