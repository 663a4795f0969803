"""Arming state of the bridge: disarmed, armed or stopped."""

from __future__ import annotations

from myogestic_ros.core.errors import StateError

__all__ = ['Arming']


class Arming:
    """Hold the arming state: disarmed at first; an emergency stop is latched until it is reset.

    Attributes
    ----------
    armed : bool
        True if commands are sent.
    stopped : bool
        True if the emergency stop is latched; commands then hold the position.
    """

    def __init__(self) -> None:
        self.armed = False
        self.stopped = False

    @property
    def state(self) -> str:
        """``'disarmed'``, ``'armed'`` or ``'stopped'``."""
        return 'stopped' if self.stopped else 'armed' if self.armed else 'disarmed'

    def arm(self) -> None:
        """Allow commands.

        Raises
        ------
        StateError
            If already armed, or stopped.
        """
        if self.stopped:
            raise StateError('Cannot arm: the emergency stop is active; call ~/reset first.')
        if self.armed:
            raise StateError('Cannot arm: the bridge is already armed.')
        self.armed = True

    def disarm(self) -> None:
        """Forbid commands; an emergency stop stays latched."""
        self.armed = False

    def stop(self) -> None:
        """Latch the emergency stop."""
        self.stopped = True

    def reset(self) -> None:
        """End the emergency stop and disarm.

        Raises
        ------
        StateError
            If no emergency stop is active.
        """
        if not self.stopped:
            raise StateError(
                f'Cannot reset: no emergency stop is active; the bridge is {self.state}.'
            )
        self.stopped = self.armed = False
