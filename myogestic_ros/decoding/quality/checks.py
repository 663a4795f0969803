"""Checks of recorded sessions before a decoder is trained on them.

Each check documents its threshold and the reason for it. Thresholds are chosen so that good
recordings give no warning: warnings that are always there are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.quality.label_lag import lag_warnings
from myogestic_ros.decoding.quality.outlier_repetitions import outlier_repetition_warnings
from myogestic_ros.decoding.quality.signal_quality import (
    dead_channels,
    envelopes,
    mains,
    offsets,
    saturation,
)
from myogestic_ros.decoding.quality.signal_summary import SignalSummary, summarize_session

__all__ = ['data_warnings', 'duplicates', 'imbalance', 'session_summaries', 'summary_warnings']


def session_summaries(data: TrainingData) -> list[SignalSummary]:
    """Return the summary of the filtered primary stream of each session of a training."""
    spec = data.streams[0]
    return [summarize_session(path, spec.name, spec.filters) for path in data.paths]


def data_warnings(
    data: TrainingData, summaries: Sequence[SignalSummary] | None = None
) -> list[str]:
    """Return warnings about the sessions of a training, one sentence each.

    Parameters
    ----------
    data : TrainingData
        Sessions, streams and classes.
    summaries : sequence of SignalSummary, optional
        Result of `session_summaries`; by default, the sessions are read again.
    """
    return summary_warnings(
        session_summaries(data) if summaries is None else summaries, data.classes
    )


def summary_warnings(
    summaries: Sequence[SignalSummary], classes: Iterable[int] = (), *, balance: bool = True
) -> list[str]:
    """Return the warnings of all checks.

    Parameters
    ----------
    summaries : sequence of SignalSummary
        One per session.
    classes : iterable of int
        Class indices to check; empty: all.
    balance : bool
        Include the warnings of `imbalance`.
    """
    wanted = set(classes)
    found: list[str] = []
    for summary in summaries:
        if not summary.segments:
            continue
        for check in (dead_channels, saturation, offsets, mains, envelopes):
            found += check(summary)
        found += lag_warnings(summary)
        found += outlier_repetition_warnings(summary, wanted)
    if balance:
        found += imbalance(summaries, wanted)
    return found + duplicates(summaries)


def imbalance(summaries: Sequence[SignalSummary], classes: Iterable[int] = ()) -> list[str]:
    """Warn about classes of very unequal duration, or with one repetition only.

    Rest between cues is commonly as long as all gestures together, which is harmless. The largest
    class is therefore reported only above 80 % of the labelled signal: a decoder that always
    predicts this class is then correct in 80 %. A class with less than a third of the median
    duration will often be missed. A class with a single repetition cannot be tested.

    Parameters
    ----------
    summaries : sequence of SignalSummary
        One per session.
    classes : iterable of int
        Class indices to check; empty: all.
    """
    wanted = set(classes)
    seconds: dict[str, float] = {}
    repetitions: dict[str, int] = {}
    for summary in summaries:
        for (index, _), segments in summary.cues().items():
            if wanted and index not in wanted:
                continue
            name = segments[0].class_name or f'class {index}'
            length = sum(segment.n_samples for segment in segments) / summary.sampling_rate
            seconds[name] = seconds.get(name, 0.0) + length
            repetitions[name] = repetitions.get(name, 0) + 1
    if len(seconds) < 2:
        return []
    found = []
    total, usual = sum(seconds.values()), float(np.median(list(seconds.values())))
    largest = max(seconds, key=lambda name: seconds[name])
    if seconds[largest] > 0.8 * total:
        found.append(
            f"Class '{largest}' is {seconds[largest] / total:.0%} of the labelled signal: a decoder "
            f'that always predicts it has this accuracy. Use the balanced accuracy.'
        )
    for name, length in seconds.items():
        if length < usual / 3 and name != largest:
            found.append(
                f"Class '{name}' has {length:.1f} s of signal, the median class {usual:.1f} s: it "
                f'will often be missed. Record more of it.'
            )
    once = [name for name, count in repetitions.items() if count == 1]
    if once:
        found.append(
            f'Only one repetition of {", ".join(once)}: the accuracy of these classes cannot be '
            f'tested. Record each cue at least twice, preferably four times.'
        )
    return found


def duplicates(summaries: Sequence[SignalSummary]) -> list[str]:
    """Warn about repetitions that are copies of others, within a session or between sessions.

    Two recordings do not agree in four successive samples on all channels, except by chance at low
    resolution and amplitude (an 8-bit armband at rest). A repetition is reported as a copy if more
    than half of these fingerprints agree. With a copy in both training and test data, the accuracy
    is too high.

    Parameters
    ----------
    summaries : sequence of SignalSummary
        One per session.
    """
    entries = [
        (summary.session, f'{segments[0].class_name or index} {repetition + 1}', prints)
        for summary in summaries
        for (index, repetition), segments in summary.cues().items()
        if len(prints := np.unique(np.concatenate([s.fingerprints for s in segments]))) > 20
    ]
    if len(entries) < 2:
        return []
    owners = np.repeat(np.arange(len(entries)), [len(prints) for _, _, prints in entries])
    values = np.concatenate([prints for _, _, prints in entries])
    order = np.argsort(values, kind='stable')
    owners, values = owners[order], values[order]
    same = values[1:] == values[:-1]
    pairs: dict[tuple[int, int], int] = {}
    for a, b in zip(owners[:-1][same].tolist(), owners[1:][same].tolist(), strict=True):
        pairs[a, b] = pairs.get((a, b), 0) + 1
    copies = [
        (entries[a], entries[b])
        for (a, b), count in sorted(pairs.items())
        if count > 0.5 * min(len(entries[a][2]), len(entries[b][2]))
    ]
    if not copies:
        return []
    (one, first, _), (two, second, _) = copies[0]
    where = f"session '{one}'" if one == two else f"sessions '{one}' and '{two}'"
    return [
        f'{len(copies)} repetition(s) are copies of others, with identical samples (in {where}: '
        f'{second} is {first}): an accuracy tested on copies of training data is too high. Leave '
        f'the copies out.'
    ]
