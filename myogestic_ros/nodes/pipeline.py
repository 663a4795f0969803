"""The pipeline node: EMG in, predictions out."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import datetime
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from threadpoolctl import threadpool_limits

from myogestic_ros.core.decoder_file import import_decoder
from myogestic_ros.core.errors import DecoderError, MyoGesticError, SignalError
from myogestic_ros.core.model_store import ModelStore
from myogestic_ros.core.pipeline import Pipeline
from myogestic_ros.core.states import PipelineState
from myogestic_ros.core.training_data import TrainingData
from myogestic_ros.core.windows import StreamSpec
from myogestic_ros.msg import EmgFrame, ModelInfo
from myogestic_ros.nodes import qos
from myogestic_ros.nodes.conversions import chunk_from_ros, joint_state_chunk
from myogestic_ros.nodes.managed import ManagedNode
from myogestic_ros.nodes.model_shelf import ModelShelf
from myogestic_ros.nodes.pipeline_parameters import PIPELINE, stream_table
from myogestic_ros.nodes.pipeline_reports import PipelineReports
from myogestic_ros.nodes.run import run
from myogestic_ros.sessions.describe import complete_training_data
from myogestic_ros.sessions.library import resolve_sessions
from myogestic_ros.srv import ListModels, LoadModel, SaveModel, Train

__all__ = ['PipelineNode', 'find_pipeline', 'main']

ANSWER_WITHIN_S = 0.08
"""A service that is not done by then answers, and the rest is told on ``~/status``."""


def find_pipeline(decoder: str) -> Pipeline:
    """Import a decoder and return the pipeline it defines.

    Raises
    ------
    DecoderError
        When it cannot be imported, or defines none, or several and none called ``pipeline``.
    """
    module = import_decoder(decoder)
    named = getattr(module, 'pipeline', None)
    if isinstance(named, Pipeline):
        return named
    found = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    if len(found) != 1:
        raise DecoderError(
            f"Decoder '{decoder}' defines {len(found)} pipelines; expected one, best named "
            f"'pipeline': pipeline = Pipeline()."
        )
    return found[0]


class PipelineNode(ManagedNode):
    """Predict from live EMG with a decoder; train it on recorded sessions.

    ACTIVE means predicting. While INACTIVE it is idle or trains.

    Parameters
    ----------
    See `myogestic_ros.nodes.pipeline_parameters`, and ``config/pipeline.yaml``.

    Topics
    ------
    emg : EmgFrame, subscribed
        And whatever the ``streams`` parameter names.
    ~/predictions : Prediction, published
    ~/status : PipelineStatus, published, latched
    ~/training_log : std_msgs/String, published
        Each line that a training prints, as it is printed.
    /diagnostics : DiagnosticArray, published at 1 Hz

    Services
    --------
    ~/train : Train
    ~/cancel_training, ~/start_predicting, ~/stop_predicting : std_srvs/Trigger
    ~/save_model : SaveModel
    ~/load_model : LoadModel
    ~/list_models : ListModels
    """

    def __init__(self, pipeline: Pipeline | None = None, **kwargs: Any) -> None:
        super().__init__('pipeline', **kwargs)
        self._given = pipeline
        self._decoder: Pipeline | None = pipeline
        self._pipeline = Pipeline()
        self._shelf: ModelShelf | None = None
        self._subscriptions_of_streams: list[Any] = []
        self._watchdog: Any = None
        self._stale: tuple[str, ...] = ()
        self._predictor: threading.Thread | None = None
        self._closing = threading.Event()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix='models')
        self.declare_table(PIPELINE)
        for name in self._stream_names():
            self.declare_table(stream_table(name), prefix=f'stream.{name}.')
        self.reports = PipelineReports(self, self._pipeline)
        self._pipeline.observer = self.reports
        self._create_services()
        self._aside.submit(self._import_early)

    def _import_early(self) -> None:
        """Import the decoder before it is needed: it may take a second."""
        with contextlib.suppress(DecoderError):  # said when the node is configured
            self._find_decoder()

    def _find_decoder(self) -> Pipeline:
        if self._given is not None:
            return self._given
        return find_pipeline(self.get_parameter('decoder').value)

    def _stream_names(self) -> list[str]:
        return [name for name in self.get_parameter('streams').value if name]

    def _create_services(self) -> None:
        for name, kind, callback in (
            ('train', Train, self._train),
            ('cancel_training', Trigger, self._cancel_training),
            ('start_predicting', Trigger, self._start_predicting),
            ('stop_predicting', Trigger, self._stop_predicting),
            ('save_model', SaveModel, self._save_model),
            ('load_model', LoadModel, self._load_model),
            ('list_models', ListModels, self._list_models),
        ):
            self.create_service(kind, f'~/{name}', callback)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Load the decoder (and the model), listen to the streams."""
        parameters = self.values(PIPELINE)
        self._decoder = self._find_decoder()
        specs, topics = self._specs(self._decoder, parameters)
        hz = parameters['predict_hz']
        pipeline = Pipeline(
            self._decoder.predict_hz if hz < 0 else hz,
            streams=specs,
            max_consecutive_errors=parameters['max_consecutive_errors'],
        )
        for name in ('on_extract', 'on_train', 'on_predict', 'save_model', 'load_model'):
            setattr(pipeline, name, getattr(self._decoder, name))
        pipeline.prepare = complete_training_data
        decoder = parameters['decoder'] if self._given is None else 'pipeline'
        store = ModelStore(Path(parameters['model_dir']).expanduser())
        self._shelf = ModelShelf(pipeline, store, decoder)
        if parameters['model']:
            self._shelf.load(parameters['model'])
        self._pipeline = pipeline
        self.reports.attach(pipeline, self._shelf)
        for spec in specs:
            self._listen(spec.name, topics[spec.name])
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._watchdog = self.create_timer(0.05, self._watch, clock=steady)
        self._closing.clear()
        self._predictor = threading.Thread(target=self._predict, name='predict', daemon=True)
        self._predictor.start()
        pipeline.say(f"Decoder '{decoder}' is ready.")

    def _specs(
        self, decoder: Pipeline, parameters: dict[str, Any]
    ) -> tuple[list[StreamSpec], dict[str, dict[str, Any]]]:
        """Return the streams, and the parameters of each."""
        own = {spec.name: spec for spec in decoder.streams}
        specs, settings = [], {}
        for name in self._stream_names() or list(own):
            if not self.has_parameter(f'stream.{name}.topic'):
                self.declare_table(stream_table(name), prefix=f'stream.{name}.')
            settings[name] = self.values(stream_table(name), prefix=f'stream.{name}.')
            windows = (settings[name]['window_ms'], parameters['window_ms'])
            window_ms = next((ms for ms in windows if ms > 0), None)
            if window_ms is None:
                window_ms = own[name].window_ms if name in own else StreamSpec(name).window_ms
            specs.append(StreamSpec(name, window_ms))
        return specs, settings

    def _listen(self, name: str, settings: dict[str, Any]) -> None:
        kind, profile = EmgFrame, qos.EMG
        callback: Callable[[str, float, Any], None] = self._on_frame
        if settings['type'] == 'joint_state':
            kind, profile, callback = JointState, qos.JOINT_STATES, self._on_joints
        rate = settings['sampling_rate']
        self._subscriptions_of_streams.append(
            self.create_subscription(
                kind, settings['topic'], lambda message: callback(name, rate, message), profile
            )
        )

    def activate(self) -> None:
        """Start predicting, or refuse with the reason."""
        assert self._shelf is not None
        misfit = self._shelf.misfit()
        if misfit is not None and self._pipeline.state is PipelineState.IDLE:
            raise SignalError(misfit)
        self._pipeline.start_predicting()
        self.status_message = self._pipeline.status_message

    def deactivate(self) -> None:
        """Stop predicting; when this returns, every prediction has arrived."""
        if self._pipeline.state is PipelineState.PREDICTING:
            self._pipeline.stop_predicting()
            self.status_message = self._pipeline.status_message
        # What was published before has reached every reader: nothing comes after the answer.
        self.reports.predictions.wait_for_all_acked(Duration(seconds=0.05))

    def cleanup(self) -> None:
        """Forget decoder and model, stop listening; a running training is ended."""
        if self._pipeline.state is PipelineState.TRAINING:
            self._pipeline.cancel_training()
        self._closing.set()
        if self._predictor is not None:
            self._predictor.join(1.0)
        if self._watchdog is not None:
            self.destroy_timer(self._watchdog)
            self._watchdog = None
        for subscription in self._subscriptions_of_streams:
            self.destroy_subscription(subscription)
        self._subscriptions_of_streams.clear()
        self._shelf = None

    def publish_status(self) -> None:
        """Publish PipelineStatus."""
        self.reports.publish_status(self.phase != 'unconfigured', self._stale)

    def say(self, message: str) -> None:
        """Set the status message, and publish the status."""
        self.status_message = message
        self._pipeline.say(message)

    @property
    def stale_streams(self) -> tuple[str, ...]:
        """Streams from which nothing comes."""
        return self._stale

    def parameters_changed(self, names: set[str]) -> None:
        """Apply what can change while the node runs."""
        if 'predict_hz' in names and self.get_parameter('predict_hz').value >= 0:
            self._pipeline.predict_hz = self.get_parameter('predict_hz').value
        if 'max_consecutive_errors' in names:
            limit = self.get_parameter('max_consecutive_errors').value
            self._pipeline.max_consecutive_errors = limit

    # -- samples in, predictions out ----------------------------------------------------------

    def _on_frame(self, name: str, _rate: float, message: EmgFrame) -> None:
        try:
            chunk = chunk_from_ros(message)
        except SignalError as error:
            self.reports.malformed(name, str(error))
            return
        if name == self._pipeline.ticks.cutter.names[0]:
            self.reports.frame_id = message.header.frame_id
        self._pipeline.push(name, chunk, time.monotonic_ns())
        time.sleep(0)  # give the interpreter to the thread that predicts, now and not in a while

    def _on_joints(self, name: str, rate: float, message: JointState) -> None:
        try:
            sample = self._pipeline.cutter.intake(name).samples
            chunk = joint_state_chunk(message, sample, rate)
        except SignalError as error:
            self.reports.malformed(name, str(error))
            return
        self._pipeline.push(name, chunk, time.monotonic_ns())

    def _predict(self) -> None:
        # One thread of algebra: for windows this small, waking others costs more than they do.
        with threadpool_limits(limits=1):
            while not self._closing.is_set():
                if self._pipeline.wait_for_tick(0.2):
                    self._pipeline.step()

    def _watch(self) -> None:
        """Look for silence, and for a stream that the model does not fit any more."""
        predicting = self._pipeline.state is PipelineState.PREDICTING
        now_ns = time.monotonic_ns()
        self._pipeline.ticks.expire(now_ns - int(self.get_parameter('sync_timeout').value * 1e9))
        after_s = self.get_parameter('stale_after').value
        stale = self._pipeline.ticks.stale(now_ns - int(after_s * 1e9)) if predicting else ()
        if stale != self._stale:
            self._stale = stale
            if predicting:
                streams = ' and '.join(f"'{name}'" for name in stale)
                self._pipeline.say(
                    f'No sample of {streams} for {after_s:g} s: nothing is predicted until '
                    f'there is one.'
                    if stale
                    else 'Predicting.'
                )
        if predicting and self._shelf is not None:
            misfit = self._shelf.misfit()
            if misfit is not None:
                self._pipeline.stop_predicting(f'Stopped predicting: {misfit}')
                self.give_up(f'Stopped predicting: {misfit}')

    # -- services -----------------------------------------------------------------------------

    def _answer(self, response: Any, action: Any) -> Any:
        """Fill in success and message: a refusal is an answer, not a failure of the node."""
        try:
            response.success, response.message = True, action() or ''
        except MyoGesticError as error:
            response.success, response.message = False, str(error)
        return response

    def _ready_shelf(self, verb: str) -> ModelShelf:
        if self._shelf is None:
            raise MyoGesticError(f"Cannot {verb}: the node is 'unconfigured', configure it first.")
        return self._shelf

    def _train(self, request: Train.Request, response: Train.Response) -> Train.Response:
        def train() -> str:
            self._ready_shelf('train')
            folder = Path(self.get_parameter('session_dir').value).expanduser()
            if self._pipeline.state is PipelineState.IDLE:
                paths = resolve_sessions(list(request.sessions), folder)
                self._pipeline.training_data = TrainingData(
                    paths=[str(path) for path in paths],
                    class_names=list(request.classes),
                    streams=[
                        StreamSpec(spec.name, spec.window_ms) for spec in self._pipeline.streams
                    ],
                    hop_ms=self.get_parameter('training_hop_ms').value,
                )
            self._pipeline.start_training()
            assert self._pipeline.training_data is not None
            return f'Training on {len(self._pipeline.training_data.paths)} session(s).'

        return self._answer(response, train)

    def _cancel_training(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        def cancel() -> str:
            self._pipeline.cancel_training()
            return self._pipeline.status_message

        return self._answer(response, cancel)

    def _start_predicting(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        if self._pipeline.state is PipelineState.PREDICTING:
            return self._answer(response, self._pipeline.start_predicting)  # its refusal
        response.success, response.message = self.door('activate')
        return response

    def _stop_predicting(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        if self._pipeline.state is not PipelineState.PREDICTING:
            return self._answer(response, self._pipeline.stop_predicting)  # its refusal
        response.success, response.message = self.door('deactivate')
        return response

    def _save_model(self, request: Any, response: SaveModel.Response) -> SaveModel.Response:
        def save() -> str:
            shelf = self._ready_shelf('save the model')
            response.name = self._soon(lambda: shelf.save_as(request.name)) or request.name
            return f"Saved as '{response.name}'." if response.name else 'Saving; see ~/status.'

        return self._answer(response, save)

    def _load_model(self, request: Any, response: LoadModel.Response) -> LoadModel.Response:
        def load() -> str:
            shelf = self._ready_shelf('load a model')

            def work() -> str:
                try:
                    name = shelf.load(request.name)
                except MyoGesticError as error:
                    self._pipeline.say(str(error))
                    raise
                self._pipeline.say(f"Model '{name}' is loaded.")
                return name

            name = self._soon(work)
            return f"Model '{name}' is loaded." if name else 'Loading; see ~/status.'

        return self._answer(response, load)

    def _soon(self, work: Any) -> Any:
        """Do work in a thread; return its result, or None when that takes too long to answer."""
        future: Future[Any] = self._aside.submit(work)
        try:
            return future.result(ANSWER_WITHIN_S)
        except FutureTimeoutError:
            return None

    def _list_models(self, _: Any, response: ListModels.Response) -> ListModels.Response:
        def models() -> str:
            store = self._ready_shelf('list models').store
            for name in store.names():
                try:
                    manifest = store.manifest(name)
                except MyoGesticError as error:
                    self.get_logger().warning(str(error))
                    continue
                created = datetime.fromisoformat(manifest.created).timestamp()
                response.models.append(
                    ModelInfo(
                        name=name,
                        created=Time(sec=int(created)),
                        decoder=manifest.decoder,
                        class_names=manifest.class_names,
                        accuracy=float(manifest.scores.get('accuracy', float('nan'))),
                    )
                )
            response.current = self._pipeline.model_id
            return f'{len(response.models)} model(s) in {store.folder}.'

        return self._answer(response, models)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(PipelineNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
