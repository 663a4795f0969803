"""The state of a pipeline, its status message, and refused transitions."""

from __future__ import annotations

import threading

from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.states import PipelineState

__all__ = ['StateMachine']


class StateMachine:
    """Hold the state of a pipeline and notify its observer of changes.

    Attributes
    ----------
    observer : Observer
        Notified of each change.
    lock : threading.RLock
        Guards the state; never held while a callback of the decoder runs.
    """

    def __init__(self) -> None:
        self.observer = Observer()
        self.lock = threading.RLock()
        self._state = PipelineState.IDLE
        self._status_message = ''

    @property
    def state(self) -> PipelineState:
        """Current state: idle, training or predicting."""
        return self._state

    @property
    def status_message(self) -> str:
        """Latest event or refusal, in a sentence."""
        return self._status_message

    def set_status(self, message: str) -> None:
        """Set the status message."""
        with self.lock:
            self._status_message = message
            self.observer.status_changed()

    def enter(self, state: PipelineState, message: str) -> None:
        """Change the state and the status message; call only with the lock held."""
        self._state = state
        self.set_status(message)

    def refuse(self, message: str) -> StateError:
        """Set the status message and return the error to raise."""
        self.set_status(message)
        return StateError(message)

    def require(self, state: PipelineState, action: str) -> None:
        """Check the current state before an action; call only with the lock held.

        Parameters
        ----------
        state : PipelineState
            The state in which the action is allowed.
        action : str
            The action, as in "Cannot start training".

        Raises
        ------
        StateError
            If the pipeline is in another state.
        """
        if self._state is not state:
            raise self.refuse(f"Cannot {action}: state is '{self._state}', expected '{state}'.")
