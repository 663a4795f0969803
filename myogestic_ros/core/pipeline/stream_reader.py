"""The half of a pipeline that reads streams, filtered, and cuts windows out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.pipeline.tick_queue import TickQueue
from myogestic_ros.core.pipeline.trainable import Trainable
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter

__all__ = ['StreamReader']


class StreamReader(Trainable):
    """Take in the samples of streams, and hand out the ticks that are due.

    Parameters
    ----------
    predict_hz : float
        Ticks per second of signal; 0 or less: one per chunk.
    streams : sequence of StreamSpec
        What is read; the first is the primary, whose samples clock the ticks.
    """

    def __init__(self, predict_hz: float, streams: Sequence[StreamSpec]) -> None:
        super().__init__()
        self._streams = list(streams)
        self._filters = {spec.name: spec.filters for spec in streams}  # those in force
        self._filter_faults: dict[str, str] = {}  # by stream, why it cannot be filtered
        self._ticks = TickQueue(streams, predict_hz)

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
            found = StreamSpec(spec.name, spec.window_ms, intake.channels, intake.sampling_rate)
            live.append(replace(found, filters=self._filters[spec.name]))
        return live

    @property
    def wanted_filters(self) -> dict[str, FilterSpec | None]:
        """How the streams were to be filtered from the beginning; None: as the model says."""
        return {spec.name: spec.filters for spec in self._streams}

    def use_model(
        self,
        model: Any,
        model_id: str,
        class_names: Sequence[str],
        filters: Mapping[str, FilterSpec | None] | None = None,
    ) -> None:
        """Predict with ``model`` from now on.

        Parameters
        ----------
        model, model_id, class_names
            The model, its name, and the classes it knows.
        filters : mapping of str to FilterSpec or None, optional
            What its streams were filtered with when it was trained: from now on they are again.

        Raises
        ------
        StateError
            When it is not idle.
        """
        with self._lock:
            super().use_model(model, model_id, class_names)
            changed = {n: f for n, f in (filters or {}).items() if f != self._filters[n]}
            if changed:
                self._filters.update(changed)
                self._filter_faults.clear()
                self._ticks.use_filters(changed)

    def _start(self, callback: Callable[..., Any], old: Any, verb: str) -> None:
        """Start a training on `training_data`, filtered as the streams are live."""
        with self._lock:
            data = self.training_data
            if data is not None:
                streams = [
                    replace(spec, filters=self._filters.get(spec.name))
                    if spec.filters is None
                    else spec
                    for spec in data.streams
                ]
                self.training_data = replace(data, streams=streams)
            super()._start(callback, old, verb)

    @property
    def cutter(self) -> WindowCutter:
        """What cuts its windows, and counts what becomes of the samples."""
        return self._ticks.cutter

    @property
    def ticks(self) -> TickQueue:
        """The ticks between `push` and `step`."""
        return self._ticks

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
        try:
            problem = self._ticks.push(stream, chunk, now_ns)
        except SignalError as error:
            if self._filter_faults.get(stream) != str(error):
                self._filter_faults[stream] = str(error)
                self._filter_failed(str(error))
            return
        self._filter_faults.pop(stream, None)
        if problem:
            self.observer.problem('frame', f"A frame of stream '{stream}' was dropped: {problem}.")

    def _filter_failed(self, reason: str) -> None:
        """A stream turns out to be one that cannot be filtered as it should."""
        raise NotImplementedError
