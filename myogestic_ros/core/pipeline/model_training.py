"""The training part of a pipeline: it trains or adapts the model in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.models.warm_up import warm_up
from myogestic_ros.core.pipeline.callbacks import Callbacks
from myogestic_ros.core.pipeline.loaded_model import LoadedModel
from myogestic_ros.core.pipeline.state_machine import StateMachine
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.training.jobs import Outcome
from myogestic_ros.core.training.train_log import TrainLog
from myogestic_ros.core.training.trainer import Trainer
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['ModelTraining']


class ModelTraining:
    """Train or adapt a model in the background; the previous model stays until it is done.

    Parameters
    ----------
    state_machine : StateMachine
        Enters and leaves ``training``; its observer gets log lines and the new model.
    callbacks : Callbacks
        The ``train``, ``adapt`` and ``prepare`` functions.
    loaded : LoadedModel
        The model to adapt, and where the new one is put.

    Attributes
    ----------
    data : TrainingData or None
        The data of the next or the running training.
    log : TrainLog
        Lines that the last training printed.
    progress : float
        Share of the training that is done, 0 to 1; NaN when unknown.
    is_adapting : bool
        True if the running training, or the last one, adapts a model.
    """

    def __init__(
        self, state_machine: StateMachine, callbacks: Callbacks, loaded: LoadedModel
    ) -> None:
        self.data: TrainingData | None = None
        self.log = TrainLog()
        self.progress = float('nan')
        self.is_adapting = False
        self._state_machine = state_machine
        self._callbacks = callbacks
        self._loaded = loaded
        self._job = 0  # number of this training; the outcome of an earlier one is ignored
        self._trainer = Trainer(self._on_line, self._on_progress, self._on_thread)

    def start_training(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Start ``train``; see `Pipeline.start_training`.

        Parameters
        ----------
        filters : mapping of str to FilterSpec or None
            The filters in force, by stream; the training data gets them where it names none.
        """
        machine = self._state_machine
        with machine.lock:
            machine.require(PipelineState.IDLE, 'start training')
            if self._callbacks.train is None:
                raise machine.refuse('No train callback set (use @pipeline.train).')
            self._start(self._callbacks.train, filters, adapt=False)

    def start_adapting(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Start ``adapt``; see `Pipeline.start_adapting`.

        Parameters
        ----------
        filters : mapping of str to FilterSpec or None
            The filters in force, by stream; the training data gets them where it names none.
        """
        machine = self._state_machine
        with machine.lock:
            machine.require(PipelineState.IDLE, 'start adapting')
            if self._callbacks.adapt is None:
                raise machine.refuse(
                    'No adapt callback set (use @pipeline.adapt): this decoder cannot be adapted, '
                    'train it again.'
                )
            if self._loaded.model is None:
                raise machine.refuse('No model loaded — train one first or load from disk.')
            self._start(self._callbacks.adapt, filters, adapt=True)

    def _start(
        self,
        callback: Callable[..., Any],
        filters: Mapping[str, FilterSpec | None],
        *,
        adapt: bool,
    ) -> None:
        if self.data is None or self.data.is_empty:
            raise self._state_machine.refuse(
                'No training data: record a session or name one first.'
            )
        self.data = replace(
            self.data,
            streams=[
                spec if spec.filters is not None else replace(spec, filters=filters.get(spec.name))
                for spec in self.data.streams
            ],
        )
        self.log = TrainLog()
        self.progress = float('nan')
        self.is_adapting = adapt
        self._job += 1
        job = self._job
        self._state_machine.enter(PipelineState.TRAINING, f'{self._action}.')
        try:
            self._trainer.start(
                callback,
                self._callbacks.prepare,
                self.data,
                lambda outcome: self._on_done(job, outcome),
                self._loaded.model if adapt else None,
            )
        except Exception as error:
            self._end(f'{self._action} cannot start: {error}')
            raise

    def cancel(self) -> None:
        """End the training; see `Pipeline.cancel_training`."""
        machine = self._state_machine
        with machine.lock:
            machine.require(PipelineState.TRAINING, 'cancel training')
            self._trainer.cancel()
            self._end(f'{self._action} was cancelled; the previous model stays in use.')

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until no training runs; see `Pipeline.wait_for_training`."""
        self._trainer.join(timeout_s)
        return self._state_machine.state is not PipelineState.TRAINING

    @property
    def pid(self) -> int | None:
        """Process id of the last training; None if it ran in a thread."""
        return self._trainer.pid

    @property
    def _action(self) -> str:
        return 'Adapting' if self.is_adapting else 'Training'

    def _end(self, message: str) -> None:
        self.progress = float('nan')
        self._state_machine.enter(PipelineState.IDLE, message)

    def _on_line(self, line: str) -> None:
        self.log.add_printed(line)
        self._state_machine.observer.log_line(line)

    def _on_progress(self, share: float) -> None:
        self.progress = share
        self._state_machine.observer.status_changed()

    def _on_thread(self, message: str) -> None:
        self._state_machine.observer.problem('thread', message)

    def _on_done(self, job: int, outcome: Outcome) -> None:
        machine = self._state_machine
        model_id, saved = '', ''
        if outcome.data is not None:
            warm_up(outcome.model)
            try:
                model_id, saved = machine.observer.trained(outcome.model, outcome.data)
            except MyoGesticError as error:  # a model that cannot be saved can still be used
                saved = str(error)
            except Exception as error:
                saved = f'The model was not saved: {type(error).__name__}: {error}'
        with machine.lock:
            if job != self._job or machine.state is not PipelineState.TRAINING:
                return
            if outcome.data is None:
                self._on_line(f'{self._action} failed: {outcome.error}')
                self._end(f'{self._action} failed: {outcome.error}')
                return
            self._loaded.replace(outcome.model, model_id, outcome.data.class_names)
            self._end(f'{self._action} is done. {saved}'.strip())
