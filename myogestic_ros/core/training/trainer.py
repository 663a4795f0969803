"""Running one training at a time, in a process if possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.jobs import Outcome, ProcessTraining, ThreadTraining
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Trainer']


class Trainer:
    """Run one training at a time; in a process if its callbacks can be imported there.

    Parameters
    ----------
    on_line : callable
        Called with each printed line.
    on_progress : callable
        Called with the share of the training that is done, 0 to 1.
    on_thread : callable
        Called with a message the first time that a training has to run in a thread instead.
    """

    def __init__(
        self,
        on_line: Callable[[str], None],
        on_progress: Callable[[float], None],
        on_thread: Callable[[str], None],
    ) -> None:
        self._on_line = on_line
        self._on_progress = on_progress
        self._on_thread = on_thread
        self._thread_reported = False
        self._training: ProcessTraining | ThreadTraining | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the last training; None if it ran in a thread."""
        return self._training.pid if isinstance(self._training, ProcessTraining) else None

    def start(
        self,
        train: Callable[[TrainingData], Any],
        prepare: Callable[[TrainingData], TrainingData] | None,
        data: TrainingData,
        on_done: Callable[[Outcome], None],
        model: Any = None,
    ) -> None:
        """Start a training in the background.

        Parameters
        ----------
        train : callable
            ``train(data) -> model``, or ``train(model, data) -> model`` to adapt a model.
        prepare : callable or None
            ``prepare(data) -> data``, called before ``train`` in the same process.
        data : TrainingData
            The training data.
        on_done : callable
            Called with the outcome, from another thread.
        model : object, optional
            The model to adapt.

        Raises
        ------
        TrainingError
            If this process is a training itself.
        TypeError
            If the data cannot be written as JSON.
        """
        options: dict[str, Any] = {
            'on_line': self._on_line,
            'on_progress': self._on_progress,
            'on_done': on_done,
            'model': model,
        }
        train_reference = CallbackReference.from_function(train)
        prepare_reference = CallbackReference.from_function(prepare) if prepare else None
        if train_reference and (prepare_reference or not prepare):
            self._training = ProcessTraining(train_reference, prepare_reference, data, **options)
            return
        if not self._thread_reported:
            self._thread_reported = True
            name = getattr(train, '__qualname__', repr(train))
            self._on_thread(
                f"'{name}' cannot be imported by another process (it is defined inside a "
                f'function or interactively): it runs in a thread, which cannot be killed.'
            )
        self._training = ThreadTraining(train, prepare, data, **options)

    def cancel(self) -> None:
        """Stop the training; ``on_done`` is not called any more."""
        if self._training is not None:
            self._training.cancel()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the training has ended, at most ``timeout_s`` if given."""
        if self._training is not None:
            self._training.join(timeout_s)
