"""What the pipeline node publishes: predictions, status, the training log, diagnostics."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.msg import PipelineStatus
from myogestic_ros.msg import Prediction as PredictionMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros
from myogestic_ros.nodes.pipeline.model_manager import ModelManager

__all__ = ['StatusPublisher']

THROTTLE_S = 5.0


class StatusPublisher(Observer):
    """Turn what happens in a pipeline into messages and log lines.

    Attributes
    ----------
    frame_id : str
        Electrode set of the newest frame; goes into each prediction's header.
    """

    def __init__(self, node: Any, pipeline: Pipeline) -> None:
        self._node: LifecycleNode = node
        self._pipeline = pipeline
        self._shelf: ModelManager | None = None
        self.frame_id = ''
        self._malformed: Counter[str] = Counter()
        self._warned: set[str] = set()
        self._lock = threading.Lock()  # statuses leave in the order in which things happened
        self.predictions = node.create_publisher(
            PredictionMessage, '~/predictions', qos.PREDICTIONS
        )
        self._status = node.create_publisher(PipelineStatus, '~/status', qos.STATUS)
        self._log = node.create_publisher(String, '~/training_log', qos.LOG)
        self._last_predictions = 0
        self._diagnostics = Diagnostics(node, 'pipeline', self._collect)

    def attach(self, pipeline: Pipeline, shelf: ModelManager) -> None:
        """Report on another pipeline from now on."""
        self._pipeline = pipeline
        self._shelf = shelf
        self._malformed.clear()
        self._warned.clear()
        pipeline.observer = self

    def publish_status(self, configured: bool, stale: tuple[str, ...]) -> None:
        """Publish PipelineStatus as things are now."""
        with self._lock:
            message = PipelineStatus(
                state=str(self._pipeline.state) if configured else PipelineStatus.UNCONFIGURED,
                message=self._pipeline.status_message,
                model_id=self._pipeline.model_id,
                training_progress=self._pipeline.training.progress,
                stale_streams=list(stale),
            )
            message.header.stamp = self._node.get_clock().now().to_msg()
            self._status.publish(message)

    # -- Observer -----------------------------------------------------------------------------

    def status_changed(self) -> None:
        self._node.publish_status()

    def log_line(self, line: str) -> None:
        self._log.publish(String(data=line))

    def predicted(self, prediction: Prediction) -> None:
        self.predictions.publish(prediction_to_ros(prediction, self.frame_id))

    def problem(self, kind: str, sentence: str) -> None:
        logger = self._node.get_logger()
        if kind == 'callback':
            logger.error(
                f'A callback of the decoder failed:\n{sentence}', throttle_duration_sec=THROTTLE_S
            )
        elif kind not in self._warned:
            self._warned.add(kind)
            logger.warning(f'{sentence} (Said once; /diagnostics counts.)')

    def trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        assert self._shelf is not None
        return self._shelf.save_trained(model, data)

    def predicting_aborted(self, reason: str) -> None:
        self._node.request_deactivation(reason)

    def malformed(self, stream: str, reason: str) -> None:
        """Count a message that could not even be read."""
        self._malformed[stream] += 1
        self.problem(f'malformed {stream}', f"A frame of stream '{stream}' was dropped: {reason}")

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        pipeline, counters = self._pipeline, self._pipeline.counters
        cutter, ticks = pipeline.reader.cutter, pipeline.reader.ticks
        made = counters.predictions
        rate, self._last_predictions = made - self._last_predictions, made
        p50, p99 = counters.latency_percentiles()
        facts = {
            'state': str(pipeline.state),
            'model': pipeline.model_id,
            'predictions': str(made),
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
            facts['after the decoder'] = str(post)
            facts['delay of decisions after the decoder [ms]'] = f'{post.decision_delay_ms:.1f}'
            facts['delay of DoFs after the decoder [ms]'] = f'{post.dof_delay_ms:.1f}'
        bad = 0
        for spec in pipeline.streams:
            name = spec.name
            facts[f'{name}: filter'] = str(spec.filters or FilterSpec())
            intake = cutter.validator(name)
            refused = sum(intake.refused.values()) + self._malformed[name]
            bad += refused + intake.lost
            facts[f'{name}: sampling rate [Hz]'] = f'{intake.sampling_rate or math.nan:g}'
            facts[f'{name}: channels'] = str(intake.channels or 0)
            facts[f'{name}: frames'] = str(intake.chunks)
            facts[f'{name}: lost samples'] = str(intake.lost)
            facts[f'{name}: restarts'] = str(intake.restarts)
            facts[f'{name}: malformed frames'] = str(refused)
            for reason, count in sorted(intake.refused.items()):
                facts[f'{name}: malformed, {reason}'] = str(count)
        stale = self._node.stale_streams if pipeline.state is PipelineState.PREDICTING else ()
        facts['stale streams'] = ', '.join(stale)
        if stale:
            return DiagnosticStatus.ERROR, f'stale: {", ".join(stale)}', facts
        if bad or counters.errors or counters.dropped or ticks.overruns:
            return DiagnosticStatus.WARN, pipeline.status_message or 'trouble counted', facts
        return DiagnosticStatus.OK, pipeline.status_message or str(pipeline.state), facts


def _milliseconds(seconds: float) -> str:
    return f'{seconds * 1e3:.2f}'
