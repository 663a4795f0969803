"""Read a source in a dedicated thread and reconnect when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording, Source

__all__ = ['SampleNumbering', 'SourceReader']

READ_TIMEOUT_S = 0.05
"""Longest time for which a silent source delays its release."""


class SourceReader:
    """Read a source in a thread, for one run from `start` to `stop`.

    Parameters
    ----------
    source : Source
        Not opened yet; it is closed when the run ends.
    on_open : callable
        Called with the stream's info and with True if `start` has already returned.
    on_item : callable
        Called with each chunk and label.
    on_failure : callable
        Called with an exception and the number of failures since the last item. Returns the
        pause before the next attempt to open the source, s, or None to end the run.
    on_end : callable
        Called at the end of a recording.

    Notes
    -----
    All callbacks are called in the reader's thread.
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
        self._start_returned = False
        self._open_error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='reader', daemon=True)

    @property
    def running(self) -> bool:
        """True until the source is released."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """True once `stop` has been called."""
        return self._stop.is_set()

    def start(self, timeout_s: float) -> bool:
        """Start the thread, which opens and reads the source.

        Parameters
        ----------
        timeout_s : float
            Time to wait for the source to open, s. After that, opening continues in the thread.

        Returns
        -------
        bool
            True if the source is open, False if it is still opening.

        Raises
        ------
        SourceError
            When opening the source failed within that time.
        """
        self._thread.start()
        self._first_attempt.wait(timeout_s)
        with self._lock:
            self._start_returned = True
        if self._open_error is not None:
            self._thread.join(timeout_s)
            if isinstance(self._open_error, SourceError):
                raise self._open_error
            raise SourceError(
                f'The source cannot be opened: {self._open_error!r}.'
            ) from self._open_error
        return self._first_attempt.is_set()

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; return True if the source is released within ``timeout_s``."""
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
                self._on_open(info, not self._answer_start(None))
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
                if self._stop.is_set() or self._answer_start(error):
                    break
                failures += 1
                self._source.close()
                pause_s = self._on_failure(error, failures)
                if pause_s is None or self._stop.wait(pause_s):
                    break
        self._source.close()

    def _answer_start(self, error: Exception | None) -> bool:
        """Hand the result of opening the source to `start`; return False if it has returned."""
        with self._lock:
            waiting = not (self._start_returned or self._first_attempt.is_set())
            if waiting:
                self._open_error = error
            self._first_attempt.set()
            return waiting


class SampleNumbering:
    """Number and stamp samples continuously while a source is closed and opened again.

    A source counts samples from 0 each time it is opened; published frames are counted from the
    activation of the node. After a reconnect the count skips the samples that the device would
    have sent meanwhile, at least one.

    Attributes
    ----------
    lost : int
        Number of samples missing so far.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._start_ns = 0
        self._offset = 0
        self._next_sample: int | None = None
        self._end_ns = 0
        self._reopened = False

    def on_open(self, start_ns: int) -> None:
        """Note that the source was opened at ``start_ns``, node time in ns."""
        self._start_ns = start_ns
        self._reopened = self._next_sample is not None

    def stamp_ns(self, item: Chunk | Label) -> int:
        """Return the node time of a chunk or label of the source, ns."""
        return self._start_ns + item.stamp_ns

    def renumber(self, chunk: Chunk) -> Chunk:
        """Return a chunk with the sample index and the stamp to publish."""
        stamp_ns = self.stamp_ns(chunk)
        if self._reopened and self._next_sample is not None:
            missing = round((stamp_ns - self._end_ns) * 1e-9 * chunk.sampling_rate)
            self._offset = self._next_sample + max(1, missing) - chunk.first_sample
            self._reopened = False
        first_sample = chunk.first_sample + self._offset
        if self._next_sample is not None:
            self.lost += max(0, first_sample - self._next_sample)
        self._next_sample = first_sample + chunk.n_samples
        self._end_ns = sample_time_ns(stamp_ns, chunk.n_samples, chunk.sampling_rate)
        return Chunk(first_sample, stamp_ns, chunk.sampling_rate, chunk.data)
