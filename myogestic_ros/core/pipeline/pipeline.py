"""The pipeline: callbacks of a decoder, the state machine, and the computation of each tick."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from numpy.typing import ArrayLike

from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.callbacks import Callbacks
from myogestic_ros.core.pipeline.counters import TickCounters
from myogestic_ros.core.pipeline.loaded_model import LoadedModel
from myogestic_ros.core.pipeline.model_training import ModelTraining
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.plain_arrays import PlainArrays
from myogestic_ros.core.pipeline.prediction import PostProcess, Prediction
from myogestic_ros.core.pipeline.state_machine import StateMachine
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.pipeline.stream_reader import StreamReader
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import Tick
from myogestic_ros.core.training.train_log import TrainLog
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['Pipeline']

Callback = TypeVar('Callback', bound=Callable[..., Any])


class Pipeline:
    """Train a model on recorded sessions and predict from live streams with it.

    A decoder consists of up to four callbacks, registered with the decorators `extract`, `train`,
    `predict` and (optionally) `adapt`. The pipeline is ``idle``, ``training`` or ``predicting``.
    It does not depend on ROS. Driven by hand, with `push` and `step`, it starts no threads.

    Parameters
    ----------
    predict_hz : float
        Predictions per second of signal, in Hz; 0 or less: one per chunk.
    streams : sequence of StreamSpec
        The streams whose windows ``extract`` gets. The first is the primary stream: its samples
        clock the predictions.
    max_consecutive_errors : int
        The pipeline stops predicting after so many failed ticks in a row.
    callbacks : Callbacks, optional
        Callbacks of a decoder, instead of registering them with the decorators.

    Attributes
    ----------
    callbacks : Callbacks
        The registered callbacks.
    reader : StreamReader
        The streams, their filters, and the ticks that are due.
    training : ModelTraining
        The training: its data, log, progress and process id.
    loaded : LoadedModel
        The model in use.
    post : PostProcess or None
        Post-processing of each prediction; None: predictions stay as ``predict`` returned them.
    predictions : dict
        The latest prediction, after post-processing; empty before the first.
    counters : TickCounters
        Numbers of predictions, errors and dropped results, and the latest latencies.
    max_consecutive_errors : int
        As the parameter; may be changed at any time.

    Raises
    ------
    SignalError
        If ``streams`` is empty or has a name twice.

    Examples
    --------
    >>> pipeline = Pipeline(predict_hz=50.0)
    >>> @pipeline.extract
    ... def extract(windows):
    ...     return windows['emg'].std(axis=1)
    """

    def __init__(
        self,
        predict_hz: float = 50.0,
        *,
        streams: Sequence[StreamSpec] = (StreamSpec('emg'),),
        max_consecutive_errors: int = 10,
        callbacks: Callbacks | None = None,
    ) -> None:
        self.callbacks = callbacks or Callbacks()
        self.loaded = LoadedModel()
        self.reader = StreamReader(predict_hz, streams, self._on_dropped, self._on_filter_error)
        self.post: PostProcess | None = None
        self.predictions: dict[str, Any] = {}
        self.counters = TickCounters()
        self._arrays = PlainArrays()
        self.max_consecutive_errors = max_consecutive_errors
        self._state_machine = StateMachine()
        self.training = ModelTraining(self._state_machine, self.callbacks, self.loaded)
        self._run = 0  # number of this run of predicting; a result of an earlier one is dropped
        self._errors_in_a_row = 0

    # -- decoder ------------------------------------------------------------------------------

    def extract(self, callback: Callback) -> Callback:
        """Register the feature extraction (decorator).

        Parameters
        ----------
        callback : callable
            ``extract(windows) -> features``. ``windows`` maps the name of each stream to an
            ndarray of float32 of shape ``(n_channels, n_samples)``, in volt; the callback owns it
            and may modify it. ``features`` is passed on to ``predict`` unchanged.

        Returns
        -------
        callable
            The callback, unchanged.
        """
        self.callbacks.extract = callback
        return callback

    def train(self, callback: Callback) -> Callback:
        """Register the training (decorator).

        Parameters
        ----------
        callback : callable
            ``train(data) -> model``, with a `TrainingData`. It runs in a separate process if that
            process can import it, otherwise in a thread. Printed lines are the training log;
            `report_progress` reports the progress. The model is any object that `save_model` can
            write, other than None.

        Returns
        -------
        callable
            The callback, unchanged.
        """
        self.callbacks.train = callback
        return callback

    def predict(self, callback: Callback) -> Callback:
        """Register the prediction (decorator).

        Parameters
        ----------
        callback : callable
            ``predict(model, features) -> dict``. The keys ``class`` (index or name), ``label``,
            ``probabilities`` and ``dofs`` have fields of their own in the published message. A
            result that is not a dict is dropped and counted.

        Returns
        -------
        callable
            The callback, unchanged.
        """
        self.callbacks.predict = callback
        return callback

    def adapt(self, callback: Callback) -> Callback:
        """Register the recalibration of a trained model (decorator); optional.

        Parameters
        ----------
        callback : callable
            ``adapt(model, data) -> model``, with the model in use and a `TrainingData` of new
            sessions. It may set ``data.class_names`` to the classes that the returned model knows.

        Returns
        -------
        callable
            The callback, unchanged.
        """
        self.callbacks.adapt = callback
        return callback

    @property
    def save_model(self) -> Callable[[Any, str], Any]:
        """Function ``save_model(model, path)`` that writes a model; joblib by default."""
        return self.callbacks.save_model

    @save_model.setter
    def save_model(self, function: Callable[[Any, str], Any]) -> None:
        self.callbacks.save_model = function

    @property
    def load_model(self) -> Callable[[str], Any]:
        """Function ``load_model(path) -> model`` that reads a model; joblib by default."""
        return self.callbacks.load_model

    @load_model.setter
    def load_model(self, function: Callable[[str], Any]) -> None:
        self.callbacks.load_model = function

    # -- state --------------------------------------------------------------------------------

    @property
    def state(self) -> PipelineState:
        """Current state: ``idle``, ``training`` or ``predicting``."""
        return self._state_machine.state

    @property
    def status_message(self) -> str:
        """Latest event, or the reason of the latest refusal, in a sentence."""
        return self._state_machine.status_message

    def set_status(self, message: str) -> None:
        """Set the status message."""
        self._state_machine.set_status(message)

    @property
    def predicting_status(self) -> str:
        """Status message while predicting without problems, with the post-processing in use."""
        post = str(self.post or '')
        return f'Predicting. Post-processing: {post}.' if post else 'Predicting.'

    @property
    def observer(self) -> Observer:
        """Object that is notified of predictions, problems and changes of the state."""
        return self._state_machine.observer

    @observer.setter
    def observer(self, observer: Observer) -> None:
        self._state_machine.observer = observer

    # -- model --------------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """Model in use: the value that ``train`` returned, or a loaded one; None without one."""
        return self.loaded.model

    @model.setter
    def model(self, model: Any) -> None:
        self.loaded.model = model

    @property
    def model_id(self) -> str:
        """Name of the model in use; empty without one."""
        return self.loaded.model_id

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes that the model in use knows, by class index."""
        return self.loaded.class_names

    def use_model(
        self,
        model: Any,
        model_id: str,
        class_names: Sequence[str],
        filters: Mapping[str, FilterSpec | None] | None = None,
    ) -> None:
        """Predict with another model from now on.

        Parameters
        ----------
        model : object
            A value that ``train`` returned.
        model_id : str
            Name of the model; goes into each prediction.
        class_names : sequence of str
            Names of the classes that the model knows, by class index.
        filters : mapping of str to FilterSpec or None, optional
            Filters of the streams that the model was trained on, by stream; they are applied from
            now on. Streams that are not named keep their filters.

        Raises
        ------
        StateError
            If the pipeline is not idle.
        """
        with self._state_machine.lock:
            self._state_machine.require(PipelineState.IDLE, 'load a model')
            self.loaded.replace(model, model_id, class_names)
            self.reader.use_filters(filters or {})

    # -- training -----------------------------------------------------------------------------

    @property
    def training_data(self) -> TrainingData | None:
        """Data that `start_training` and `start_adapting` use; set it before."""
        return self.training.data

    @training_data.setter
    def training_data(self, data: TrainingData | None) -> None:
        self.training.data = data

    @property
    def train_log(self) -> TrainLog:
        """Lines that the last training printed; ``train`` may also append to it."""
        return self.training.log

    def start_training(self) -> bool:
        """Start training on `training_data` in the background, and return at once.

        ``train`` runs in a separate process, or in a thread if its callback cannot be imported by
        another process. The previous model stays in use until the training succeeds.

        Returns
        -------
        bool
            False if the pipeline is not idle, no ``train`` callback is registered, or there is no
            training data; `status_message` has the reason.
        """
        try:
            self.training.start_training(self.reader.filters)
        except StateError:
            return False
        return True

    def start_adapting(self) -> None:
        """Start adapting the model in use to `training_data`, as `start_training` does.

        Raises
        ------
        StateError
            If the pipeline is not idle, no ``adapt`` callback is registered, no model is loaded,
            or there is no training data. `status_message` has the reason.
        """
        self.training.start_adapting(self.reader.filters)

    def cancel_training(self) -> None:
        """Stop the training at once; the previous model stays in use.

        A training process is killed. A training thread runs to its end, and its result is ignored.

        Raises
        ------
        StateError
            If no training runs.
        """
        self.training.cancel()

    def wait_for_training(self, timeout_s: float | None = None) -> bool:
        """Wait until no training runs.

        Parameters
        ----------
        timeout_s : float, optional
            Longest time to wait, in s; without it, the wait has no limit.

        Returns
        -------
        bool
            True if no training runs.
        """
        return self.training.wait(timeout_s)

    # -- streams ------------------------------------------------------------------------------

    @property
    def predict_hz(self) -> float:
        """Predictions per second of signal, in Hz; may be changed at any time."""
        return self.reader.ticks.predict_hz

    @predict_hz.setter
    def predict_hz(self, value: float) -> None:
        self.reader.ticks.predict_hz = value

    @property
    def streams(self) -> list[StreamSpec]:
        """The streams with the filters in force, and with rate and channels once known."""
        return self.reader.streams

    def push(
        self,
        stream: str,
        chunk: Chunk | ArrayLike,
        now_ns: int = 0,
        *,
        sampling_rate: float | None = None,
    ) -> None:
        """Take in the next samples of a stream.

        A malformed chunk is dropped, counted, and reported to the observer.

        Parameters
        ----------
        stream : str
            Name of the stream.
        chunk : Chunk, or array_like of shape (n_channels, n_samples)
            Samples, in volt. An array, channels first, continues the previous array; a `Chunk` has
            index and time of its samples.
        now_ns : int
            Time of arrival on the steady clock (``time.monotonic_ns``), in ns. With the default,
            0, no tick is skipped for being late.
        sampling_rate : float, optional
            Sampling rate of an array, in Hz; by default that of the stream, if it is known.

        Raises
        ------
        KeyError
            If the pipeline has no such stream.
        SignalError
            If an array has no known sampling rate, or another number of channels than the stream,
            as one that is not channels first.
        """
        if not isinstance(chunk, Chunk):
            known = self.reader.cutter.validator(stream)
            rate = known.sampling_rate if sampling_rate is None else sampling_rate
            chunk = self._arrays.chunk(stream, chunk, rate, known.channels)
        self.reader.push(stream, chunk, now_ns)

    # -- predicting ---------------------------------------------------------------------------

    def start_predicting(self) -> bool:
        """Predict from the next tick on.

        Returns
        -------
        bool
            False if `begin_predicting` refuses; `status_message` has the reason.
        """
        try:
            self.begin_predicting()
        except StateError:
            return False
        return True

    def stop_predicting(self, reason: str = 'Stopped predicting.') -> bool:
        """Stop predicting; no prediction comes after this has returned.

        Parameters
        ----------
        reason : str
            The status message to set.

        Returns
        -------
        bool
            False if the pipeline is not predicting; `status_message` has the reason.
        """
        try:
            self.end_predicting(reason)
        except StateError:
            return False
        return True

    def begin_predicting(self) -> None:
        """Predict from the next tick on, as `start_predicting`, but raise the reason of a refusal.

        Raises
        ------
        StateError
            If the pipeline is not idle, the ``extract`` or ``predict`` callback is missing, no
            model is loaded, or a stream cannot be filtered as requested. `status_message` has the
            reason.
        """
        machine = self._state_machine
        with machine.lock:
            machine.require(PipelineState.IDLE, 'start predicting')
            for name in ('extract', 'predict'):
                if getattr(self.callbacks, name) is None:
                    raise machine.refuse(f'No {name} callback set (use @pipeline.{name}).')
            if self.loaded.model is None:
                raise machine.refuse('No model loaded — train one first or load from disk.')
            for reason in self.reader.filter_errors.values():
                raise machine.refuse(reason)
            self._errors_in_a_row = 0
            self._run += 1
            if self.post is not None:
                self.post.reset()
            self.reader.ticks.set_enabled(True)
            machine.enter(PipelineState.PREDICTING, self.predicting_status)

    def end_predicting(self, reason: str = 'Stopped predicting.') -> None:
        """Stop predicting, as `stop_predicting`, but raise the reason of a refusal.

        Parameters
        ----------
        reason : str
            The status message to set.

        Raises
        ------
        StateError
            If the pipeline is not predicting.
        """
        machine = self._state_machine
        with machine.lock:
            machine.require(PipelineState.PREDICTING, 'stop predicting')
            # In this order: the result of a tick taken before the queue is cleared is dropped.
            self.reader.ticks.set_enabled(False)
            self._run += 1
            machine.enter(PipelineState.IDLE, reason)

    def wait_for_tick(self, timeout_s: float) -> bool:
        """Wait until a tick is due.

        Parameters
        ----------
        timeout_s : float
            Longest time to wait, in s.

        Returns
        -------
        bool
            True if a tick is due.
        """
        return self.reader.ticks.wait(timeout_s)

    def step(self) -> list[Prediction]:
        """Compute the ticks that are due.

        An exception in a callback is reported to the observer and counted. After
        `max_consecutive_errors` in a row the pipeline stops predicting.

        Returns
        -------
        list of Prediction
            The predictions, oldest first.
        """
        ticks = self.reader.ticks
        made: list[Prediction] = []
        while True:
            run = self._run
            tick = ticks.take()
            if tick is None:
                return made
            prediction = self._compute(tick, run)
            ticks.done()
            if prediction is not None:
                made.append(prediction)

    def _compute(self, tick: Tick, run: int) -> Prediction | None:
        extract, predict = self.callbacks.extract, self.callbacks.predict
        assert extract is not None
        assert predict is not None
        loaded = self.loaded
        start = time.perf_counter()
        try:
            values = predict(loaded.model, extract(tick.windows))
        except (Exception, SystemExit):  # sys.exit() would end the thread without a message
            self._on_error(run)
            return None
        compute_s = time.perf_counter() - start
        if not isinstance(values, dict):
            self.counters.dropped += 1
            self.observer.problem(
                'dropped',
                f'predict returned {type(values).__name__}, expected a dict; the result was dropped.',
            )
            return None
        prediction = Prediction(
            values,
            tick.sample,
            tick.stamp_ns,
            compute_s,
            loaded.model_id,
            loaded.class_names,
            tick.segment,
        )
        with self._state_machine.lock:
            if run != self._run:
                return None
            if self.post is not None:
                try:
                    prediction = replace(prediction, values=self.post.process(prediction))
                except Exception:
                    self._on_error(run)
                    return None
            self._errors_in_a_row = 0
            self.predictions = prediction.values
            self.counters.predictions += 1
            self.observer.predicted(prediction)
        if tick.arrived_ns:
            self.counters.latencies_s.append((time.monotonic_ns() - tick.arrived_ns) * 1e-9)
        return prediction

    def _on_error(self, run: int) -> None:
        """Report the exception being handled; stop predicting after too many in a row."""
        text = traceback.format_exc()
        self.counters.errors += 1
        self.observer.problem('callback', text)
        with self._state_machine.lock:
            if run != self._run:
                return
            self._errors_in_a_row += 1
            if self._errors_in_a_row < self.max_consecutive_errors:
                return
            last = text.strip().splitlines()[-1]
            reason = f'Stopped predicting: {self._errors_in_a_row} errors in a row, last: {last}'
            self.stop_predicting(reason)
        self.observer.predicting_aborted(reason)

    def _on_dropped(self, message: str) -> None:
        self.observer.problem('frame', message)

    def _on_filter_error(self, reason: str) -> None:
        with self._state_machine.lock:
            if self.state is not PipelineState.PREDICTING:
                self.set_status(reason)
                return
            self.stop_predicting(f'Stopped predicting: {reason}')
        self.observer.predicting_aborted(f'Stopped predicting: {reason}')
