"""Record a session through a bounded queue and a writer thread, without blocking the caller."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.reader import EMG_FRAME
from myogestic_ros.sessions.recording.disk_monitor import BACKLOG, DiskMonitor
from myogestic_ros.sessions.recording.repair import RepairReport, repair_session
from myogestic_ros.sessions.recording.sample_losses import SampleLosses
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.disk_sync import DiskSync
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

__all__ = ['MAX_MESSAGE_BYTES', 'RecordingReport', 'SessionRecorder']

MAX_MESSAGE_BYTES = 64 * 2**20
"""Largest message that is recorded, bytes; larger ones are dropped and counted."""
POLL_INTERVAL_S = 0.05
"""Interval at which the writer thread takes messages from the queue, s."""
YIELD_AFTER_S = 0.3
"""Age of the oldest message that is not in the file, s, from which `put` yields to the writer."""
YIELD_AT_MOST_S = 0.05
YIELD_EVERY_S = 0.1
"""`put` yields at most 0.05 s in 0.1 s, so that a slow disk cannot stop the caller."""


@dataclass(frozen=True)
class RecordingReport:
    """Result of a recording.

    Attributes
    ----------
    path : Path
        Folder of the session.
    messages : int
        Number of written messages.
    dropped : int
        Number of messages that were not written, because the queue was full or the disk failed.
    duration_s : float
        Time from the first to the last message, s.
    lost_samples : int
        Samples missing between the written frames: lost by the device, the network or the queue.
    error : str
        Error that ended the recording; empty if it was stopped.
    """

    path: Path
    messages: int
    dropped: int
    duration_s: float
    lost_samples: int = 0
    error: str = ''


class SessionRecorder:
    """Write serialized messages to a session in a background thread.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    info : SessionInfo
        Description of the session.
    topics : list of Topic
        Topics to record.
    queue_bytes : int
        Maximum size of the queue, bytes. Messages that do not fit are dropped and counted.
    flush_interval_s : float
        Time between two flushes to the operating system, s. A crash of the process loses at most
        the data of this interval.
    sync_interval_s : float
        Time between two synchronizations with the disk, s. A power cut loses at most the data of
        this interval, in addition to that of ``flush_interval_s``; 0 leaves the synchronization
        to the operating system.
    on_error : callable
        Called in the writer thread with a message if the disk fails.
    on_disk_warning : callable
        Called in any thread with a warning when the disk becomes too slow or nearly full, before
        messages are dropped, and with '' when the warning is cleared.

    Attributes
    ----------
    path : Path
        Folder of the session.
    dropped : Counter of str
        Number of dropped messages by topic.
    oversized : Counter of str
        Number of them that were larger than `MAX_MESSAGE_BYTES`, by topic.
    losses : SampleLosses
        Samples missing in the recorded streams.
    error : str
        Error that ended the recording; empty while there is none.

    Raises
    ------
    SessionExistsError
        If the folder exists.
    SessionError
        If the session cannot be created.
    """

    def __init__(
        self,
        path: Path,
        info: SessionInfo,
        topics: list[Topic],
        *,
        queue_bytes: int = 256 * 2**20,
        flush_interval_s: float = 0.25,
        sync_interval_s: float = 0.25,
        on_error: Callable[[str], None] = lambda message: None,
        on_disk_warning: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.path = self._final_path = path
        self.dropped: Counter[str] = Counter()
        self.oversized: Counter[str] = Counter()
        self.losses = SampleLosses()
        self.error = ''
        self._queue_bytes = queue_bytes
        self._flush_interval_s = flush_interval_s
        self._on_error = on_error
        self._on_disk_warning = on_disk_warning
        self._disk_monitor = DiskMonitor()
        self._class_names: dict[int, str] = dict(enumerate(info.class_names))
        self._streams = {t.name for t in topics if t.definition.msgtype == EMG_FRAME}
        self._writer = SessionWriter(path, info, topics)
        self._sync = DiskSync(self._writer.descriptor, sync_interval_s, self._writer.sync)
        self._queue: deque[tuple[str, bytes, int]] = deque()
        self._unflushed: list[tuple[str, bytes, int]] = []
        self._queued_since_s: float | None = None  # arrival of the oldest message in the queue
        self._unflushed_since_s: float | None = None  # and of the oldest one not in the file
        self._yielded_s = -math.inf
        self._flushed = threading.Event()
        self._remaining_s = math.inf
        self._start_s = time.monotonic()
        self._queued_bytes = 0
        self._stopping = False
        self._repair_report: RepairReport | None = None
        self._finished = threading.Event()  # the session is complete, or the recording failed
        self._changed = threading.Condition()
        self._monitor_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name='recording', daemon=True)
        self._thread.start()

    @property
    def messages(self) -> int:
        """Number of messages written so far."""
        return self._writer.messages

    @property
    def backlog(self) -> float:
        """Fraction of the queue in use, 0 to 1."""
        return self._queued_bytes / self._queue_bytes

    @property
    def unsynced_s(self) -> float:
        """Age of the oldest written data that is not on the disk, s; excludes the queue."""
        return self._sync.unsynced_s

    @property
    def disk_warning(self) -> str:
        """Warning that the disk is too slow or nearly full; empty while it keeps up."""
        return self._disk_monitor.warning

    def add_class(self, index: int, name: str) -> None:
        """Add the class of a recorded label to the session info, unless its index has a name."""
        self._class_names.setdefault(index, name)

    def put(self, topic: str, data: bytes, log_time_ns: int) -> bool:
        """Queue a message.

        Returns at once unless the oldest message that is not in the file is older than 0.3 s.
        Then it yields to the writer thread, at most 0.05 s in 0.1 s: on a busy machine, a thread
        that takes the interpreter lock for every message can starve the writer for more than a
        second, and messages in memory are lost if the process is killed.

        Parameters
        ----------
        topic : str
            Absolute name of the topic.
        data : bytes
            Serialized message.
        log_time_ns : int
            Time of reception, ns.

        Returns
        -------
        bool
            False if the message was dropped.

        Raises
        ------
        SessionError
            If the topic was not passed to the constructor.
        """
        if not self._writer.has_topic(topic):
            raise SessionError(
                f"Session {self.path} has no topic '{topic}'; expected one of: "
                f'{", ".join(self._writer.topics)}.'
            )
        now_s = time.monotonic()
        with self._changed:
            fits = self._queued_bytes + len(data) <= self._queue_bytes
            if len(data) > MAX_MESSAGE_BYTES:
                self.oversized[topic] += 1
                fits = False
            if self._stopping or self.error or not fits:
                self._drop(topic, data)
                return False
            self._queue.append((topic, data, log_time_ns))
            self._queued_bytes += len(data)
            if self._queued_since_s is None:
                self._queued_since_s = now_s
            oldest_s = self._unflushed_since_s
            oldest_s = self._queued_since_s if oldest_s is None else oldest_s
            # The writer thread polls the queue: notifying it of each message costs more.
        if now_s - oldest_s > YIELD_AFTER_S and now_s - self._yielded_s > YIELD_EVERY_S:
            self._flushed.clear()
            self._flushed.wait(YIELD_AT_MOST_S)
            self._yielded_s = time.monotonic()
        if self.backlog >= BACKLOG.bad and not self._disk_monitor.overloaded:
            self._update_disk_monitor()  # the writer thread may be blocked by the disk
        return True

    def _drop(self, topic: str, data: bytes) -> None:
        self.dropped[topic] += 1
        if topic in self._streams:
            self.losses.add_dropped(topic, data)

    def stop(self, timeout_s: float | None = None) -> RecordingReport:
        """Write the queued messages, close the session, and return a report.

        Parameters
        ----------
        timeout_s : float, optional
            Maximum time to wait until the session can be read, s; the writer thread then
            continues until the session is on the disk. By default, wait until it is.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if timeout_s is None:
            self._thread.join()
        else:
            self._finished.wait(timeout_s)
        if self._repair_report is not None:
            messages, duration_s = self._repair_report.messages, self._repair_report.duration_s
        else:
            messages, duration_s = self.messages, self._writer.duration_s
        return RecordingReport(
            self._final_path,
            messages,
            sum(self.dropped.values()),
            duration_s,
            self.losses.total,
            self.error,
        )

    # -- writer thread ------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            flushed_s = time.monotonic()
            while True:
                with self._changed:
                    if not self._stopping:
                        self._changed.wait(min(POLL_INTERVAL_S, self._flush_interval_s))
                    stopping = self._stopping
                    batch = list(self._queue)
                    self._queue.clear()
                    if self._unflushed_since_s is None:
                        self._unflushed_since_s = self._queued_since_s
                    self._queued_since_s = None
                self._write(batch)
                if stopping and not self._queue:
                    break
                if time.monotonic() - flushed_s >= self._flush_interval_s:
                    self._flush()
                    flushed_s = time.monotonic()
                self._update_disk_monitor()
            self._flush()
            self._writer.info = self._final_info()
            self._writer.finish()
            self._finished.set()
            self._sync.stop()
            self._writer.close()
        except Exception as error:  # any error must be reported, otherwise data is lost silently
            self._fail(error)

    def _write(self, batch: list[tuple[str, bytes, int]]) -> None:
        self._unflushed += batch  # counted as written after the next flush
        for topic, data, log_time_ns in batch:
            self._writer.write(topic, data, log_time_ns)
        with self._changed:
            self._queued_bytes -= sum(len(data) for _, data, _ in batch)

    def _flush(self) -> None:
        if self._sync.error is not None:
            raise self._sync.error
        self._writer.flush()
        for topic, data, _ in self._unflushed:
            if topic in self._streams:
                self.losses.add_written(topic, data)
        if self._unflushed_since_s is not None:
            self._sync.add_data(self._unflushed_since_s)
        self._unflushed.clear()
        self._unflushed_since_s = None
        self._flushed.set()
        self._remaining_s = self._writer.remaining_s(time.monotonic() - self._start_s)

    def _update_disk_monitor(self) -> None:
        """Report when the disk becomes too slow or nearly full, and when it has recovered."""
        with self._monitor_lock:
            changed = self._disk_monitor.update(
                time.monotonic(), self.backlog, self.unsynced_s, self._remaining_s
            )
            warning = self._disk_monitor.warning
        if changed:
            self._on_disk_warning(warning)

    def _final_info(self) -> SessionInfo:
        self.losses.finish()
        n_classes = max(self._class_names, default=-1) + 1
        names = tuple(self._class_names.get(index, '') for index in range(n_classes))
        return replace(self._writer.info, class_names=names, extra=self._extra())

    def _extra(self) -> dict[str, str]:
        return {
            **self._writer.info.extra,
            'lost_samples': self.losses.to_json(),
            'dropped_messages': json.dumps(dict(self.dropped)),
        }

    def _fail(self, error: Exception) -> None:
        with self._changed:  # from now on, `put` drops messages
            self.error = f'Recording {self.path} stopped: {str(error) or type(error).__name__}.'
            for topic, data, _ in [*self._unflushed, *self._queue]:
                self._drop(topic, data)
            self._queue.clear()
            self._queued_bytes = 0
        self.losses.finish()
        self._sync.stop()
        self.error += f' {self._recover()} Free disk space, or record to another folder.'
        self._finished.set()
        self._on_error(self.error)

    def _recover(self) -> str:
        """Repair the session after an error; return a message with the result."""
        try:
            self._final_path = self._writer.abandon()
            report = repair_session(self._final_path, {**self._extra(), 'error': self.error})
        except Exception as error:
            return f'The written data is kept, but could not be repaired yet: {error}'
        self._repair_report = report
        return f'The written data is kept in {self._final_path}. {report.message}'
