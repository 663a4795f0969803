"""Segments of a recorded signal: one label, no lost samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, Samples, sample_time_ns
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_filter import StreamFilter
from myogestic_ros.sessions.reading.timeline import Timeline

__all__ = ['filtered_chunks', 'iter_segments']

MAX_SEGMENT_S = 15.0
"""Maximum length of a segment, s; limits the memory for sessions of any length."""


def filtered_chunks(chunks: Iterable[Chunk], filters: FilterSpec) -> Iterator[Chunk]:
    """Yield the filtered chunks of a stream, without the samples before the filter has settled.

    The filter is restarted after lost samples.
    """
    filtering: StreamFilter | None = None
    layout, next_sample, settled = (0, 0.0), -1, 0
    for chunk in chunks:
        changed = layout != (chunk.n_channels, chunk.sampling_rate)
        if filtering is None or changed:
            layout = (chunk.n_channels, chunk.sampling_rate)
            filtering = StreamFilter(filters, *layout)
        if changed or chunk.first_sample != next_sample:
            filtering.restart()
            settled = chunk.first_sample + filtering.settle_samples
        next_sample = chunk.end_sample
        data = filtering(chunk.data)
        skipped = min(max(0, settled - chunk.first_sample), chunk.n_samples)
        if skipped < chunk.n_samples:
            yield replace(
                chunk,
                first_sample=chunk.first_sample + skipped,
                stamp_ns=sample_time_ns(chunk.stamp_ns, skipped, chunk.sampling_rate),
                data=data[skipped:],
            )


def iter_segments(
    chunks: Iterable[Chunk], timeline: Timeline
) -> Iterator[tuple[int, Samples, Label, float]]:
    """Yield the segments of a stream, in order of time.

    Parameters
    ----------
    chunks : iterable of Chunk
        Chunks of one stream.
    timeline : Timeline
        Labels of the session.

    Yields
    ------
    start_ns : int
        Time of the first sample, ns.
    samples : ndarray, shape (n_samples, n_channels)
    label : Label
        Label in force; class index ``NO_CLASS`` if there is none.
    sampling_rate : float
        Hz.
    """
    held: list[Samples] = []
    length = 0
    start_ns, next_sample, under, rate = 0, -1, _NO_LABEL, 0.0
    for chunk in chunks:
        for first, piece, label in _by_label(chunk, timeline):
            joins = chunk.first_sample + first == next_sample and chunk.sampling_rate == rate
            if held and not (joins and label is under and length < MAX_SEGMENT_S * rate):
                yield start_ns, np.concatenate(held), under, rate
                held, length = [], 0
            if not held:
                start_ns = sample_time_ns(chunk.stamp_ns, first, chunk.sampling_rate)
            held.append(piece)
            length += len(piece)
            under, rate = label, chunk.sampling_rate
            next_sample = chunk.first_sample + first + len(piece)
    if held:
        yield start_ns, np.concatenate(held), under, rate


_NO_LABEL = Label(0, NO_CLASS)


def _by_label(chunk: Chunk, timeline: Timeline) -> Iterator[tuple[int, Samples, Label]]:
    """Yield (first sample, samples, label) of the parts of a chunk with one label."""
    start = 0
    while start < chunk.n_samples:
        at_ns = sample_time_ns(chunk.stamp_ns, start, chunk.sampling_rate)
        label, until_ns = timeline.label_at(at_ns)
        stop = chunk.n_samples
        if until_ns is not None:
            ahead = int(np.ceil((until_ns - chunk.stamp_ns) * 1e-9 * chunk.sampling_rate - 1e-6))
            stop = min(stop, max(start + 1, ahead))
        yield start, chunk.data[start:stop], label or _NO_LABEL
        start = stop
