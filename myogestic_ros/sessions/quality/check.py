"""Whether a session is fit to train on, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sessions.quality.statistics import StreamSurvey, Survey, survey
from myogestic_ros.sessions.reading.reader import EMG_FRAME, Session
from myogestic_ros.sessions.reading.repetitions import repetitions

__all__ = ['Finding', 'check_session', 'findings_of']

RATE_TOLERANCE = 0.02
"""The rate that the stamps tell may be so far from the nominal one, as a share."""

PLAUSIBLE_V = (1e-8, 0.05)
"""Between these lies the largest swing of any EMG, raw offsets aside; else the scale is wrong."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes
    ----------
    what, advice : str
        What was found and what to do about it, each in a sentence.
    fault : bool
        Whether it is wrong; else it is only worth knowing.
    """

    what: str
    advice: str
    fault: bool = True


def check_session(path: Path) -> list[Finding]:
    """Return what is not as it should be in a session; empty: it is fit to train on."""
    try:
        session = Session(path)
        found = survey(session)
    except SessionError as error:
        return [
            Finding(str(error), 'Try "myogestic sessions repair" on it; else take it from a copy.')
        ]
    return findings_of(found)


def findings_of(found: Survey) -> list[Finding]:
    """Return what is not as it should be in a session that was looked through."""
    findings = list(_of_the_bag(found))
    for stream in found.streams:
        if stream.n_samples:
            findings += _of_a_stream(stream)
        else:
            findings.append(
                Finding(f'{stream.topic} has no samples.', 'Was its driver active?', fault=False)
            )
    findings += _of_the_labels(found)
    return findings


def _of_the_bag(found: Survey) -> Iterator[Finding]:
    session = found.session
    recovered = session.info.extra.get('recovered', '')
    if recovered:
        yield Finding(recovered, 'It trains as any other.', fault=False)
    elif not session.bag.complete:
        yield Finding(
            'The recording was cut: its end and its index are missing.',
            'Run "myogestic sessions repair" on it; it trains as far as it goes.',
        )
    if not any(s.msgtype == EMG_FRAME and s.n_samples for s in found.streams):
        held = ', '.join(f'{t} ({m})' for t, m in session.bag.topics.items()) or 'no topics'
        yield Finding(
            f'There is no signal in it: expected samples of {EMG_FRAME}, it holds {held}.',
            'Record the topic that the driver publishes (ros2 bag record emg emg/info label).',
        )
    for topic, count in sorted(session.malformed.items()):
        yield Finding(
            f'{_many(count, "message")} on {topic} cannot be understood; they are skipped.',
            'Was it recorded with another version of the message, or is the file damaged?',
        )


def _of_a_stream(stream: StreamSurvey) -> Iterator[Finding]:
    topic = stream.topic
    channels, rate = stream.formats[0]
    if len(stream.formats) > 1:
        told = ', '.join(f'{c} channels at {r:g} Hz' for c, r in stream.formats)
        yield Finding(
            f'{topic} changes: {told}.', 'Record a session anew whenever the device is set anew.'
        )
    info = stream.info
    if info is not None and (info.n_channels, info.sampling_rate) != (channels, rate):
        yield Finding(
            f'{topic}/info says {info.n_channels} channels at {info.sampling_rate:g} Hz, its '
            f'frames say {channels} at {rate:g} Hz.',
            'The frames are believed; mend the driver.',
        )
    forward = [gap for gap in stream.gaps if gap.missing > 0]
    if forward:
        worst = max(forward, key=lambda gap: gap.missing)
        share = stream.lost / (stream.lost + stream.n_samples)
        yield Finding(
            f'{topic} lacks {_many(stream.lost, "sample")} ({share:.2%}) in '
            f'{_many(len(forward), "gap")}; the longest is {worst.missing / rate:.3g} s at '
            f'{worst.at_s:.2f} s.',
            'No window spans a gap, so what is there trains; a slow network or machine, or lines '
            'that were skipped, make them.',
        )
    back = [gap for gap in stream.gaps if gap.missing < 0]
    if back:
        yield Finding(
            f'{topic} begins anew {_many(len(back), "time")}, the first at {back[0].at_s:.2f} s.',
            'Was the driver restarted, or do two of them publish on one topic?',
        )
    if stream.backwards:
        yield Finding(
            f'{topic}: {_many(stream.backwards, "frame")} stamped before the one before.',
            'Was the clock set, or do two drivers publish on one topic?',
        )
    yield from _of_the_values(stream)
    measured = stream.measured_hz
    if stream.msgtype == EMG_FRAME and abs(measured / rate - 1) > RATE_TOLERANCE:
        yield Finding(
            f'{topic} says {rate:g} Hz, its stamps say {measured:.6g} Hz.',
            'Set the right rate in the driver, or (import) in the mapping: windows would be of '
            'another length than live ones.',
        )


def _of_the_values(stream: StreamSurvey) -> Iterator[Finding]:
    topic = stream.topic
    bad = [(stream.channel_name(c), int(n)) for c, n in enumerate(stream.non_finite) if n]
    if bad:
        told = ', '.join(f'{name} ({count})' for name, count in bad[:8])
        yield Finding(
            f'{topic} holds samples that are no finite numbers: {told}.',
            'Training refuses windows with such; leave the channel out, or mend the driver.',
        )
    flat = stream.flat
    if flat:
        told = ', '.join(stream.channel_name(channel) for channel in flat[:8])
        more = f' and {len(flat) - 8} more' if len(flat) > 8 else ''
        yield Finding(
            f'{topic}: these channels never change: {told}{more}.',
            'Is the electrode connected? A flat channel tells a decoder nothing.',
        )
    if stream.msgtype != EMG_FRAME or len(flat) == len(stream.low):
        return
    swing = float((stream.high - stream.low).max())
    low, high = PLAUSIBLE_V
    if not low < swing < high:
        yield Finding(
            f'{topic} swings by {swing:.3g} V; EMG swings by some µV to some mV.',
            'Is the scale right (volt per unit)? It only moves the amplitude, but a model does '
            'not fit another one.',
            fault=False,
        )


def _of_the_labels(found: Survey) -> Iterator[Finding]:
    names = found.session.info.class_names
    if not any(label.index != NO_CLASS for label in found.labels):
        yield Finding(
            'There are no labels.',
            'Set some while recording (recorder/set_label), or name them in the mapping (import).',
            fault=False,
        )
        return
    wrong = {
        (label.index, label.name)
        for label in found.labels
        if label.index < NO_CLASS
        or (names and label.index >= len(names))
        or (names and label.index >= 0 and label.name and names[label.index] != label.name)
    }
    for index, name in sorted(wrong):
        known = ', '.join(f'{i} {n}' for i, n in enumerate(names))
        yield Finding(
            f"Label {index} '{name}' is none of the session's classes: {known}.",
            'Whoever publishes labels must take the index from the class names.',
        )
    empty = [s for s in found.spans if s.label.index != NO_CLASS and not s.n_samples]
    if empty and found.primary is not None:
        told = ', '.join(f"'{s.label.name}' at {s.start_s:.2f} s" for s in empty[:4])
        yield Finding(
            f'{_many(len(empty), "label")} with no samples: {told}.',
            'Was the stream silent then, or the label stamped by another clock?',
        )
    said = {label.index for label in found.labels}
    never = [name for index, name in enumerate(names) if name and index not in said]
    if never:
        yield Finding(
            f'No label is of {", ".join(never)}, which the session names.',
            'Was it left out, or labelled as another class?',
            fault=False,
        )
    yield from _of_the_protocol(found)
    for (_, name), spans in found.class_spans().items():
        held = {span.label.repetition for span in spans if span.n_samples}
        if len(held) == 1:
            yield Finding(
                f"'{name}' has one repetition.",
                'It trains, but no score can be told: that takes a repetition to leave out.',
                fault=False,
            )


def _of_the_protocol(found: Survey) -> Iterator[Finding]:
    if not any(label.duration_s for label in found.labels):
        return
    cut = [repetition for repetition in repetitions(found.session) if not repetition.complete]
    if cut:
        told = ', '.join(f"'{r.name}' {r.number + 1} ({r.duration_s:.2f} s)" for r in cut[:4])
        yield Finding(
            f'{_many(len(cut), "repetition")} not completed: {told}.',
            'The protocol was stopped there; such can be left out (complete_only).',
            fault=False,
        )


def _many(count: int, noun: str) -> str:
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'
