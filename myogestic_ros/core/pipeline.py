"""Three callbacks and a state machine: the pipeline."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from myogestic_ros.core.counters import TickCounters
from myogestic_ros.core.errors import MyoGesticError, StateError
from myogestic_ros.core.live_ticks import LiveTicks
from myogestic_ros.core.observer import Observer
from myogestic_ros.core.persistence import load_pickle, save_pickle
from myogestic_ros.core.prediction import Prediction
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.states import PipelineState
from myogestic_ros.core.trainer import Trainer
from myogestic_ros.core.training import Outcome
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.core.windows import StreamSpec, Tick, WindowCutter

__all__ = ['Pipeline']

Callback = TypeVar('Callback', bound=Callable[..., Any])


class Pipeline:
    """Record, train, predict: three callbacks turned into a live experiment.

    It knows no ROS, and driven by hand, with `push` and `step`, it starts no thread.

    Parameters
    ----------
    predict_hz : float
        Predictions per second of signal; 0 or less: one per chunk.
    streams : sequence of StreamSpec
        What ``extract`` gets; the first is the primary, whose samples clock the ticks.
    max_consecutive_errors : int
        After so many failed ticks in a row it stops predicting.

    Attributes
    ----------
    on_extract, on_train, on_predict : callable or None
        The three callbacks, set by the decorators.
    save_model, load_model : callable
        ``save_model(model, path)`` and ``load_model(path) -> model``; joblib unless replaced.
    model : object or None
        What ``train`` returned, or what was loaded.
    model_id : str
        Its name.
    class_names : tuple of str
        The classes it knows.
    predictions : dict
        What ``predict`` returned last.
    train_log : list of str
        What the last training printed.
    training_data : TrainingData or None
        What `start_training` trains on.
    observer : Observer
        Who is told what happens.
    prepare : callable or None
        Completes the training data before ``train`` gets it, where ``train`` runs.
    """

    def __init__(
        self,
        predict_hz: float = 50.0,
        *,
        streams: Sequence[StreamSpec] = (StreamSpec('emg'),),
        max_consecutive_errors: int = 10,
    ) -> None:
        self.on_extract: Callable[..., Any] | None = None
        self.on_train: Callable[..., Any] | None = None
        self.on_predict: Callable[..., Any] | None = None
        self.save_model: Callable[[Any, str], Any] = save_pickle
        self.load_model: Callable[[str], Any] = load_pickle
        self.model: Any = None
        self.model_id = ''
        self.class_names: tuple[str, ...] = ()
        self.predictions: dict[str, Any] = {}
        self.train_log: list[str] = []
        self.training_data: TrainingData | None = None
        self.prepare: Callable[[TrainingData], TrainingData] | None = None
        self.observer = Observer()
        self.max_consecutive_errors = max_consecutive_errors
        self.counters = TickCounters()
        self.training_progress = float('nan')
        self._state = PipelineState.IDLE
        self._status_message = ''
        self._lock = threading.RLock()  # guards the state; never held while a callback runs
        self._streams = list(streams)
        self._ticks = LiveTicks(streams, predict_hz)
        self._run = 0  # number of this run of predicting; a result of an earlier one is void
        self._errors_in_a_row = 0
        self._job = 0  # number of this training; the outcome of an earlier one is void
        self._trainer = Trainer(
            self._on_line, self._on_progress, lambda text: self.observer.problem('thread', text)
        )

    # -- the three callbacks ------------------------------------------------------------------

    def extract(self, callback: Callback) -> Callback:
        """Register ``extract(windows) -> features``; return it unchanged.

        ``windows`` maps a stream's name to an ndarray of float32 of shape
        ``(n_channels, n_samples)``, in volt, which the callback owns.
        """
        self.on_extract = callback
        return callback

    def train(self, callback: Callback) -> Callback:
        """Register ``train(data: TrainingData) -> model``; return it unchanged."""
        self.on_train = callback
        return callback

    def predict(self, callback: Callback) -> Callback:
        """Register ``predict(model, features) -> dict``; return it unchanged."""
        self.on_predict = callback
        return callback

    # -- what it is doing ---------------------------------------------------------------------

    @property
    def state(self) -> PipelineState:
        """What it is doing: idle, training or predicting."""
        return self._state

    @property
    def status_message(self) -> str:
        """What happened last, in a sentence."""
        return self._status_message

    @property
    def predict_hz(self) -> float:
        """Predictions per second of signal; may be changed while it is running."""
        return self._ticks.predict_hz

    @predict_hz.setter
    def predict_hz(self, value: float) -> None:
        self._ticks.predict_hz = value

    @property
    def streams(self) -> list[StreamSpec]:
        """The streams, with rate and channels as far as they are known."""
        live = []
        for spec in self._streams:
            intake = self.cutter.intake(spec.name)
            live.append(
                StreamSpec(spec.name, spec.window_ms, intake.channels, intake.sampling_rate)
            )
        return live

    @property
    def cutter(self) -> WindowCutter:
        """What cuts its windows, and counts what becomes of the samples."""
        return self._ticks.cutter

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

    # -- training -----------------------------------------------------------------------------

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
            if self.training_data is None or self.training_data.is_empty:
                raise self._refuse('No training data: record a session or name one first.')
            self.train_log = []
            self.training_progress = float('nan')
            self._job += 1
            job = self._job
            self._enter(PipelineState.TRAINING, 'Training.')
            try:
                self._trainer.start(
                    self.on_train,
                    self.prepare,
                    self.training_data,
                    lambda outcome: self._on_done(job, outcome),
                )
            except Exception as error:
                self._end_training(f'Training cannot start: {error}')
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
            self._end_training('Training was cancelled; the model from before stays.')

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
        self.train_log.append(line)
        self.observer.log_line(line)

    def _on_progress(self, share: float) -> None:
        self.training_progress = share
        self.observer.status_changed()

    def _on_done(self, job: int, outcome: Outcome) -> None:
        model_id, saved = '', ''
        if outcome.data is not None:
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
                self._on_line(f'Training failed: {outcome.error}')
                self._end_training(f'Training failed: {outcome.error}')
                return
            self._set_model(outcome.model, model_id, outcome.data.class_names)
            self._end_training(f'Training is done. {saved}'.strip())

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

    # -- predicting ---------------------------------------------------------------------------

    def start_predicting(self) -> None:
        """Predict from the next tick on.

        Raises
        ------
        StateError
            When it is not idle, a callback is missing, or there is no model.
        """
        with self._lock:
            self._expect('start predicting', PipelineState.IDLE)
            for name in ('extract', 'predict'):
                if getattr(self, f'on_{name}') is None:
                    raise self._refuse(f'No {name} callback set (use @pipeline.{name}).')
            if self.model is None:
                raise self._refuse('No model loaded — train one first or load from disk.')
            self._errors_in_a_row = 0
            self._run += 1
            self._ticks.want(True)
            self._enter(PipelineState.PREDICTING, 'Predicting.')

    def stop_predicting(self, reason: str = 'Stopped predicting.') -> None:
        """Stop predicting; once this has returned, no further prediction comes.

        Raises
        ------
        StateError
            When it is not predicting.
        """
        with self._lock:
            self._expect('stop predicting', PipelineState.PREDICTING)
            # In this order: a tick taken before the others are dropped finds its result void.
            self._ticks.want(False)
            self._run += 1
            self._enter(PipelineState.IDLE, reason)

    def push(self, stream: str, chunk: Chunk, now_ns: int = 0) -> None:
        """Take in the next samples of a stream.

        Parameters
        ----------
        stream : str
            Name of the stream.
        chunk : Chunk
            Its samples; malformed ones are counted and dropped.
        now_ns : int
            Time of arrival on the steady clock (``time.monotonic_ns``); 0 (the default) when
            there is no hurry: then no tick is ever too late.
        """
        problem = self._ticks.push(stream, chunk, now_ns)
        if problem:
            self.observer.problem('frame', f"A frame of stream '{stream}' was dropped: {problem}.")

    @property
    def ticks(self) -> LiveTicks:
        """The ticks between `push` and `step`."""
        return self._ticks

    def wait_for_tick(self, timeout_s: float) -> bool:
        """Wait, at most ``timeout_s``, until a tick is due; return whether one is."""
        return self._ticks.wait(timeout_s)

    def step(self) -> list[Prediction]:
        """Compute the ticks that are due; return their predictions, oldest first."""
        made: list[Prediction] = []
        while True:
            run = self._run
            tick = self._ticks.take()
            if tick is None:
                return made
            prediction = self._compute(tick, run)
            self._ticks.done()
            if prediction is not None:
                made.append(prediction)

    def _compute(self, tick: Tick, run: int) -> Prediction | None:
        extract, predict = self.on_extract, self.on_predict
        assert extract is not None
        assert predict is not None
        start = time.perf_counter()
        try:
            values = predict(self.model, extract(tick.windows))
        except (Exception, SystemExit):  # a sys.exit() in it would end the thread unheard
            self._failed(run)
            return None
        compute_s = time.perf_counter() - start
        if not isinstance(values, dict):
            self.counters.dropped += 1
            self.observer.problem(
                'dropped',
                f'predict returned {type(values).__name__}, expected a dict; it was dropped.',
            )
            return None
        prediction = Prediction(
            values, tick.sample, tick.stamp_ns, compute_s, self.model_id, self.class_names
        )
        with self._lock:
            if run != self._run:
                return None
            self._errors_in_a_row = 0
            self.predictions = values
            self.counters.predictions += 1
            self.observer.predicted(prediction)
        if tick.arrived_ns:
            self.counters.latencies_s.append((time.monotonic_ns() - tick.arrived_ns) * 1e-9)
        return prediction

    def _failed(self, run: int) -> None:
        text = traceback.format_exc()
        self.counters.errors += 1
        self.observer.problem('callback', text)
        with self._lock:
            if run != self._run:
                return
            self._errors_in_a_row += 1
            if self._errors_in_a_row < self.max_consecutive_errors:
                return
            last = text.strip().splitlines()[-1]
            reason = f'Stopped predicting: {self._errors_in_a_row} errors in a row, last: {last}'
            self.stop_predicting(reason)
        self.observer.gave_up(reason)
