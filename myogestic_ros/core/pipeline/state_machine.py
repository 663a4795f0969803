"""A state, what happened last, and refusals."""

from __future__ import annotations

import threading

from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.states import PipelineState

__all__ = ['StateMachine']


class StateMachine:
    """What a pipeline is doing: idle, training or predicting, and nothing else.

    Attributes
    ----------
    observer : Observer
        Who is told what happens.
    """

    def __init__(self) -> None:
        self.observer = Observer()
        self._state = PipelineState.IDLE
        self._status_message = ''
        self._lock = threading.RLock()  # guards the state; never held while a callback runs

    @property
    def state(self) -> PipelineState:
        """What it is doing: idle, training or predicting."""
        return self._state

    @property
    def status_message(self) -> str:
        """What happened last, in a sentence."""
        return self._status_message

    def say(self, message: str) -> None:
        """Set the status message."""
        with self._lock:
            self._status_message = message
            self.observer.status_changed()

    def _enter(self, state: PipelineState, message: str) -> None:
        self._state = state
        self.say(message)

    def _refuse(self, message: str) -> StateError:
        self.say(message)
        return StateError(message)

    def _expect(self, verb: str, expected: PipelineState) -> None:
        if self._state is not expected:
            raise self._refuse(f"Cannot {verb}: state is '{self._state}', expected '{expected}'.")
