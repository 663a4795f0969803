"""Who is told what happens in a pipeline."""

from __future__ import annotations

from typing import Any

from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Observer']


class Observer:
    """Gets told what happens in a pipeline; the base class takes no notice.

    Methods are called from the thread in which things happen, some with the pipeline's lock
    held: they must be quick, and must not wait for another thread that uses the pipeline.
    """

    def status_changed(self) -> None:
        """State, status message, model, progress or stale streams have changed."""

    def log_line(self, line: str) -> None:
        """A training has printed a line."""

    def predicted(self, prediction: Prediction) -> None:
        """There is a prediction; after `Pipeline.stop_predicting` has returned none comes."""

    def problem(self, kind: str, sentence: str) -> None:
        """Something went wrong that the pipeline survives; may come at every tick."""

    def trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        """Take note of a new model before the training counts as ended.

        Returns
        -------
        tuple of str
            The model's name, and what to add to the status message (where it was saved).
        """
        return '', ''

    def predicting_aborted(self, reason: str) -> None:
        """Predicting has stopped by itself."""
