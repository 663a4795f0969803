"""The half of a pipeline that trains, and keeps the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.models.warm_up import warm_up
from myogestic_ros.core.pipeline.callbacks import Callbacks
from myogestic_ros.core.pipeline.state_machine import StateMachine
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.training.jobs import Outcome
from myogestic_ros.core.training.train_log import TrainLog
from myogestic_ros.core.training.trainer import Trainer
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Trainable']


class Trainable(Callbacks, StateMachine):
    """Train with ``train``, elsewhere; the model from before stays until there is a new one.

    Attributes
    ----------
    model : object or None
        What ``train`` returned, or what was loaded.
    model_id : str
        Its name.
    class_names : tuple of str
        The classes it knows.
    train_log : list of str
        What the last training printed; ``train`` may print, or append to it.
    training_data : TrainingData or None
        What `start_training` trains on.
    training_progress : float
        Share of the training that is done, 0 to 1; NaN when it is not known.
    prepare : callable or None
        Completes the training data before ``train`` gets it, where ``train`` runs.
    """

    def __init__(self) -> None:
        Callbacks.__init__(self)
        StateMachine.__init__(self)
        self.model: Any = None
        self.model_id = ''
        self.class_names: tuple[str, ...] = ()
        self.train_log = TrainLog()
        self.training_data: TrainingData | None = None
        self.training_progress = float('nan')
        self.prepare: Callable[[TrainingData], TrainingData] | None = None
        self._verb = 'Training'
        self._job = 0  # number of this training; the outcome of an earlier one is void
        self._trainer = Trainer(
            self._on_line, self._on_progress, lambda text: self.observer.problem('thread', text)
        )

    def start_training(self) -> None:
        """Start training on `training_data`, in a process of its own, and return.

        Raises
        ------
        StateError
            When it is not idle, or has no train callback or no data.
        """
        with self._lock:
            self._expect('start training', PipelineState.IDLE)
            if self.on_train is None:
                raise self._refuse('No train callback set (use @pipeline.train).')
            self._start(self.on_train, None, 'Training')

    def start_adapting(self) -> None:
        """Start adapting the model to `training_data`, as a training, and return.

        Raises
        ------
        StateError
            When it is not idle, or has no adapt callback, no model or no data.
        """
        with self._lock:
            self._expect('start adapting', PipelineState.IDLE)
            if self.on_adapt is None:
                raise self._refuse(
                    'No adapt callback set (use @pipeline.adapt): this decoder cannot be adapted, '
                    'train it anew.'
                )
            if self.model is None:
                raise self._refuse('No model loaded — train one first or load from disk.')
            self._start(self.on_adapt, self.model, 'Adapting')

    @property
    def adapts(self) -> bool:
        """Whether the running training, or the last one, adapts a model."""
        return self._verb == 'Adapting'

    def _start(self, callback: Callable[..., Any], old: Any, verb: str) -> None:
        with self._lock:
            if self.training_data is None or self.training_data.is_empty:
                raise self._refuse('No training data: record a session or name one first.')
            self.train_log = TrainLog()
            self.training_progress = float('nan')
            self._job += 1
            job = self._job
            self._verb = verb
            self._enter(PipelineState.TRAINING, f'{verb}.')
            try:
                self._trainer.start(
                    callback,
                    self.prepare,
                    self.training_data,
                    lambda outcome: self._on_done(job, outcome),
                    old,
                )
            except Exception as error:
                self._end_training(f'{verb} cannot start: {error}')
                raise

    def cancel_training(self) -> None:
        """End the training now; the model from before stays.

        Raises
        ------
        StateError
            When none is running.
        """
        with self._lock:
            self._expect('cancel training', PipelineState.TRAINING)
            self._trainer.cancel()
            self._end_training(f'{self._verb} was cancelled; the model from before stays.')

    def wait_for_training(self, timeout_s: float | None = None) -> bool:
        """Wait until no training runs; return whether that is so."""
        self._trainer.join(timeout_s)
        return self._state is not PipelineState.TRAINING

    @property
    def training_pid(self) -> int | None:
        """Process id of the training process of the last training; None when it had none."""
        return self._trainer.pid

    def _end_training(self, message: str) -> None:
        self.training_progress = float('nan')
        self._enter(PipelineState.IDLE, message)

    def _on_line(self, line: str) -> None:
        self.train_log.note(line)
        self.observer.log_line(line)

    def _on_progress(self, share: float) -> None:
        self.training_progress = share
        self.observer.status_changed()

    def _on_done(self, job: int, outcome: Outcome) -> None:
        model_id, saved = '', ''
        if outcome.data is not None:
            warm_up(outcome.model)
            try:
                model_id, saved = self.observer.trained(outcome.model, outcome.data)
            except MyoGesticError as error:  # a model that cannot be saved can still be used
                saved = str(error)
            except Exception as error:
                saved = f'It is not saved: {type(error).__name__}: {error}'
        with self._lock:
            if job != self._job or self._state is not PipelineState.TRAINING:
                return
            if outcome.data is None:
                self._on_line(f'{self._verb} failed: {outcome.error}')
                self._end_training(f'{self._verb} failed: {outcome.error}')
                return
            self._set_model(outcome.model, model_id, outcome.data.class_names)
            self._end_training(f'{self._verb} is done. {saved}'.strip())

    def use_model(self, model: Any, model_id: str, class_names: Sequence[str]) -> None:
        """Predict with ``model`` from now on.

        Raises
        ------
        StateError
            When it is not idle.
        """
        with self._lock:
            self._expect('load a model', PipelineState.IDLE)
            self._set_model(model, model_id, class_names)

    def _set_model(self, model: Any, model_id: str, class_names: Sequence[str]) -> None:
        self.model = model
        self.model_id = model_id
        self.class_names = tuple(class_names)
