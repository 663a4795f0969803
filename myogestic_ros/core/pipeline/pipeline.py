"""Three callbacks and a state machine: the pipeline."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from myogestic_ros.core.pipeline.counters import TickCounters
from myogestic_ros.core.pipeline.prediction import PostProcess, Prediction
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.pipeline.stream_reader import StreamReader
from myogestic_ros.core.streams.window_cutter import StreamSpec, Tick

__all__ = ['Pipeline']


class Pipeline(StreamReader):
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
    predictions : dict
        What ``predict`` returned last, after post-processing.
    post : PostProcess or None
        What predictions pass through before they are given out.
    """

    def __init__(
        self,
        predict_hz: float = 50.0,
        *,
        streams: Sequence[StreamSpec] = (StreamSpec('emg'),),
        max_consecutive_errors: int = 10,
    ) -> None:
        super().__init__(predict_hz, streams)
        self.predictions: dict[str, Any] = {}
        self.max_consecutive_errors = max_consecutive_errors
        self.counters = TickCounters()
        self.post: PostProcess | None = None
        self._run = 0  # number of this run of predicting; a result of an earlier one is void
        self._errors_in_a_row = 0

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
            for reason in self._filter_faults.values():
                raise self._refuse(reason)
            self._errors_in_a_row = 0
            self._run += 1
            if self.post is not None:
                self.post.reset()
            self._ticks.want(True)
            self._enter(PipelineState.PREDICTING, self.predicting_message)

    @property
    def predicting_message(self) -> str:
        """What it says while all is well: what comes after the decoder, too."""
        after = str(self.post or '')
        return f'Predicting. After the decoder: {after}.' if after else 'Predicting.'

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

    def _filter_failed(self, reason: str) -> None:
        with self._lock:
            if self._state is not PipelineState.PREDICTING:
                self.say(reason)
                return
            self.stop_predicting(f'Stopped predicting: {reason}')
        self.observer.gave_up(f'Stopped predicting: {reason}')

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
            values,
            tick.sample,
            tick.stamp_ns,
            compute_s,
            self.model_id,
            self.class_names,
            tick.segment,
        )
        with self._lock:
            if run != self._run:
                return None
            if self.post is not None:
                try:
                    prediction = replace(prediction, values=self.post.process(prediction))
                except Exception:
                    self._failed(run)
                    return None
            self._errors_in_a_row = 0
            self.predictions = prediction.values
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
