"""Publish the predictions, status, training log and diagnostics of the pipeline node."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import Any, Protocol

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import String

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.core.untrusted import printable
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.msg import PipelineStatus
from myogestic_ros.msg import Prediction as PredictionMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros
from myogestic_ros.nodes.pipeline.model_manager import ModelManager

__all__ = ['PublishingNode', 'StatusPublisher']

LOG_PERIOD_S = 5.0


class PublishingNode(Protocol):
    """The members of a node that `StatusPublisher` uses."""

    lifecycle_state: str

    @property
    def stale_streams(self) -> tuple[str, ...]:
        """Streams that are silent."""

    @property
    def missing_predictions(self) -> str:
        """Reason why no prediction comes while the node predicts; empty while they come."""

    def create_publisher(self, msg_type: Any, topic: str, qos_profile: Any) -> Any:
        """See `rclpy.node.Node.create_publisher`."""

    def get_clock(self) -> Any:
        """See `rclpy.node.Node.get_clock`."""

    def get_logger(self) -> Any:
        """See `rclpy.node.Node.get_logger`."""

    def request_deactivation(self, reason: str) -> None:
        """See `ManagedNode.request_deactivation`."""


class StatusPublisher(Observer):
    """Publish the events of a pipeline, log its problems, and save trained models.

    Parameters
    ----------
    node : PublishingNode
        The node that publishes.
    pipeline : Pipeline
        The pipeline to report until `attach` replaces it.

    Attributes
    ----------
    frame_id : str
        Electrode set of the latest frame; copied into the header of each prediction.
    model_error : str
        Reason why the last model could not be saved or loaded; empty if it could.
    predictions : rclpy.publisher.Publisher
        Publisher of the predictions.
    """

    def __init__(self, node: PublishingNode, pipeline: Pipeline) -> None:
        self._node = node
        self._pipeline = pipeline
        self._models: ModelManager | None = None
        self.frame_id = ''
        self._malformed: Counter[str] = Counter()
        self._logged: set[str] = set()
        self._lock = threading.Lock()  # keeps status messages in the order of the events
        self.predictions = node.create_publisher(
            PredictionMessage, '~/predictions', qos.PREDICTIONS
        )
        self._status = node.create_publisher(PipelineStatus, '~/status', qos.STATUS)
        self._training_log = node.create_publisher(String, '~/training_log', qos.LOG)
        self._last_predictions = 0
        self.model_error = ''
        pipeline.observer = self

    def attach(self, pipeline: Pipeline, models: ModelManager) -> None:
        """Report another pipeline from now on, and save its models with ``models``."""
        self._pipeline = pipeline
        self._models = models
        self.model_error = ''
        self._malformed.clear()
        self._logged.clear()
        pipeline.observer = self

    def publish_status(self) -> None:
        """Publish the current PipelineStatus."""
        with self._lock:
            pipeline = self._pipeline
            configured = self._node.lifecycle_state != 'unconfigured'
            message = PipelineStatus(
                state=str(pipeline.state) if configured else PipelineStatus.UNCONFIGURED,
                message=printable(pipeline.status_message, multiline=True),
                model_id=pipeline.model_id,
                training_progress=pipeline.training.progress,
                stale_streams=list(self._node.stale_streams),
            )
            message.header.stamp = self._node.get_clock().now().to_msg()
            self._status.publish(message)

    # -- Observer -----------------------------------------------------------------------------

    def status_changed(self) -> None:
        self.publish_status()

    def log_line(self, line: str) -> None:
        self._training_log.publish(String(data=printable(line, multiline=True)))

    def predicted(self, prediction: Prediction) -> None:
        self.predictions.publish(prediction_to_ros(prediction, self.frame_id))

    def problem(self, kind: str, sentence: str) -> None:
        logger = self._node.get_logger()
        if kind == 'callback':
            logger.error(
                f'A callback of the decoder failed:\n{sentence}',
                throttle_duration_sec=LOG_PERIOD_S,
            )
        elif kind not in self._logged:
            self._logged.add(kind)
            logger.warning(f'{sentence} (Logged once; /diagnostics has the counts.)')

    def trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        assert self._models is not None
        try:
            saved = self._models.save_trained(model, data)
        except Exception as error:
            self.report_model_error(
                str(error) if isinstance(error, MyoGesticError) else repr(error)
            )
            raise
        self.report_model_error('')
        return saved

    def report_model_error(self, message: str) -> None:
        """Log that a model could not be saved or loaded, and report it in the diagnostics.

        The error remains in the diagnostics until a model is saved or loaded; '' removes it.
        """
        self.model_error = message
        if message:
            self._node.get_logger().error(printable(message))

    def predicting_aborted(self, reason: str) -> None:
        self._node.request_deactivation(reason)

    def count_malformed(self, stream: str, reason: str) -> None:
        """Count a message that could not be converted, and log the first of its stream."""
        self._malformed[stream] += 1
        self.problem(f'malformed {stream}', f"A frame of stream '{stream}' was dropped: {reason}")

    # -- diagnostics --------------------------------------------------------------------------

    def diagnostics(self) -> tuple[bytes, str, dict[str, str]]:
        """Return level, message and values for ``/diagnostics``; called at 1 Hz."""
        pipeline, counters = self._pipeline, self._pipeline.counters
        cutter, ticks = pipeline.reader.cutter, pipeline.reader.ticks
        rate = counters.predictions - self._last_predictions
        self._last_predictions = counters.predictions
        p50, p99 = counters.latency_percentiles()
        values = {
            'state': str(pipeline.state),
            'model': pipeline.model_id,
            'predictions': str(counters.predictions),
            'prediction rate [Hz]': str(max(0, rate)),
            'tick latency p50 [ms]': _milliseconds(p50),
            'tick latency p99 [ms]': _milliseconds(p99),
            'overruns': str(ticks.overruns),
            'coalesced': str(cutter.coalesced),
            'unsynchronized': str(cutter.unsynchronized),
            'dropped results': str(counters.dropped),
            'callback errors': str(counters.errors),
        }
        post = pipeline.post
        if isinstance(post, PostProcessingChain) and str(post):
            values['post-processing'] = str(post)
            values['post-processing delay of decisions [ms]'] = f'{post.decision_delay_ms:.1f}'
            values['post-processing delay of DoFs [ms]'] = f'{post.dof_delay_ms:.1f}'
        stream_problems = 0
        for spec in pipeline.streams:
            name = spec.name
            validator = cutter.validator(name)
            malformed = sum(validator.refused.values()) + self._malformed[name]
            stream_problems += malformed + validator.lost
            values[f'{name}: filter'] = str(spec.filters or FilterSpec())
            values[f'{name}: sampling rate [Hz]'] = f'{validator.sampling_rate or math.nan:g}'
            values[f'{name}: channels'] = str(validator.channels or 0)
            values[f'{name}: frames'] = str(validator.chunks)
            values[f'{name}: lost samples'] = str(validator.lost)
            values[f'{name}: lost samples, in refused frames'] = str(validator.unusable)
            values[f'{name}: gaps'] = str(validator.gaps)
            values[f'{name}: restarts'] = str(validator.restarts)
            values[f'{name}: frames put in order'] = str(cutter.reordered(name))
            values[f'{name}: malformed frames'] = str(malformed)
            for reason, count in sorted(validator.refused.items()):
                values[f'{name}: malformed, {reason}'] = str(count)
        predicting = pipeline.state is PipelineState.PREDICTING
        stale = ', '.join(self._node.stale_streams) if predicting else ''
        values['stale streams'] = stale
        if stale:
            return (
                DiagnosticStatus.ERROR,
                f'Stale streams: {stale}. {pipeline.status_message}',
                values,
            )
        error = self._node.missing_predictions or self.model_error
        if error:
            return DiagnosticStatus.ERROR, error, values
        message = pipeline.status_message or str(pipeline.state)
        if stream_problems or counters.errors or counters.dropped or ticks.overruns:
            return DiagnosticStatus.WARN, message, values
        return DiagnosticStatus.OK, message, values


def _milliseconds(seconds: float) -> str:
    return f'{seconds * 1e3:.2f}'
