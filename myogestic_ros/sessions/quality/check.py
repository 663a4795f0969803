"""Check a recorded session for problems that affect training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import MAX_CLASSES, NO_CLASS
from myogestic_ros.core.untrusted import MAX_NAME
from myogestic_ros.sessions.quality.statistics import (
    SessionStatistics,
    StreamStatistics,
    session_statistics,
)
from myogestic_ros.sessions.reading.reader import EMG_FRAME, Session
from myogestic_ros.sessions.reading.repetitions import repetitions
from myogestic_ros.sessions.storage.message_conversion import MAX_DURATION_S

__all__ = ['Finding', 'check_session', 'check_statistics']

RATE_TOLERANCE = 0.02
"""Maximum relative difference between the sampling rate of the stamps and the nominal one."""

PLAUSIBLE_V = (1e-8, 0.05)
"""Plausible range of the largest peak-to-peak amplitude; outside it, the scale is wrong."""


@dataclass(frozen=True)
class Finding:
    """Problem found in a session.

    Attributes
    ----------
    message, advice : str
        Description of the problem and of its solution.
    is_error : bool
        True for an error, False for information.
    """

    message: str
    advice: str
    is_error: bool = True


def check_session(path: Path) -> list[Finding]:
    """Check a session for problems that affect training.

    Reads the whole session.

    Parameters
    ----------
    path : Path
        Folder of the session.

    Returns
    -------
    list of Finding
        Problems; empty if there are none.
    """
    try:
        statistics = session_statistics(Session(path))
    except SessionError as error:
        return [
            Finding(
                str(error),
                'Run "myogestic sessions repair", or restore the session from a copy.',
            )
        ]
    return check_statistics(statistics)


def check_statistics(statistics: SessionStatistics) -> list[Finding]:
    """Check the statistics of a session for problems that affect training."""
    findings = list(_check_bag(statistics))
    for stream in statistics.streams:
        if stream.n_samples:
            findings += _check_stream(stream)
        else:
            findings.append(
                Finding(
                    f'{stream.topic} has no samples.',
                    'Check if its driver was active.',
                    is_error=False,
                )
            )
    findings += _check_labels(statistics)
    return findings


def _check_bag(statistics: SessionStatistics) -> Iterator[Finding]:
    session = statistics.session
    recovered = session.info.extra.get('recovered', '')
    if recovered:
        yield Finding(
            recovered,
            'No action needed: the recovered data can be used for training.',
            is_error=False,
        )
    elif not session.bag.complete:
        yield Finding(
            'The recording was interrupted: the summary at its end is missing.',
            'Run "myogestic sessions repair".',
        )
    if not any(s.msgtype == EMG_FRAME and s.n_samples for s in statistics.streams):
        topics = ', '.join(f'{t} ({m})' for t, m in session.bag.topics.items()) or 'no topics'
        yield Finding(
            f'The session has no signal: expected samples of {EMG_FRAME}, got {topics}.',
            'Record the topic that the driver publishes (ros2 bag record emg emg/info label).',
        )
    for topic, count in sorted(session.malformed.items()):
        yield Finding(
            f'{topic} has {_count(count, "malformed message")}, skipped.',
            'Check if another version of the message was recorded, or if the file is damaged.',
        )
    corrected = session.corrected_labels
    if corrected:
        examples = ', '.join(sorted(corrected)[:4])
        yield Finding(
            f'{_count(sum(corrected.values()), "value")} of labels out of range, corrected: {examples}.',
            f'Names are cut to {MAX_NAME} characters, planned durations above '
            f'{MAX_DURATION_S / 3600:g} h are ignored, and a class index of {MAX_CLASSES} or more '
            f'counts as no class; correct the publisher of the labels.',
        )


def _check_stream(stream: StreamStatistics) -> Iterator[Finding]:
    topic = stream.topic
    channels, rate = stream.formats[0]
    if len(stream.formats) > 1:
        formats = ', '.join(f'{c} channels at {r:g} Hz' for c, r in stream.formats)
        yield Finding(
            f'The format of {topic} changes: {formats}.',
            'Record a new session after each change of the device settings.',
        )
    info = stream.info
    if info is not None and (info.n_channels, info.sampling_rate) != (channels, rate):
        yield Finding(
            f'{topic}/info has {info.n_channels} channels at {info.sampling_rate:g} Hz, but the '
            f'frames have {channels} channels at {rate:g} Hz.',
            'The format of the frames is used; correct the driver.',
        )
    forward = [gap for gap in stream.gaps if gap.missing > 0]
    if forward:
        worst = max(forward, key=lambda gap: gap.missing)
        fraction = stream.lost / (stream.lost + stream.n_samples)
        yield Finding(
            f'{topic} lost {_count(stream.lost, "sample")} ({fraction:.2%}) in '
            f'{_count(len(forward), "gap")}; the longest is {worst.missing / rate:.3g} s at '
            f'{worst.at_s:.2f} s.',
            'Windows do not span gaps, so the other samples can be used for training. Possible '
            'causes: an overloaded network or machine, or skipped lines of an imported file.',
        )
    back = [gap for gap in stream.gaps if gap.missing < 0]
    if back:
        yield Finding(
            f'The sample index of {topic} was reset {_count(len(back), "time")}, first at '
            f'{back[0].at_s:.2f} s.',
            'Check if the driver was restarted, or if two drivers publish on the topic.',
        )
    if stream.backwards:
        yield Finding(
            f'{topic} has {_count(stream.backwards, "frame")} with a stamp before the previous one.',
            'Check if the clock was set, or if two drivers publish on the topic.',
        )
    yield from _check_values(stream)
    measured = stream.measured_hz
    if stream.msgtype == EMG_FRAME and abs(measured / rate - 1) > RATE_TOLERANCE:
        yield Finding(
            f'The sampling rate of {topic} is {rate:g} Hz, but {measured:.6g} Hz by its stamps.',
            'Set the correct rate in the driver, or in the mapping of an imported file: otherwise '
            'windows have a different length than live ones.',
        )


def _check_values(stream: StreamStatistics) -> Iterator[Finding]:
    topic = stream.topic
    bad = [(stream.channel_name(c), int(n)) for c, n in enumerate(stream.non_finite) if n]
    if bad:
        channels = ', '.join(f'{name} ({count})' for name, count in bad[:8])
        yield Finding(
            f'{topic} has samples that are NaN or infinite: {channels}.',
            'Training rejects such windows; exclude the channel, or correct the driver.',
        )
    flat = stream.flat
    if flat:
        channels = ', '.join(stream.channel_name(channel) for channel in flat[:8])
        more = f' and {len(flat) - 8} more' if len(flat) > 8 else ''
        yield Finding(
            f'{topic} has constant channels: {channels}{more}.',
            'Check the electrode: a constant channel has no information for a decoder.',
        )
    if stream.msgtype != EMG_FRAME or len(flat) == len(stream.low):
        return
    peak_to_peak = float((stream.high - stream.low).max())
    low, high = PLAUSIBLE_V
    if not low < peak_to_peak < high:
        yield Finding(
            f'The peak-to-peak amplitude of {topic} is {peak_to_peak:.3g} V; that of EMG is some µV '
            f'to some mV.',
            'Check the scale (volt per unit): a model works only with the scale of its training.',
            is_error=False,
        )


def _check_labels(statistics: SessionStatistics) -> Iterator[Finding]:
    names = statistics.session.info.class_names
    if not any(label.index != NO_CLASS for label in statistics.labels):
        yield Finding(
            'The session has no labels.',
            'Set labels while recording (recorder/set_label), or in the mapping of an imported '
            'file.',
            is_error=False,
        )
        return
    wrong = {
        (label.index, label.name)
        for label in statistics.labels
        if label.index < NO_CLASS
        or (names and label.index >= len(names))
        or (names and label.index >= 0 and label.name and names[label.index] != label.name)
    }
    for index, name in sorted(wrong):
        known = ', '.join(f'{i} {n}' for i, n in enumerate(names))
        yield Finding(
            f"Label {index} '{name}' is not a class of the session: {known}.",
            'The publisher of the labels must use the index of the class in class_names.',
        )
    empty = [s for s in statistics.spans if s.label.index != NO_CLASS and not s.n_samples]
    if empty and statistics.primary is not None:
        labels = ', '.join(f"'{s.label.name}' at {s.start_s:.2f} s" for s in empty[:4])
        yield Finding(
            f'{_count(len(empty), "label")} without samples: {labels}.',
            'Check if the stream was interrupted, or if the label has the stamp of another clock.',
        )
    labeled = {label.index for label in statistics.labels}
    unlabeled = [name for index, name in enumerate(names) if name and index not in labeled]
    if unlabeled:
        yield Finding(
            f'Classes of the session without labels: {", ".join(unlabeled)}.',
            'Check if they were omitted, or labelled as another class.',
            is_error=False,
        )
    yield from _check_protocol(statistics)
    for (_, name), spans in statistics.class_spans().items():
        repetitions_found = {span.label.repetition for span in spans if span.n_samples}
        if len(repetitions_found) == 1:
            yield Finding(
                f"Class '{name}' has a single repetition.",
                'It can be used for training, but cross-validation needs at least two repetitions.',
                is_error=False,
            )


def _check_protocol(statistics: SessionStatistics) -> Iterator[Finding]:
    if not any(label.duration_s for label in statistics.labels):
        return
    incomplete = [
        repetition for repetition in repetitions(statistics.session) if not repetition.complete
    ]
    if incomplete:
        cues = ', '.join(
            f"'{r.name}' {r.number + 1} ({r.duration_s:.2f} s)" for r in incomplete[:4]
        )
        yield Finding(
            f'{_count(len(incomplete), "repetition")} not completed: {cues}.',
            'The protocol was stopped; exclude incomplete repetitions with complete_only.',
            is_error=False,
        )


def _count(count: int, noun: str) -> str:
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'
