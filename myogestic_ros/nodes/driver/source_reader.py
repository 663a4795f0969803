"""Reading a source from a thread of its own, and opening it again when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording, Source

__all__ = ['Outgoing', 'SourceReader']

READ_TIMEOUT_S = 0.05
"""How long a silent source keeps its release waiting."""


class SourceReader:
    """Read a source until it is stopped; for one run, from `start` to `stop`.

    Parameters
    ----------
    source : Source
        Closed; it is released when the run ends.
    on_open : callable
        Called with what the stream is, and whether `start` has returned already.
    on_item : callable
        Called with each chunk and label.
    on_failure : callable
        Called with an error and the number of failures since the last item; returns the pause
        before the next attempt, s, or None to end.
    on_end : callable
        Called when a recording is over.

    All are called from the reader's thread.
    """

    def __init__(
        self,
        source: Source,
        *,
        on_open: Callable[[StreamInfo, bool], None],
        on_item: Callable[[Chunk | Label], None],
        on_failure: Callable[[Exception, int], float | None],
        on_end: Callable[[], None],
    ) -> None:
        self._source = source
        self._on_open = on_open
        self._on_item = on_item
        self._on_failure = on_failure
        self._on_end = on_end
        self._stop = threading.Event()
        self._first_attempt = threading.Event()
        self._lock = threading.Lock()
        self._returned = False
        self._refusal: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='reader', daemon=True)

    @property
    def running(self) -> bool:
        """Whether the source has not been released yet."""
        return self._thread.is_alive()

    def start(self, within_s: float) -> bool:
        """Open the source and read; return whether it is open already.

        Parameters
        ----------
        within_s : float
            How long to wait for the source, s; one that takes longer opens on.

        Raises
        ------
        SourceError
            When the source could not be opened within that time.
        """
        self._thread.start()
        self._first_attempt.wait(within_s)
        with self._lock:
            self._returned = True
        if self._refusal is not None:
            self._thread.join(within_s)
            if isinstance(self._refusal, SourceError):
                raise self._refusal
            raise SourceError(
                f'The source cannot be opened: {self._refusal!r}.'
            ) from self._refusal
        return self._first_attempt.is_set()

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; return whether the source has been released within ``timeout_s``."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self.running

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                info = self._source.open()
                if self._stop.is_set():
                    break
                self._on_open(info, not self._is_awaited(None))
                while not self._stop.is_set():
                    item = self._source.read(READ_TIMEOUT_S)
                    if item is not None and not self._stop.is_set():
                        failures = 0
                        self._on_item(item)
            except EndOfRecording:
                if not self._stop.is_set():
                    self._on_end()
                break
            except Exception as error:
                if self._stop.is_set() or self._is_awaited(error):
                    break
                failures += 1
                self._source.close()
                pause_s = self._on_failure(error, failures)
                if pause_s is None or self._stop.wait(pause_s):
                    break
        self._source.close()

    def _is_awaited(self, error: Exception | None) -> bool:
        """Note how an attempt to open went; return whether `start` was still waiting for it."""
        with self._lock:
            awaited = not (self._returned or self._first_attempt.is_set())
            if awaited:
                self._refusal = error
            self._first_attempt.set()
            return awaited


class Outgoing:
    """Number and stamp chunks as they leave: one count of samples, whatever the source does.

    A source counts from each opening anew; what is sent counts from the beginning. What a device
    would have sent while it was away is missing from the count, and is at least one sample.

    Attributes
    ----------
    lost : int
        Samples missing so far.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._start_ns = 0
        self._offset = 0
        self._next: int | None = None
        self._end_ns = 0
        self._reopened = False

    def opened(self, start_ns: int) -> None:
        """Take note that the source was opened at ``start_ns``."""
        self._start_ns = start_ns
        self._reopened = self._next is not None

    def stamp_ns(self, item: Chunk | Label) -> int:
        """Return the time of what the source gave, ns."""
        return self._start_ns + item.stamp_ns

    def number(self, chunk: Chunk) -> Chunk:
        """Return a chunk as it is to be sent."""
        stamp_ns = self.stamp_ns(chunk)
        if self._reopened and self._next is not None:
            missing = round((stamp_ns - self._end_ns) * 1e-9 * chunk.sampling_rate)
            self._offset = self._next + max(1, missing) - chunk.first_sample
            self._reopened = False
        first = chunk.first_sample + self._offset
        if self._next is not None:
            self.lost += max(0, first - self._next)
        self._next = first + chunk.n_samples
        self._end_ns = sample_time_ns(stamp_ns, chunk.n_samples, chunk.sampling_rate)
        return Chunk(first, stamp_ns, chunk.sampling_rate, chunk.data)
