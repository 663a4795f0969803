"""The repetitions in a session: which class, when, and whether they were completed."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.core.signals import NO_CLASS, Chunk, sample_time_ns
from myogestic_ros.sessions.reading.reader import EMG_FRAME, Session
from myogestic_ros.sessions.reading.timeline import Timeline

__all__ = ['Repetition', 'repetitions']

SHORT_BY_NS = 50_000_000
"""A repetition may be shorter than planned by so much: its cue was late, or the next early."""


@dataclass(frozen=True)
class Repetition:
    """One repetition of a class.

    Attributes
    ----------
    index, name : int, str
        The class.
    number : int
        Which of its repetitions in this session it is, from 0.
    start_ns : int
        When its cue was given, ns.
    duration_s : float
        How long it lasted, s.
    complete : bool
        Whether it lasted as long as it was planned; where no length was planned, whether its
        end is known.
    """

    index: int
    name: str
    number: int
    start_ns: int
    duration_s: float
    complete: bool

    @property
    def end_ns(self) -> int:
        """When it ended, ns."""
        return self.start_ns + round(self.duration_s * 1e9)


def repetitions(session: Session) -> list[Repetition]:
    """Return the repetitions in a session, in the order of their time.

    A repetition of a protocol says how long it is planned, and was completed if another label
    follows, and not before the planned end. So a protocol or a recorder that is stopped, or
    killed, leaves the truth: of the repetition that was going on no such label was recorded.
    Labels that no protocol gave last until the next one, or until the recording was stopped.

    When the last label is never ended, the session is read to find its end.
    """
    labels = Timeline(session.labels()).labels
    found: list[Repetition] = []
    for label, following in zip(labels, [*labels[1:], None], strict=False):
        if label.index == NO_CLASS:
            continue
        planned_ns = round(label.duration_s * 1e9)
        if following is not None:
            end_ns = following.stamp_ns
            complete = end_ns - label.stamp_ns >= planned_ns - SHORT_BY_NS
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
    """Return the time just after the last sample of all streams, ns; 0 when there is none.

    By the samples' own clock: the time of their recording is another one when they are replayed.
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
