"""A recording that never keeps the sender waiting: a bounded queue and a writer thread."""

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
from myogestic_ros.sessions.recording.repair import repair_session
from myogestic_ros.sessions.recording.sample_losses import SampleLosses
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.disk_sync import DiskSync
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

__all__ = ['SessionRecorder', 'RecordingReport']

YIELD_AFTER_S = 0.3
"""Age of the oldest message that is not in the file, s, from which `put` yields to the writer."""
YIELD_AT_MOST_S = 0.05
YIELD_EVERY_S = 0.1
"""`put` waits for the writer at most 0.05 s in 0.1 s, so that a slow disk cannot stop the caller."""


@dataclass(frozen=True)
class RecordingReport:
    """How a recording ended.

    Attributes
    ----------
    path : Path
        The session.
    messages, dropped : int
        Messages written, and those that were not: the queue was full, or the disk failed.
    duration_s : float
        From the first message to the last, s.
    lost_samples : int
        Samples missing between the frames that were written, whoever lost them.
    error : str
        What ended it early, in a sentence; empty when it was ended in order.
    """

    path: Path
    messages: int
    dropped: int
    duration_s: float
    lost_samples: int = 0
    error: str = ''


class SessionRecorder:
    """Write serialized messages to a session from a thread of its own.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    info : SessionInfo
        What it is about.
    topics : list of Topic
        What can be put.
    queue_bytes : int
        Most bytes that may wait for the disk; messages beyond are dropped and counted.
    flush_every_s : float
        How often what was written is handed to the operating system, s: what a crash can cost.
    sync_every_s : float
        How often that is brought onto the disk, s: what the end of power can cost beyond; 0: as
        the operating system likes.
    on_error : callable
        Called from the writer thread with a sentence when the disk fails.
    on_pressure : callable
        Called from any thread with a sentence when the disk becomes too slow or nearly full, before
        anything is lost; with '' when it is well again.

    Raises
    ------
    SessionExistsError
        When there is a session of that name.
    SessionError
        When the session cannot be made.
    """

    def __init__(
        self,
        path: Path,
        info: SessionInfo,
        topics: list[Topic],
        *,
        queue_bytes: int = 256 * 2**20,
        flush_every_s: float = 0.25,
        sync_every_s: float = 0.25,
        on_error: Callable[[str], None] = lambda sentence: None,
        on_pressure: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.path = self._kept = path
        self.dropped: Counter[str] = Counter()
        self.losses = SampleLosses()
        self.error = ''
        self._queue_bytes = queue_bytes
        self._flush_every_s = flush_every_s
        self._on_error = on_error
        self._on_pressure = on_pressure
        self._pressure = DiskMonitor()
        self._names: dict[int, str] = dict(enumerate(info.class_names))
        self._streams = {t.name for t in topics if t.definition.msgtype == EMG_FRAME}
        self._writer = SessionWriter(path, info, topics)
        self._sync = DiskSync(self._writer.descriptor, sync_every_s, self._writer.settle)
        self._waiting: deque[tuple[str, bytes, int]] = deque()
        self._unflushed: list[tuple[str, bytes, int]] = []
        self._waiting_since_s: float | None = None  # when the oldest message in the queue came
        self._unflushed_since_s: float | None = None  # the same of the messages not in the file
        self._yielded_s = -math.inf
        self._flushed = threading.Event()
        self._room_s = math.inf
        self._began_s = time.monotonic()
        self._bytes = 0
        self._ending = False
        self._repaired: tuple[int, float] | None = None
        self._over = threading.Event()  # written to the end, or failed
        self._wake = threading.Condition()
        self._judging = threading.Lock()
        self._thread = threading.Thread(target=self._run, name='recording', daemon=True)
        self._thread.start()

    @property
    def messages(self) -> int:
        """Messages written so far."""
        return self._writer.messages

    @property
    def backlog(self) -> float:
        """How full the queue is, 0 to 1."""
        return self._bytes / self._queue_bytes

    @property
    def unsafe_s(self) -> float:
        """How old the oldest data is that a power cut would cost, s, beyond the queue's."""
        return self._sync.unsafe_s

    @property
    def pressure(self) -> str:
        """What to say of a disk that is too slow; empty while it keeps up."""
        return self._pressure.sentence

    def note_class(self, index: int, name: str) -> None:
        """Add a class, seen in a label, to the session's info."""
        self._names.setdefault(index, name)

    def put(self, topic: str, data: bytes, log_time_ns: int) -> bool:
        """Hand over a message; return whether there was room for it.

        Normally returns at once. While the oldest message that is not in the file is older than
        0.3 s, it waits for the writer thread, at most 0.05 s in 0.1 s: on a busy machine, a thread
        that keeps taking the interpreter lock can starve the writer for more than a second, and
        what waits in memory is lost if the process is killed.

        Raises
        ------
        SessionError
            When the topic is none of the recording's.
        """
        if not self._writer.has(topic):
            raise SessionError(
                f"SessionRecorder {self.path} has no topic '{topic}'; name it first."
            )
        now_s = time.monotonic()
        with self._wake:
            fits = self._bytes + len(data) <= self._queue_bytes
            if self._ending or self.error or not fits:
                self._drop(topic, data)
                return False
            self._waiting.append((topic, data, log_time_ns))
            self._bytes += len(data)
            if self._waiting_since_s is None:
                self._waiting_since_s = now_s
            oldest_s = self._unflushed_since_s
            oldest_s = self._waiting_since_s if oldest_s is None else oldest_s
            # The writer looks by itself: waking it for each message costs more.
        if now_s - oldest_s > YIELD_AFTER_S and now_s - self._yielded_s > YIELD_EVERY_S:
            self._flushed.clear()
            self._flushed.wait(YIELD_AT_MOST_S)
            self._yielded_s = time.monotonic()
        if self.backlog >= BACKLOG.bad and not self._pressure.high:
            self._judge()  # before the queue is full, whatever the writer is waiting for
        return True

    def _drop(self, topic: str, data: bytes) -> None:
        self.dropped[topic] += 1
        if topic in self._streams:
            self.losses.missed(topic, data)

    def stop(self, timeout_s: float | None = None) -> RecordingReport:
        """Write what waits, close the session, and say how it went.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait until it can be read; the thread goes on until it is on the disk. By
            default until then.
        """
        with self._wake:
            self._ending = True
            self._wake.notify()
        if timeout_s is None:
            self._thread.join()
        else:
            self._over.wait(timeout_s)
        start_ns = self._writer.start_ns
        duration_s = 0.0 if start_ns is None else (self._writer.end_ns - start_ns) * 1e-9
        messages, duration_s = self._repaired or (self.messages, duration_s)
        return RecordingReport(
            self._kept,
            messages,
            sum(self.dropped.values()),
            duration_s,
            self.losses.total,
            self.error,
        )

    # -- the writer's thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            flushed_s = time.monotonic()
            while True:
                with self._wake:
                    if not self._ending:
                        self._wake.wait(min(0.05, self._flush_every_s))
                    ending = self._ending
                    batch = list(self._waiting)
                    self._waiting.clear()
                    if self._unflushed_since_s is None:
                        self._unflushed_since_s = self._waiting_since_s
                    self._waiting_since_s = None
                self._write(batch)
                if ending and not self._waiting:
                    break
                if time.monotonic() - flushed_s >= self._flush_every_s:
                    self._flush()
                    flushed_s = time.monotonic()
                self._judge()
            self._flush()
            self._writer.info = self._final_info()
            self._writer.finish()
            self._over.set()
            self._sync.stop()
            self._writer.close()
        except Exception as error:  # whatever it is, the recording must not end in silence
            self._fail(error)

    def _write(self, batch: list[tuple[str, bytes, int]]) -> None:
        self._unflushed += batch  # they are in the file when they have been flushed
        for topic, data, log_time_ns in batch:
            self._writer.write(topic, data, log_time_ns)
        with self._wake:
            self._bytes -= sum(len(data) for _, data, _ in batch)

    def _flush(self) -> None:
        if self._sync.error is not None:
            raise self._sync.error
        self._writer.flush()
        for topic, data, _ in self._unflushed:
            if topic in self._streams:
                self.losses.written(topic, data)
        if self._unflushed_since_s is not None:
            self._sync.written(self._unflushed_since_s)
        self._unflushed.clear()
        self._unflushed_since_s = None
        self._flushed.set()
        self._room_s = self._writer.room_s(time.monotonic() - self._began_s)

    def _judge(self) -> None:
        """Say so when the disk becomes too slow or nearly full, and when it is well again."""
        with self._judging:
            changed = self._pressure.update(
                time.monotonic(), self.backlog, self.unsafe_s, self._room_s
            )
            sentence = self._pressure.sentence
        if changed:
            self._on_pressure(sentence)

    def _final_info(self) -> SessionInfo:
        self.losses.end()
        names = tuple(self._names.get(i, '') for i in range(max(self._names, default=-1) + 1))
        return replace(self._writer.info, class_names=names, extra=self._extra())

    def _extra(self) -> dict[str, str]:
        return {
            **self._writer.info.extra,
            'lost_samples': self.losses.to_text(),
            'dropped_messages': json.dumps(dict(self.dropped)),
        }

    def _fail(self, error: Exception) -> None:
        told = str(error) or type(error).__name__
        with self._wake:  # from here on `put` refuses
            self.error = f'Recording {self.path} has ended: {told}.'
            for topic, data, _ in [*self._unflushed, *self._waiting]:
                self._drop(topic, data)
            self._waiting.clear()
            self._bytes = 0
        self.losses.end()
        self._sync.stop()
        self.error += f' {self._rescue()} Make room, or record elsewhere.'
        self._over.set()
        self._on_error(self.error)

    def _rescue(self) -> str:
        """Make what was written readable at once; return what there is to say of it."""
        try:
            self._kept = self._writer.abandon()
            report = repair_session(self._kept, {**self._extra(), 'error': self.error})
        except Exception as error:
            return f'What was written before is kept; it could not be repaired yet: {error}'
        self._repaired = (report.messages, report.duration_s)
        return f'What was written before is kept in {self._kept}. {report.sentence}'
