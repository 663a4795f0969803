"""Call a function of a library that blocks, without blocking the source."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ['BackgroundCall']

T = TypeVar('T')


class BackgroundCall(Generic[T]):
    """One call of a function in a thread of its own.

    Parameters
    ----------
    function : callable
        Called once, at once.
    discard : callable, optional
        Called with the result if it comes after `abandon`, to release what was opened.
    """

    def __init__(
        self, function: Callable[[], T], discard: Callable[[T], object] = lambda result: None
    ) -> None:
        self._function = function
        self._discard = discard
        self._lock = threading.Lock()
        self._abandoned = False
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name='device', daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of the call; return False if it has not ended within ``timeout_s``."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def result(self) -> T:
        """Return the result of a call that has ended, or raise its exception."""
        if self._error is not None:
            raise self._error
        return self._result[0]

    def abandon(self) -> None:
        """Do not wait for the result any more; discard it when it comes."""
        with self._lock:
            self._abandoned = True
            results, self._result = self._result, []
        for result in results:
            self._discard(result)

    def _run(self) -> None:
        try:
            result = self._function()
        except BaseException as error:
            self._error = error
            return
        with self._lock:
            if not self._abandoned:
                self._result.append(result)
                return
        self._discard(result)
