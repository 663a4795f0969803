"""Whether commands may be sent: disarmed, armed, stopped."""

from __future__ import annotations

from myogestic_ros.core.errors import StateError

__all__ = ['Arming']


class Arming:
    """Begin disarmed; send after `arm`; an emergency stop holds until it is reset.

    Attributes
    ----------
    armed : bool
        Whether commands are sent.
    stopped : bool
        Whether the emergency stop is latched; what is sent then keeps the hand still.
    """

    def __init__(self) -> None:
        self.armed = False
        self.stopped = False

    @property
    def state(self) -> str:
        """What it is, in a word."""
        return 'stopped' if self.stopped else 'armed' if self.armed else 'disarmed'

    def arm(self) -> None:
        """Allow commands.

        Raises
        ------
        StateError
            When it is armed, or stopped.
        """
        self._expect('arm', 'disarmed', '; reset it first' if self.stopped else '')
        self.armed = True

    def disarm(self) -> None:
        """Forbid commands; a stop stays latched."""
        self.armed = False

    def stop(self) -> None:
        """Latch the emergency stop."""
        self.stopped = True

    def reset(self) -> None:
        """End the emergency stop; what follows is disarmed.

        Raises
        ------
        StateError
            When it is not stopped.
        """
        self._expect('reset', 'stopped', '')
        self.stopped = self.armed = False

    def _expect(self, verb: str, expected: str, hint: str) -> None:
        if self.state != expected:
            raise StateError(
                f"Cannot {verb}: the bridge is '{self.state}', expected '{expected}'{hint}."
            )
