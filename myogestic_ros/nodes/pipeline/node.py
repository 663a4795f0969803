"""Pipeline node: trains decoders on sessions, predicts from live streams."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState
from threadpoolctl import threadpool_limits

from myogestic_ros.core.errors import DecoderError, SignalError
from myogestic_ros.core.file_access import restrict_files
from myogestic_ros.core.models.model_store import open_store
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.decoding.postprocessing.parameters import POST, thresholds_from_rows
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_from_joint_state, chunk_from_ros
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.common.processed_publisher import ProcessedPublisher
from myogestic_ros.nodes.pipeline.channel_rotation import ChannelRotation
from myogestic_ros.nodes.pipeline.decoder_loader import find_pipeline
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.nodes.pipeline.parameters import PIPELINE, stream_table
from myogestic_ros.nodes.pipeline.services import PipelineServices
from myogestic_ros.nodes.pipeline.status import StatusPublisher
from myogestic_ros.nodes.pipeline.stream_monitor import StreamMonitor
from myogestic_ros.nodes.pipeline.stream_parameters import (
    stream_spec,
    streams_with_parameters,
)
from myogestic_ros.sessions.reading.training_data import complete_training_data

__all__ = ['PipelineNode', 'main']

ACKNOWLEDGE_TIMEOUT_S = 0.05
"""Longest time for which `deactivate` waits until subscribers have received all predictions."""
PREDICT_FIRST_S = 0.002
"""Longest time for which a received frame waits until a due tick is computed."""


class PipelineNode(ManagedNode):
    """Train decoders on recorded sessions and predict from live streams.

    The node is active while it predicts. While it is inactive it is idle or trains.

    Parameters
    ----------
    pipeline : Pipeline, optional
        A pipeline whose callbacks to use instead of the decoder of the parameter ``decoder``.
    **kwargs
        Arguments of `rclpy.node.Node`.

    ROS parameters
    --------------
    See `PIPELINE`, `stream_table`, `MANAGED` and ``config/pipeline.yaml``. ``predict_hz``,
    ``max_consecutive_errors``, ``stale_after``, ``sync_timeout``, ``training_…``, ``settle_ms``,
    ``session_dir``, ``post.…`` and ``stream.<name>.rotation`` take effect when they are set, the
    others when the node is configured.

    Publishers
    ----------
    ~/predictions : Prediction
    ~/status : PipelineStatus, latched
    ~/training_log : std_msgs/String
        Lines that a training prints.
    emg/processed : Processed
        For a flow-controlled replay, which waits for it; one topic for each EMG stream.
    /diagnostics : diagnostic_msgs/DiagnosticArray, 1 Hz

    Subscriptions
    -------------
    emg : EmgFrame
        Or the topics of the streams that the parameter ``streams`` names; EmgFrame or
        sensor_msgs/JointState by ``stream.<name>.type``.

    Services
    --------
    ~/train : Train
    ~/adapt : Adapt
    ~/cancel_training : std_srvs/Trigger
    ~/start_predicting : std_srvs/Trigger
    ~/stop_predicting : std_srvs/Trigger
    ~/save_model : SaveModel
    ~/load_model : LoadModel
    ~/list_models : ListModels

    Attributes
    ----------
    pipeline : Pipeline
        The pipeline; replaced when the node is configured.
    models : ModelManager or None
        Models of the pipeline; None while the node is unconfigured.
    rotation : ChannelRotation
        Rotations of the streams.
    """

    active_state = 'predicting'

    def __init__(self, pipeline: Pipeline | None = None, **kwargs: Any) -> None:
        super().__init__('pipeline', **kwargs)
        self.pipeline = Pipeline()
        self.models: ModelManager | None = None
        self.rotation = ChannelRotation()
        self._decoder = pipeline
        self._decoder_hz = self.pipeline.predict_hz
        self._post = PostProcessingChain()
        self._stream_subscriptions: list[Subscription] = []
        self._processed: dict[str, ProcessedPublisher] = {}
        self._acknowledging = threading.Lock()
        self._monitor: StreamMonitor | None = None
        self._predict_thread: threading.Thread | None = None
        self._stop_predict_thread = threading.Event()
        self.declare_table(PIPELINE)
        restrict_files(self.get_parameter('file_access').value)
        for name in {*self._stream_names(), *streams_with_parameters(self._parameter_overrides)}:
            self.declare_table(stream_table(name), prefix=f'stream.{name}.')
        self._publisher = StatusPublisher(self, self.pipeline)
        self._diagnostics = Diagnostics(self, 'pipeline', self._publisher.diagnostics)
        self._pipeline_services = PipelineServices(self)
        self._pipeline_services.run_in_background(self._import_decoder)

    def _import_decoder(self) -> None:
        """Import the decoder before the node is configured: it may take a second."""
        with contextlib.suppress(DecoderError):  # configure() reports it
            self._find_decoder()

    def _find_decoder(self) -> Pipeline:
        if self._decoder is not None:
            return self._decoder
        return find_pipeline(self.get_parameter('decoder').value)

    def _stream_names(self) -> list[str]:
        return [name for name in self.get_parameter('streams').value if name]

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Load the decoder, and the model if one is named; subscribe to the streams."""
        parameters = self.parameter_values(PIPELINE)
        decoder = self._find_decoder()
        self._decoder_hz = decoder.predict_hz
        streams = self._stream_values(decoder)
        specs = {spec.name: spec for spec in decoder.streams}
        pipeline = Pipeline(
            decoder.predict_hz if parameters['predict_hz'] < 0 else parameters['predict_hz'],
            streams=[
                stream_spec(name, values, parameters, specs.get(name))
                for name, values in streams.items()
            ],
            max_consecutive_errors=parameters['max_consecutive_errors'],
            callbacks=replace(decoder.callbacks, prepare=complete_training_data),
        )
        pipeline.post = self._post = PostProcessingChain(
            self.parameter_values(POST),
            lambda: pipeline.predict_hz,
            lambda sentence: self._publisher.problem('post', sentence),
        )
        name = parameters['decoder'] if self._decoder is None else 'pipeline'
        keys = 'model_key', 'model_format'
        store = open_store(Path(parameters['model_dir']), *(parameters[key] for key in keys))
        models = ModelManager(pipeline, store, name)
        if parameters['model']:
            models.load(parameters['model'])
        self.pipeline, self.models = pipeline, models
        self._publisher.attach(pipeline, models)
        self.rotation.set({stream: values['rotation'] for stream, values in streams.items()})
        for stream, values in streams.items():
            self._subscribe(stream, values)
        self._monitor = StreamMonitor(self, pipeline, models)
        # A thread that still hangs in a callback of the decoder keeps the event of its own.
        self._stop_predict_thread = threading.Event()
        self._predict_thread = threading.Thread(
            target=self._predict, args=[self._stop_predict_thread], name='predict', daemon=True
        )
        self._predict_thread.start()
        pipeline.set_status(f"Decoder '{name}' is ready.")

    def _stream_values(self, decoder: Pipeline) -> dict[str, dict[str, Any]]:
        """Return the values of ``stream.<name>.…`` for each stream, the primary first."""
        values = {}
        for name in self._stream_names() or [spec.name for spec in decoder.streams]:
            if not self.has_parameter(f'stream.{name}.topic'):
                self.declare_table(stream_table(name), prefix=f'stream.{name}.')
            values[name] = self.parameter_values(stream_table(name), prefix=f'stream.{name}.')
        return values

    def _subscribe(self, stream: str, values: dict[str, Any]) -> None:
        topic = values['topic']
        if values['type'] == 'joint_state':
            callback = partial(self._on_joint_state, stream, values['sampling_rate'])
            self._stream_subscriptions.append(
                self.create_subscription(JointState, topic, callback, qos.JOINT_STATES)
            )
            return
        subscription = self.create_subscription(
            EmgFrame, topic, partial(self._on_frame, stream), qos.EMG
        )
        self._stream_subscriptions.append(subscription)
        self._processed[stream] = ProcessedPublisher(
            self, topic, lambda: subscription.get_publisher_count() > 0
        )

    def activate(self) -> None:
        """Start predicting, or refuse with the reason."""
        assert self.models is not None
        incompatibility = self.models.incompatibility()
        if incompatibility is not None and self.pipeline.state is PipelineState.IDLE:
            raise SignalError(incompatibility)
        self.pipeline.begin_predicting()
        self.status_message = self.pipeline.status_message

    def deactivate(self) -> None:
        """Stop predicting; no prediction arrives after this has returned."""
        if self.pipeline.state is PipelineState.PREDICTING:
            self.pipeline.end_predicting()
            self.status_message = self.pipeline.status_message
        self._publisher.predictions.wait_for_all_acked(Duration(seconds=ACKNOWLEDGE_TIMEOUT_S))

    def cleanup(self) -> None:
        """Cancel a running training, unsubscribe, drop decoder and model."""
        if self.pipeline.state is PipelineState.TRAINING:
            self.pipeline.cancel_training()
        self._stop_predict_thread.set()
        if self._predict_thread is not None:
            self._predict_thread.join(1.0)
        if self._monitor is not None:
            self._monitor.stop()
            self._monitor = None
        for subscription in self._stream_subscriptions:
            self.destroy_subscription(subscription)
        self._stream_subscriptions.clear()
        for publisher in self._processed.values():
            publisher.close()
        self._processed.clear()
        self.models = None

    def apply_parameters(self, names: set[str]) -> None:
        """Apply the parameters that may change while the node is configured."""
        if 'predict_hz' in names:
            rate_hz = self.get_parameter('predict_hz').value
            self.pipeline.predict_hz = self._decoder_hz if rate_hz < 0 else rate_hz
        if 'max_consecutive_errors' in names:
            limit = self.get_parameter('max_consecutive_errors').value
            self.pipeline.max_consecutive_errors = limit
        if any(name.startswith('post.') for name in names):
            self._post.set_parameters(self.parameter_values(POST))
        if any(name.endswith('.rotation') for name in names):
            streams = [spec.name for spec in self.pipeline.streams]
            self.rotation.set(
                {name: self.get_parameter(f'stream.{name}.rotation').value for name in streams}
            )
        filters = sorted(name for name in names if 'filter.' in name)
        if filters:
            self.pipeline.set_status(
                f'Takes effect when the node is configured again: {", ".join(filters)}.'
            )

    def value_error(self, name: str, value: Any) -> str | None:
        """Refuse thresholds of classes that the model in use does not have."""
        classes = self.pipeline.class_names
        if name != 'post.reject_below_of' or not classes:
            return None
        unknown = sorted(thresholds_from_rows(value).keys() - set(classes))
        if not unknown:
            return None
        return (
            f"but model '{self.pipeline.model_id}' has no class {', '.join(map(repr, unknown))}; "
            f'its classes: {", ".join(classes)}'
        )

    # -- status -------------------------------------------------------------------------------

    def publish_status(self) -> None:
        """Publish PipelineStatus on ``~/status``."""
        self._publisher.publish_status()

    def set_status(self, message: str) -> None:
        """Set the status message and publish the status."""
        self.status_message = message
        self.pipeline.set_status(message)

    def report_model_error(self, message: str) -> None:
        """Report in the diagnostics that a model could not be saved or loaded; '': it could."""
        self._publisher.report_model_error(message)

    @property
    def stale_streams(self) -> tuple[str, ...]:
        """Streams that are silent while the node predicts."""
        return self._monitor.stale if self._monitor is not None else ()

    @property
    def missing_predictions(self) -> str:
        """Reason why no prediction comes while the node predicts; empty while they come."""
        return self._monitor.missing if self._monitor is not None else ''

    # -- samples in, predictions out ----------------------------------------------------------

    def _on_frame(self, stream: str, message: EmgFrame) -> None:
        try:
            chunk = self.rotation.apply(stream, chunk_from_ros(message))
        except SignalError as error:
            self._publisher.count_malformed(stream, str(error))
            return
        reader = self.pipeline.reader
        if stream == reader.cutter.names[0]:
            self._publisher.frame_id = message.header.frame_id
        # A flow-controlled replay waits for the predictions, so none of them is too late.
        reader.ticks.skip_late = not any(p.active for p in self._processed.values())
        self.pipeline.push(stream, chunk, time.monotonic_ns())
        self._processed[stream].receive(chunk.end_sample, chunk.n_samples / chunk.sampling_rate)
        # Leave the interpreter to the thread that predicts, which would otherwise have to wait
        # for it. The time limit keeps a slow decoder from delaying the frames.
        reader.ticks.wait_until_idle(PREDICT_FIRST_S)
        if not reader.ticks.skip_late:
            self._acknowledge()

    def _on_joint_state(self, stream: str, sampling_rate: float, message: JointState) -> None:
        try:
            sample = self.pipeline.reader.cutter.validator(stream).samples
            chunk = chunk_from_joint_state(message, sample, sampling_rate)
        except SignalError as error:
            self._publisher.count_malformed(stream, str(error))
            return
        self.pipeline.push(stream, chunk, time.monotonic_ns())

    def _predict(self, stop: threading.Event) -> None:
        # One thread for linear algebra: for windows of this size, starting more costs more time
        # than they save.
        with threadpool_limits(limits=1):
            while not stop.is_set():
                if self.pipeline.wait_for_tick(0.2):
                    self.pipeline.step()
                    if not self.pipeline.reader.ticks.skip_late:
                        self._acknowledge()

    def _acknowledge(self) -> None:
        """Acknowledge the frames received so far, if no tick is waiting or being computed."""
        with self._acknowledging:
            # Noted before the check: a later frame may make a tick due.
            due = [(p, p.received) for p in list(self._processed.values()) if p.due]
            if due and self.pipeline.reader.ticks.wait_until_idle(0.0):
                for publisher, end_sample in due:
                    publisher.acknowledge(end_sample)


def main(args: list[str] | None = None) -> int:
    """Run the pipeline node; return the exit code."""
    return run(PipelineNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
