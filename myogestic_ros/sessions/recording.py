"""A recording that never keeps the sender waiting: a bounded queue and a writer thread."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.facts import SessionFacts
from myogestic_ros.sessions.writer import SessionWriter, Topic

__all__ = ['Recording', 'RecordingReport']


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
    error : str
        What ended it early, in a sentence; empty when it was ended in order.
    """

    path: Path
    messages: int
    dropped: int
    duration_s: float
    error: str = ''


class Recording:
    """Write serialized messages to a session from a thread of its own.

    Parameters
    ----------
    path : Path
        Folder of the session; must not exist.
    facts : SessionFacts
        What it is about.
    topics : list of Topic
        What can be put.
    queue_bytes : int
        Most bytes that may wait for the disk; messages beyond are dropped and counted.
    flush_every_s : float
        How often what was written is handed to the operating system, s: what a crash can cost.
    on_error : callable
        Called from the writer thread with a sentence when the disk fails.

    Raises
    ------
    SessionError
        When the session cannot be made.
    """

    def __init__(
        self,
        path: Path,
        facts: SessionFacts,
        topics: list[Topic],
        *,
        queue_bytes: int = 64 * 2**20,
        flush_every_s: float = 0.25,
        on_error: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.path = path
        self.dropped: Counter[str] = Counter()
        self.error = ''
        self._queue_bytes = queue_bytes
        self._flush_every_s = flush_every_s
        self._on_error = on_error
        self._names: dict[int, str] = dict(enumerate(facts.class_names))
        self._writer = SessionWriter(path, facts, topics)
        self._waiting: deque[tuple[str, bytes, int]] = deque()
        self._bytes = 0
        self._ending = False
        self._wake = threading.Condition()
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

    def note_class(self, index: int, name: str) -> None:
        """Add a class, seen in a label, to the session's facts."""
        self._names.setdefault(index, name)

    def put(self, topic: str, data: bytes, log_time_ns: int) -> bool:
        """Hand over a message; never waits. Return whether there was room for it.

        Raises
        ------
        SessionError
            When the topic is none of the recording's.
        """
        if not self._writer.has(topic):
            raise SessionError(f"Recording {self.path} has no topic '{topic}'; name it first.")
        with self._wake:
            if self._ending or self.error or self._bytes + len(data) > self._queue_bytes:
                self.dropped[topic] += 1
                return False
            self._waiting.append((topic, data, log_time_ns))
            self._bytes += len(data)
            return True  # the writer looks by itself: waking it for each message costs more

    def stop(self, timeout_s: float | None = None) -> RecordingReport:
        """Write what waits, close the session, and say how it went.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait; after it the thread goes on and ends by itself.
        """
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join(timeout_s)
        start_ns = self._writer.start_ns
        duration_s = 0.0 if start_ns is None else (self._writer.end_ns - start_ns) * 1e-9
        return RecordingReport(
            self.path, self.messages, sum(self.dropped.values()), duration_s, self.error
        )

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
                self._write(batch)
                if ending and not self._waiting:
                    break
                if time.monotonic() - flushed_s >= self._flush_every_s:
                    self._writer.flush()
                    flushed_s = time.monotonic()
            names = tuple(self._names.get(i, '') for i in range(max(self._names, default=-1) + 1))
            self._writer.facts = replace(self._writer.facts, class_names=names)
            self._writer.close()
        except Exception as error:  # whatever it is, the recording must not end in silence
            self._fail(error)

    def _write(self, batch: list[tuple[str, bytes, int]]) -> None:
        written = 0
        try:
            for topic, data, log_time_ns in batch:
                self._writer.write(topic, data, log_time_ns)
                written += 1
        except Exception:
            self.dropped.update(topic for topic, _, _ in batch[written:])
            raise
        with self._wake:
            self._bytes -= sum(len(data) for _, data, _ in batch)

    def _fail(self, error: Exception) -> None:
        with self._wake:  # from here on `put` refuses
            self.error = (
                f'Recording {self.path} has ended: {str(error) or type(error).__name__}. What was '
                f'written before is kept; make room, or record elsewhere.'
            )
            self.dropped.update(topic for topic, _, _ in self._waiting)
            self._waiting.clear()
            self._bytes = 0
        self._writer.abandon()
        self._on_error(self.error)
