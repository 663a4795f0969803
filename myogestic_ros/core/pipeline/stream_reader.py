"""The input of a pipeline: streams, their filters, and the ticks cut from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.pipeline.tick_queue import TickQueue
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['StreamReader']


class StreamReader:
    """Filter the samples of streams and cut them into windows.

    Parameters
    ----------
    predict_hz : float
        Ticks per second of signal; 0 or less: one per chunk.
    streams : sequence of StreamSpec
        The streams to read; the samples of the first, the primary, clock the ticks.
    on_dropped : callable
        Called with a sentence for each chunk that is dropped.
    on_filter_error : callable
        Called with a sentence when a stream turns out to be one that its filter cannot be applied
        to; once until the stream changes.

    Attributes
    ----------
    ticks : TickQueue
        The ticks between `push` and the thread that predicts.
    cutter : WindowCutter
        Cuts the windows and counts accepted, refused and lost samples.
    filters : dict of str to FilterSpec or None
        The filters in force, by stream.
    requested_filters : dict of str to FilterSpec or None
        The filters that the pipeline was constructed with, by stream; None: those of the model.
    filter_errors : dict of str to str
        Reasons why streams cannot be filtered, by stream.
    """

    def __init__(
        self,
        predict_hz: float,
        streams: Sequence[StreamSpec],
        on_dropped: Callable[[str], None],
        on_filter_error: Callable[[str], None],
    ) -> None:
        self._specs = list(streams)
        self._on_dropped = on_dropped
        self._on_filter_error = on_filter_error
        self.requested_filters = {spec.name: spec.filters for spec in streams}
        self.filters = dict(self.requested_filters)
        self.filter_errors: dict[str, str] = {}
        self.ticks = TickQueue(streams, predict_hz)
        self.cutter = self.ticks.cutter

    @property
    def streams(self) -> list[StreamSpec]:
        """The streams with the filters in force, and rate and channels as far as known."""
        live = []
        for spec in self._specs:
            validator = self.cutter.validator(spec.name)
            live.append(
                replace(
                    spec,
                    channels=validator.channels,
                    sampling_rate=validator.sampling_rate,
                    filters=self.filters[spec.name],
                )
            )
        return live

    def use_filters(self, filters: Mapping[str, FilterSpec | None]) -> None:
        """Apply these filters to the named streams; the windows of changed streams restart."""
        changed = {name: spec for name, spec in filters.items() if spec != self.filters[name]}
        if changed:
            self.filters.update(changed)
            self.filter_errors.clear()
            self.ticks.use_filters(changed)

    def push(self, stream: str, chunk: Chunk, now_ns: int) -> None:
        """Take in the next chunk of a stream; see `Pipeline.push`."""
        try:
            reason = self.ticks.push(stream, chunk, now_ns)
        except SignalError as error:
            if self.filter_errors.get(stream) != str(error):
                self.filter_errors[stream] = str(error)
                self._on_filter_error(str(error))
            return
        if self.filter_errors:
            self.filter_errors.pop(stream, None)
        if reason:
            self._on_dropped(f"A frame of stream '{stream}' was dropped: {reason}.")
