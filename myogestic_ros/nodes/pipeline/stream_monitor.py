"""Watch the streams while the node predicts: silence, overload, a changed stream."""

from __future__ import annotations

import time
from typing import Any, Protocol

from rclpy.clock import Clock, ClockType

from myogestic_ros.core.pipeline.load_monitor import LoadMonitor
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.prediction_monitor import PredictionMonitor
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.nodes.pipeline.model_manager import ModelManager

__all__ = ['MonitoredNode', 'StreamMonitor']

PERIOD_S = 0.05
LOG_PERIOD_S = 5.0


class MonitoredNode(Protocol):
    """The members of a node that `StreamMonitor` uses."""

    def create_timer(self, timer_period_sec: float, callback: Any, *, clock: Any) -> Any:
        """See `rclpy.node.Node.create_timer`."""

    def destroy_timer(self, timer: Any) -> bool:
        """See `rclpy.node.Node.destroy_timer`."""

    def get_logger(self) -> Any:
        """See `rclpy.node.Node.get_logger`."""

    def get_parameter(self, name: str) -> Any:
        """Return ``stale_after`` or ``sync_timeout``, s."""

    def request_deactivation(self, reason: str) -> None:
        """See `ManagedNode.request_deactivation`."""


class StreamMonitor:
    """Check a pipeline's streams periodically and set its status message.

    The checks run every 50 ms on the steady clock: a stream that is silent for longer than
    ``stale_after``, predictions that do not come although their stream does, ticks that are skipped because the machine is too slow, and a stream that no
    longer fits the model, which ends predicting. They also let ticks expire that have waited
    longer than ``sync_timeout`` for another stream.

    Parameters
    ----------
    node : MonitoredNode
        The node; it owns the timer.
    pipeline : Pipeline
        The pipeline to watch.
    models : ModelManager
        Knows the model in use.

    Attributes
    ----------
    stale : tuple of str
        Streams without a usable sample while the pipeline predicts.
    missing : str
        Reason why no prediction comes; empty while they come.
    """

    def __init__(self, node: MonitoredNode, pipeline: Pipeline, models: ModelManager) -> None:
        self.stale: tuple[str, ...] = ()
        self._node = node
        self._pipeline = pipeline
        self._models = models
        self.missing = ''
        self._load: LoadMonitor | None = None
        self._predictions: PredictionMonitor | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self._check, clock=steady)

    def stop(self) -> None:
        """Stop checking."""
        self._node.destroy_timer(self._timer)

    def _check(self) -> None:
        predicting = self._pipeline.state is PipelineState.PREDICTING
        now_ns = time.monotonic_ns()
        timeout_s = self._node.get_parameter('sync_timeout').value
        self._pipeline.reader.ticks.expire(now_ns - int(timeout_s * 1e9))
        self._check_predictions(predicting, now_ns)
        self._check_silence(predicting, now_ns)
        self._check_load(predicting, now_ns)
        if predicting:
            self._check_model()

    def _check_predictions(self, predicting: bool, now_ns: int) -> None:
        if not predicting:
            self._predictions, self.missing = None, ''
            return
        if self._predictions is None:
            self._predictions = PredictionMonitor(self._pipeline, now_ns * 1e-9)
        message = self._predictions.check(now_ns * 1e-9)
        if message is None:
            return
        self.missing = message
        status = message or self._pipeline.predicting_status
        if self.stale:  # frames that are refused may have come since the stream fell silent
            status = self._silence_message(self._node.get_parameter('stale_after').value)
        if status != self._pipeline.status_message:
            self._pipeline.set_status(status)
        if message:
            self._node.get_logger().warning(message, throttle_duration_sec=LOG_PERIOD_S)

    def _check_silence(self, predicting: bool, now_ns: int) -> None:
        after_s = self._node.get_parameter('stale_after').value
        ticks = self._pipeline.reader.ticks
        stale = ticks.stale_streams(now_ns - int(after_s * 1e9)) if predicting else ()
        if stale != self.stale:
            self.stale = stale
            if predicting:
                self._pipeline.set_status(
                    self._silence_message(after_s)
                    or self.missing
                    or self._pipeline.predicting_status
                )

    def _check_load(self, predicting: bool, now_ns: int) -> None:
        if not predicting:
            self._load = None
            return
        if self._load is None:
            self._load = LoadMonitor(self._pipeline.reader.ticks)
        message = self._load.check(now_ns * 1e-9)
        if message is not None and not self.stale and not self.missing:
            self._pipeline.set_status(message or self._pipeline.predicting_status)
            if message:
                self._node.get_logger().warning(message, throttle_duration_sec=LOG_PERIOD_S)

    def _check_model(self) -> None:
        incompatibility = self._models.incompatibility()
        if incompatibility is not None:
            reason = f'Stopped predicting: {incompatibility}'
            self._pipeline.stop_predicting(reason)  # unless another thread has stopped it since
            self._node.request_deactivation(reason)

    def _silence_message(self, after_s: float) -> str:
        """Return the status message for streams without a usable sample; empty for none."""
        assert self._predictions is not None
        silent, refused = [], []
        for name in self.stale:
            reason = self._predictions.refusals(name)
            if reason:
                refused.append(f"No usable sample of '{name}' for {after_s:g} s: {reason}.")
            else:
                silent.append(f"'{name}'")
        if silent:
            refused.append(
                f'No sample of {" and ".join(silent)} for {after_s:g} s; predictions pause until '
                f'the next sample.'
            )
        return ' '.join(refused)
