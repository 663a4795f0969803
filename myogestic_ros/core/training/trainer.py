"""Starting a training the right way, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.jobs import Outcome, ProcessTraining, ThreadTraining
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Trainer']


class Trainer:
    """Run one training at a time: in a process where the callbacks can be imported by one.

    Parameters
    ----------
    on_line, on_progress : callable
        Called with each printed line, and with the share done (0 to 1).
    on_thread : callable
        Called once with a sentence when a training has to run in a thread instead.
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
        self._told = False
        self._training: ProcessTraining | ThreadTraining | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None when there is none."""
        return self._training.pid if isinstance(self._training, ProcessTraining) else None

    def start(
        self,
        train: Callable[[TrainingData], Any],
        prepare: Callable[[TrainingData], TrainingData] | None,
        data: TrainingData,
        on_done: Callable[[Outcome], None],
        old: Any = None,
    ) -> None:
        """Start ``train(prepare(data))``; ``on_done`` is called at its end, from a thread.

        With an ``old`` model it is ``train(old, prepare(data))``: the callback adapts it.
        """
        outlets: dict[str, Any] = {
            'on_line': self._on_line,
            'on_progress': self._on_progress,
            'on_done': on_done,
            'old': old,
        }
        train_reference = CallbackReference.from_function(train)
        prepare_reference = CallbackReference.from_function(prepare) if prepare else None
        if train_reference and (prepare_reference or not prepare):
            self._training = ProcessTraining(train_reference, prepare_reference, data, **outlets)
            return
        if not self._told:
            self._told = True
            name = getattr(train, '__qualname__', repr(train))
            self._on_thread(
                f"'{name}' cannot be imported by another process (it is defined inside a "
                f'function, or typed in): it trains in a thread, which cannot be killed.'
            )
        self._training = ThreadTraining(train, prepare, data, **outlets)

    def cancel(self) -> None:
        """End the training; its ``on_done`` is not called any more."""
        if self._training is not None:
            self._training.cancel()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the end of the training."""
        if self._training is not None:
            self._training.join(timeout_s)
