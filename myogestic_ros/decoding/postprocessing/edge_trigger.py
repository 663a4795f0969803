"""Calling somebody when a decision changes, and not at every tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ['EdgeTrigger']

T = TypeVar('T')


class EdgeTrigger(Generic[T]):
    """Call ``callback(value)`` when the value is another one than at the last call.

    As MyoGestic's.

    Parameters
    ----------
    callback : callable
        Gets the new value.
    n_stable_ticks : int
        So many times in a row a new value must come before it counts.
    """

    def __init__(self, callback: Callable[[T], object], *, n_stable_ticks: int = 1) -> None:
        if n_stable_ticks < 1:
            raise ValueError(f'n_stable_ticks is {n_stable_ticks}, expected at least 1')
        self._callback = callback
        self._needed = n_stable_ticks
        # In one tuple, for another thread may rebase meanwhile: last, new value, how often so far.
        self._state: tuple[T | None, T | None, int] = (None, None, 0)

    @property
    def last(self) -> T | None:
        """The value that was reported last, or set by `rebase`; None before."""
        return self._state[0]

    def fire_if_changed(self, value: T) -> bool:
        """Take the value of this tick; return whether the callback was called."""
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
        """Take a value for reported without a call: somebody else has done what it asks for."""
        self._state = (value, None, 0)
