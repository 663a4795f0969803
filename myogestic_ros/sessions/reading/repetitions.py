"""List the repetitions of a session: class, time, and completion."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.core.signals import NO_CLASS, Chunk, sample_time_ns
from myogestic_ros.sessions.reading.reader import EMG_FRAME, Session
from myogestic_ros.sessions.reading.timeline import Timeline

__all__ = ['Repetition', 'repetitions']

DURATION_TOLERANCE_NS = 50_000_000
"""A complete repetition may be shorter than planned by this time: cues have jitter."""


@dataclass(frozen=True)
class Repetition:
    """Repetition of a class.

    Attributes
    ----------
    index, name : int, str
        Class index and class name.
    number : int
        Number of the repetition of this class in the session, from 0.
    start_ns : int
        Time of the cue, ns.
    duration_s : float
        Duration, s.
    complete : bool
        True if the repetition lasted as long as planned; without a planned duration, true if its
        end was recorded.
    """

    index: int
    name: str
    number: int
    start_ns: int
    duration_s: float
    complete: bool

    @property
    def end_ns(self) -> int:
        """Time of the end, ns."""
        return self.start_ns + round(self.duration_s * 1e9)


def repetitions(session: Session) -> list[Repetition]:
    """Return the repetitions of a session in the order of time.

    A label of a protocol contains the planned duration of its repetition. The repetition is
    complete if another label follows, not before the planned end; that label is missing when the
    protocol or the recorder is stopped or killed. A repetition without planned duration lasts
    until the next label, or until the end of the recording.

    Reads all samples of the session if the last label has no end.

    Parameters
    ----------
    session : Session
        Session.

    Raises
    ------
    SessionError
        If the session cannot be read.
    """
    labels = Timeline(session.labels()).labels
    found: list[Repetition] = []
    for label, following in zip(labels, [*labels[1:], None], strict=False):
        if label.index == NO_CLASS:
            continue
        planned_ns = round(label.duration_s * 1e9)
        if following is not None:
            end_ns = following.stamp_ns
            complete = end_ns - label.stamp_ns >= planned_ns - DURATION_TOLERANCE_NS
        else:
            end_ns = max(_end_ns(session), label.stamp_ns)
            complete = session.bag.complete and not planned_ns
        if planned_ns:
            end_ns = min(end_ns, label.stamp_ns + planned_ns)
        duration_s = (end_ns - label.stamp_ns) * 1e-9
        found.append(
            Repetition(
                label.index, label.name, label.repetition, label.stamp_ns, duration_s, complete
            )
        )
    return found


def _end_ns(session: Session) -> int:
    """Return the end of the last sample of all EmgFrame streams, ns; 0 without samples.

    Uses the stamps of the samples: log times differ from them in a recorded replay.
    """
    end_ns = 0
    for topic, msgtype in session.bag.topics.items():
        if msgtype == EMG_FRAME:
            last: Chunk | None = None
            for last in session.chunks(topic):  # noqa: B007
                pass
            if last is not None:
                stop_ns = sample_time_ns(last.stamp_ns, last.n_samples, last.sampling_rate)
                end_ns = max(end_ns, stop_ns)
    return end_ns
