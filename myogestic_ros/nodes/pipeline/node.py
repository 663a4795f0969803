"""The pipeline node: EMG in, predictions out."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from sensor_msgs.msg import JointState
from threadpoolctl import threadpool_limits

from myogestic_ros.core.errors import DecoderError, SignalError
from myogestic_ros.core.models.model_store import ModelStore
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.decoding.postprocessing.parameters import POST
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_from_ros, joint_state_chunk
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

__all__ = ['PipelineNode', 'find_pipeline', 'main']

STAND_ASIDE_S = 0.002


class PipelineNode(ManagedNode):
    """Predict from live EMG with a decoder; train it on recorded sessions.

    ACTIVE means predicting. While INACTIVE it is idle or trains.

    Parameters
    ----------
    See `myogestic_ros.nodes.pipeline.parameters`, and ``config/pipeline.yaml``.

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
    ~/train, ~/adapt : Train, Adapt
    ~/cancel_training, ~/start_predicting, ~/stop_predicting : std_srvs/Trigger
    ~/save_model : SaveModel
    ~/load_model : LoadModel
    ~/list_models : ListModels
    """

    def __init__(self, pipeline: Pipeline | None = None, **kwargs: Any) -> None:
        super().__init__('pipeline', **kwargs)
        self._given = pipeline
        self.pipeline = Pipeline()
        self.rotations = ChannelRotation(self)
        self.shelf: ModelManager | None = None
        self._subscriptions_of_streams: list[Any] = []
        self._processed: dict[str, ProcessedPublisher] = {}
        self._received: dict[str, int] = {}  # index after the newest sample of a stream
        self._acknowledging = threading.Lock()
        self._watch = StreamMonitor(self)
        self._predictor: threading.Thread | None = None
        self._closing = threading.Event()
        self._post = PostProcessingChain()
        self.declare_table(PIPELINE)
        for name in {*self._stream_names(), *streams_with_parameters(self._parameter_overrides)}:
            self.declare_table(stream_table(name), prefix=f'stream.{name}.')
        self.reports = StatusPublisher(self, self.pipeline)
        self.pipeline.observer = self.reports
        self._services_of_pipeline = PipelineServices(self)
        self._services_of_pipeline.aside(self._import_early)

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

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Load the decoder (and the model), listen to the streams."""
        parameters = self.parameter_values(PIPELINE)
        decoder = self._find_decoder()
        specs, topics = self._specs(decoder, parameters)
        pipeline = Pipeline(
            decoder.predict_hz if parameters['predict_hz'] < 0 else parameters['predict_hz'],
            streams=specs,
            max_consecutive_errors=parameters['max_consecutive_errors'],
            callbacks=replace(decoder.callbacks, prepare=complete_training_data),
        )
        pipeline.post = self._post = PostProcessingChain(
            self.parameter_values(POST),
            lambda: pipeline.predict_hz,
            lambda sentence: self.reports.problem('post', sentence),
        )
        name = parameters['decoder'] if self._given is None else 'pipeline'
        store = ModelStore(Path(parameters['model_dir']).expanduser())
        self.shelf = ModelManager(pipeline, store, name)
        if parameters['model']:
            self.shelf.load(parameters['model'])
        self.pipeline = pipeline
        self.reports.attach(pipeline, self.shelf)
        for spec in specs:
            self._listen(spec.name, topics[spec.name])
        self._watch.start()
        self._closing = threading.Event()  # one that still hangs in a callback keeps its own
        self._predictor = threading.Thread(
            target=self._predict, args=[self._closing], name='predict', daemon=True
        )
        self._predictor.start()
        pipeline.set_status(f"Decoder '{name}' is ready.")

    def _specs(
        self, decoder: Pipeline, parameters: dict[str, Any]
    ) -> tuple[list[StreamSpec], dict[str, dict[str, Any]]]:
        """Return the streams, and the parameters of each."""
        own = {spec.name: spec for spec in decoder.streams}
        settings = {}
        for name in self._stream_names() or list(own):
            if not self.has_parameter(f'stream.{name}.topic'):
                self.declare_table(stream_table(name), prefix=f'stream.{name}.')
            settings[name] = self.parameter_values(stream_table(name), prefix=f'stream.{name}.')
        specs = [stream_spec(n, values, parameters, own.get(n)) for n, values in settings.items()]
        return specs, settings

    def _listen(self, name: str, settings: dict[str, Any]) -> None:
        kind, profile = EmgFrame, qos.EMG
        callback: Callable[[str, float, Any], None] = self._on_frame
        if settings['type'] == 'joint_state':
            kind, profile, callback = JointState, qos.JOINT_STATES, self._on_joints
        rate = settings['sampling_rate']
        subscription = self.create_subscription(
            kind, settings['topic'], lambda message: callback(name, rate, message), profile
        )
        self._subscriptions_of_streams.append(subscription)
        if kind is EmgFrame:
            self._processed[name] = ProcessedPublisher(
                self, settings['topic'], lambda: subscription.get_publisher_count() > 0
            )

    def activate(self) -> None:
        """Start predicting, or refuse with the reason."""
        assert self.shelf is not None
        misfit = self.shelf.misfit()
        if misfit is not None and self.pipeline.state is PipelineState.IDLE:
            raise SignalError(misfit)
        self.pipeline.start_predicting()
        self.status_message = self.pipeline.status_message

    def deactivate(self) -> None:
        """Stop predicting; when this returns, every prediction has arrived."""
        if self.pipeline.state is PipelineState.PREDICTING:
            self.pipeline.stop_predicting()
            self.status_message = self.pipeline.status_message
        # What was published before has reached every reader: nothing comes after the answer.
        self.reports.predictions.wait_for_all_acked(Duration(seconds=0.05))

    def cleanup(self) -> None:
        """Forget decoder and model, stop listening; a running training is ended."""
        if self.pipeline.state is PipelineState.TRAINING:
            self.pipeline.cancel_training()
        self._closing.set()
        if self._predictor is not None:
            self._predictor.join(1.0)
        self._watch.stop()
        for subscription in self._subscriptions_of_streams:
            self.destroy_subscription(subscription)
        self._subscriptions_of_streams.clear()
        for publisher in self._processed.values():
            publisher.close()
        self._processed.clear()
        self._received.clear()
        self.shelf = None

    def publish_status(self) -> None:
        """Publish PipelineStatus."""
        self.reports.publish_status(self.lifecycle_state != 'unconfigured', self._watch.stale)

    def set_status(self, message: str) -> None:
        """Set the status message, and publish the status."""
        self.status_message = message
        self.pipeline.set_status(message)

    @property
    def stale_streams(self) -> tuple[str, ...]:
        """Streams from which nothing comes."""
        return self._watch.stale

    def apply_parameters(self, names: set[str]) -> None:
        """Apply what can change while the node runs."""
        if 'predict_hz' in names and self.get_parameter('predict_hz').value >= 0:
            self.pipeline.predict_hz = self.get_parameter('predict_hz').value
        if 'max_consecutive_errors' in names:
            limit = self.get_parameter('max_consecutive_errors').value
            self.pipeline.max_consecutive_errors = limit
        later = sorted(name for name in names if 'filter.' in name)
        if later:
            self.pipeline.set_status(f'{", ".join(later)}: used from the next configure on.')
        if any(name.startswith('post.') for name in names):
            self._post.set_parameters(self.parameter_values(POST))

    # -- samples in, predictions out ----------------------------------------------------------

    def _on_frame(self, name: str, _rate: float, message: EmgFrame) -> None:
        try:
            chunk = self.rotations.turn(name, chunk_from_ros(message))
        except SignalError as error:
            self.reports.malformed(name, str(error))
            return
        if name == self.pipeline.reader.cutter.names[0]:
            self.reports.frame_id = message.header.frame_id
        ticks = self.pipeline.reader.ticks
        # A flow-controlled replay waits for the predictions: none of them comes too late.
        ticks.skip_late = not any(publisher.active for publisher in self._processed.values())
        self.pipeline.push(name, chunk, time.monotonic_ns())
        self._received[name] = chunk.end_sample
        # Stand aside while the thread that predicts needs the interpreter: the two would take it
        # from one another in turns. A slow decoder is not waited for.
        ticks.wait_until_idle(STAND_ASIDE_S)
        if not ticks.skip_late:
            self._acknowledge()

    def _on_joints(self, name: str, rate: float, message: JointState) -> None:
        try:
            sample = self.pipeline.reader.cutter.validator(name).samples
            chunk = joint_state_chunk(message, sample, rate)
        except SignalError as error:
            self.reports.malformed(name, str(error))
            return
        self.pipeline.push(name, chunk, time.monotonic_ns())

    def _predict(self, closing: threading.Event) -> None:
        # One thread of algebra: for windows this small, waking others costs more than they do.
        with threadpool_limits(limits=1):
            while not closing.is_set():
                if self.pipeline.wait_for_tick(0.2):
                    self.pipeline.step()
                    if not self.pipeline.reader.ticks.skip_late:
                        self._acknowledge()

    def _acknowledge(self) -> None:
        """Acknowledge the frames received so far, if no tick is waiting or being computed."""
        with self._acknowledging:
            received = dict(self._received)  # read before the ticks: those of later frames count
            if not self.pipeline.reader.ticks.wait_until_idle(0.0):
                return
            for name, end_sample in received.items():
                publisher = self._processed.get(name)
                if publisher is not None and publisher.end_sample != end_sample:
                    publisher.publish(end_sample)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(PipelineNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
