"""Read a source in a dedicated thread and reconnect when it fails."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.signals import Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording, Source

__all__ = ['SampleNumbering', 'SourceReader']

READ_TIMEOUT_S = 0.05
"""Longest time for which a silent source delays its release."""
WAITING_INTERVAL_S = 0.05
"""Shortest time between two calls of `Source.open` while a device is waited for."""


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
    on_waiting : callable
        Called, repeatedly, with a sentence about what has to happen while the device is not there.

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
        on_waiting: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._source = source
        self._on_open = on_open
        self._on_item = on_item
        self._on_failure = on_failure
        self._on_end = on_end
        self._on_waiting = on_waiting
        self._stop = threading.Event()
        self._first_attempt = threading.Event()
        self._lock = threading.Lock()
        self._start_returned = False
        self._failures = 0  # since the last item
        self._open_result: Exception | bool = False  # True: open, False: opening or waiting
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
            True if the source is open, False if it is still opening, or waits for its device.

        Raises
        ------
        SourceError
            When opening the source failed within that time.
        """
        self._thread.start()
        self._first_attempt.wait(timeout_s)
        with self._lock:
            self._start_returned = True
        result = self._open_result
        if isinstance(result, Exception):
            self._thread.join(timeout_s)
            if isinstance(result, SourceError):
                raise result
            raise SourceError(f'The source cannot be opened: {result!r}.') from result
        return result

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; return True if the source is released within ``timeout_s``."""
        self._stop.set()
        interrupt = getattr(self._source, 'interrupt', None)  # only devices have it
        if interrupt is not None and self.running:
            with contextlib.suppress(
                Exception
            ):  # the device may have gone; `close` follows anyway
                interrupt()
        self._thread.join(timeout_s)
        return not self.running

    def _run(self) -> None:
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._stream()
            except EndOfRecording:
                if not self._stop.is_set():
                    self._on_end()
                break
            except SourceWaiting as waiting:
                self._wait(str(waiting), began_s)
            except Exception as error:
                if self._stop.is_set() or self._answer_start(error):
                    break
                self._failures += 1
                self._source.close()
                pause_s = self._on_failure(error, self._failures)
                if pause_s is None or self._stop.wait(pause_s):
                    break
        self._source.close()

    def _stream(self) -> None:
        """Open the source and hand over its items until `stop` is called."""
        info = self._source.open()
        if not self._stop.is_set():
            self._on_open(info, not self._answer_start(True))
        while not self._stop.is_set():
            item = self._source.read(READ_TIMEOUT_S)
            if item is not None and not self._stop.is_set():
                self._failures = 0
                self._on_item(item)

    def _wait(self, reason: str, began_s: float) -> None:
        """Report what the device waits for, and pause until it is to be opened again."""
        if not self._stop.is_set():
            self._on_waiting(reason)
            self._answer_start(False)
            self._stop.wait(max(0.0, WAITING_INTERVAL_S - (time.monotonic() - began_s)))

    def _answer_start(self, result: Exception | bool) -> bool:
        """Hand the result of opening the source to `start`; return False if it has returned."""
        with self._lock:
            waiting = not (self._start_returned or self._first_attempt.is_set())
            if waiting:
                self._open_result = result
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
        return replace(chunk, first_sample=first_sample, stamp_ns=stamp_ns)
