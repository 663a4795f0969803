"""What spoils recorded data, found before a decoder is trained on it.

Thresholds, and why they are that, stand in the docstrings of the checks. They are meant to be
crossed by what harms, not by what is merely untidy: a warning that comes with every good
recording is not read.
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

__all__ = ['data_warnings', 'duplicates', 'imbalance', 'summaries_of', 'summary_warnings']


def summaries_of(data: TrainingData) -> list[SignalSummary]:
    """Return the summary of each session of a training, of its primary stream as filtered."""
    spec = data.streams[0]
    return [summarize_session(path, spec.name, spec.filters) for path in data.paths]


def data_warnings(
    data: TrainingData, summaries: Sequence[SignalSummary] | None = None
) -> list[str]:
    """Return what seems to be wrong with the sessions of a training, a sentence each.

    Parameters
    ----------
    data : TrainingData
        Sessions, streams, and the classes that are used.
    summaries : sequence of SignalSummary, optional
        What `summaries_of` returned, if it has been called already: it reads the sessions.
    """
    return summary_warnings(summaries_of(data) if summaries is None else summaries, data.classes)


def summary_warnings(
    summaries: Sequence[SignalSummary], classes: Iterable[int] = (), *, balance: bool = True
) -> list[str]:
    """Return the warnings of all checks.

    Parameters
    ----------
    summaries : sequence of SignalSummary
        One per session.
    classes : iterable of int
        Those that are used; empty: all.
    balance : bool
        Whether classes of very unequal size, or done once only, are worth a word.
    """
    wanted = set(classes)
    found: list[str] = []
    for summary in summaries:
        if not summary.stretches:
            continue
        for check in (dead_channels, saturation, offsets, mains, envelopes):
            found += check(summary)
        found += lag_warnings(summary)
        found += outlier_repetition_warnings(summary, wanted)
    if balance:
        found += imbalance(summaries, wanted)
    return found + duplicates(summaries)


def imbalance(summaries: Sequence[SignalSummary], classes: Iterable[int] = ()) -> list[str]:
    """Classes of very unequal size, or with one repetition only.

    Rest between cues is commonly as long as all gestures together and does no harm, so the
    largest class only counts when it holds four fifths of all: a decoder that always says it is
    right in 80 % then. A class with less than a third of the usual signal of a class is one that
    the decoder will miss. And what was done once cannot be tested: there is nothing to compare.
    """
    wanted = set(classes)
    seconds: dict[str, float] = {}
    repetitions: dict[str, int] = {}
    for summary in summaries:
        for (index, _), stretches in summary.cues().items():
            if wanted and index not in wanted:
                continue
            name = stretches[0].class_name or f'class {index}'
            length = sum(stretch.n_samples for stretch in stretches) / summary.sampling_rate
            seconds[name] = seconds.get(name, 0.0) + length
            repetitions[name] = repetitions.get(name, 0) + 1
    if len(seconds) < 2:
        return []
    found = []
    total, usual = sum(seconds.values()), float(np.median(list(seconds.values())))
    largest = max(seconds, key=lambda name: seconds[name])
    if seconds[largest] > 0.8 * total:
        found.append(
            f"'{largest}' makes up {seconds[largest] / total:.0%} of the labelled signal: a decoder "
            f'that always says so is right as often. Look at the balanced accuracy.'
        )
    for name, length in seconds.items():
        if length < usual / 3 and name != largest:
            found.append(
                f"'{name}' has {length:.1f} s of signal, the usual class {usual:.1f} s: it will be "
                f'missed. Record more of it.'
            )
    once = [name for name, count in repetitions.items() if count == 1]
    if once:
        found.append(
            f'Only one repetition of {", ".join(once)}: how well that is told cannot be tested. '
            f'Record each cue at least twice, better four times.'
        )
    return found


def duplicates(summaries: Sequence[SignalSummary]) -> list[str]:
    """Repetitions that are copies of others, within a session or between them.

    Two recordings never agree in four samples in a row on all channels, except by chance where
    the signal is coarse and quiet (an 8 bit armband at rest): so a copy is called one only when
    half of all such fingerprints agree. A copy in training and in test makes any decoder look
    perfect.
    """
    entries = [
        (summary.session, f'{stretches[0].class_name or index} {repetition + 1}', prints)
        for summary in summaries
        for (index, repetition), stretches in summary.cues().items()
        if len(prints := np.unique(np.concatenate([s.fingerprints for s in stretches]))) > 20
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
        f'{len(copies)} repetition(s) are copies of others, samples and all (in {where}: {second} '
        f'is {first}): whatever is tested on a copy of what it was trained on looks perfect. '
        f'Leave the copies out.'
    ]
