"""Interface for the notifications of a pipeline."""

from __future__ import annotations

from typing import Any

from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Observer']


class Observer:
    """Receive the notifications of a pipeline; the base class ignores them.

    The methods are called from the thread that causes the event, some with the lock of the
    pipeline held: they must return quickly and must not wait for a thread that uses the pipeline.
    """

    def status_changed(self) -> None:
        """Notify of a change of state, status message, model or progress."""

    def log_line(self, line: str) -> None:
        """Notify of a line that the training printed."""

    def predicted(self, prediction: Prediction) -> None:
        """Notify of a prediction; not called after `Pipeline.stop_predicting` has returned."""

    def problem(self, kind: str, message: str) -> None:
        """Notify of an error that does not stop the pipeline; may be called at every tick.

        Parameters
        ----------
        kind : str
            ``callback`` (exception in a callback), ``dropped`` (the result is not a dict),
            ``frame`` (malformed chunk), ``thread`` (the training runs in a thread) or ``post``
            (post-processing).
        message : str
            A sentence, or the traceback of the exception.
        """

    def trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        """Save a new model, before the training ends.

        Parameters
        ----------
        model : object
            The value that ``train`` or ``adapt`` returned.
        data : TrainingData
            The data that the model was trained on.

        Returns
        -------
        tuple of str
            The name of the model, and a sentence to append to the status message.
        """
        return '', ''

    def predicting_aborted(self, reason: str) -> None:
        """Notify that the pipeline has stopped predicting because of errors."""
