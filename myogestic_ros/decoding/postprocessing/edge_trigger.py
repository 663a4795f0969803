"""Callback on a change of decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ['EdgeTrigger']

T = TypeVar('T')


class EdgeTrigger(Generic[T]):
    """Call ``callback(value)`` when the value differs from that of the last call.

    Same interface as MyoGestic's.

    Parameters
    ----------
    callback : callable
        Called with the new value.
    n_stable_ticks : int
        Number of ticks in a row for which a new value must be the same before the call.
    """

    def __init__(self, callback: Callable[[T], object], *, n_stable_ticks: int = 1) -> None:
        if n_stable_ticks < 1:
            raise ValueError(f'n_stable_ticks is {n_stable_ticks}, expected at least 1')
        self._callback = callback
        self._needed = n_stable_ticks
        # Last value, new value, its number of ticks; one tuple, since other threads may rebase.
        self._state: tuple[T | None, T | None, int] = (None, None, 0)

    @property
    def last(self) -> T | None:
        """Value of the last call or of `rebase`; None before."""
        return self._state[0]

    def fire_if_changed(self, value: T) -> bool:
        """Add the value of this tick; return True if the callback was called."""
        last, candidate, seen = self._state
        if value == last:
            self._state = (last, None, 0)
            return False
        seen = seen + 1 if seen and value == candidate else 1
        if seen < self._needed:
            self._state = (last, value, seen)
            return False
        self._state = (value, None, 0)
        self._callback(value)
        return True

    def rebase(self, value: T) -> None:
        """Set the last value without a call, for example after an action by another caller."""
        self._state = (value, None, 0)
