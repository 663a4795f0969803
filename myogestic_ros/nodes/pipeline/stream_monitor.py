"""What the pipeline node looks after while it predicts: silence, delay, a stream that has changed."""

from __future__ import annotations

import time
from typing import Any

from rclpy.clock import Clock, ClockType

from myogestic_ros.core.pipeline.load_monitor import LoadMonitor
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.nodes.pipeline.stream_parameters import silence_of

__all__ = ['StreamMonitor']

PERIOD_S = 0.05


class StreamMonitor:
    """Look at the pipeline of a node, on the steady clock, and say on its status what is wrong.

    Attributes
    ----------
    stale : tuple of str
        Streams from which nothing comes while it predicts.
    """

    def __init__(self, node: Any) -> None:
        self.stale: tuple[str, ...] = ()
        self._node = node
        self._timer: Any = None
        self._keeping_up: LoadMonitor | None = None

    def start(self) -> None:
        """Look from now on."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self._node.create_timer(PERIOD_S, self._look, clock=steady)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def _look(self) -> None:
        pipeline = self._node.pipeline
        predicting = pipeline.state is PipelineState.PREDICTING
        now_ns = time.monotonic_ns()
        wait_s = self._node.get_parameter('sync_timeout').value
        pipeline.reader.ticks.expire(now_ns - int(wait_s * 1e9))
        self._look_for_silence(predicting, now_ns)
        self._look_for_delay(predicting, now_ns)
        if predicting and self._node.shelf is not None:
            misfit = self._node.shelf.misfit()
            if misfit is not None:
                pipeline.stop_predicting(f'Stopped predicting: {misfit}')
                self._node.request_deactivation(f'Stopped predicting: {misfit}')

    def _look_for_silence(self, predicting: bool, now_ns: int) -> None:
        pipeline = self._node.pipeline
        after_s = self._node.get_parameter('stale_after').value
        stale = (
            pipeline.reader.ticks.stale_streams(now_ns - int(after_s * 1e9)) if predicting else ()
        )
        if stale != self.stale:
            self.stale = stale
            if predicting:
                pipeline.set_status(silence_of(stale, after_s) or pipeline.predicting_status)

    def _look_for_delay(self, predicting: bool, now_ns: int) -> None:
        pipeline = self._node.pipeline
        if not predicting:
            self._keeping_up = None
            return
        if self._keeping_up is None:
            self._keeping_up = LoadMonitor(pipeline.reader.ticks)
        sentence = self._keeping_up.check(now_ns * 1e-9)
        if sentence is not None and not self.stale:
            pipeline.set_status(sentence or pipeline.predicting_status)
            if sentence:
                self._node.get_logger().warning(sentence, throttle_duration_sec=5.0)
