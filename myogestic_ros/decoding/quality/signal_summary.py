"""What a recorded signal looks like: the figures that tell good data from spoilt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, Samples, samples_in
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.decoding.quality.segments import filtered_chunks, iter_segments
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline

__all__ = ['SignalSummary', 'Segment', 'summarize', 'summarize_session']

BIN_MS = 20.0
"""Step of the amplitude course, ms: an onset is known to that."""

SETTLED_MS = 500.0
"""Left out at the beginning of a cue where its pattern is measured, ms."""

SHINGLE = 4
"""So many samples in a row make a fingerprint: chance does not repeat them."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A stretch of signal under one label, without a gap.

    Attributes
    ----------
    class_index, class_name, repetition : int, str, int
        The label in force; class index ``NO_CLASS`` when there is none.
    n_samples : int
        Length, samples.
    mean, deviation, low, high : ndarray, shape (n_channels,)
        Mean, standard deviation and extremes, volt.
    held : ndarray, shape (n_channels,)
        Share of the samples that lie at the high or low end, several in a row: 0 to 1.
    spectrum : ndarray, shape (n_channels, n_frequencies)
        Power at 0, 1, 2 … Hz (Welch), volt².
    covariance : ndarray, shape (n_channels, n_channels)
        Of the settled part, volt².
    fingerprints : ndarray of uint64
        Of each few samples in a row, those apart that stand still.
    """

    class_index: int
    class_name: str
    repetition: int
    n_samples: int
    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats
    held: Floats
    spectrum: Floats
    covariance: Floats
    fingerprints: NDArray[np.uint64]


@dataclass(frozen=True)
class SignalSummary:
    """What the signal of one session looks like.

    Attributes
    ----------
    session : str
        Its name.
    sampling_rate : float
        In Hz.
    channel_names : tuple of str
        One per channel.
    stretches : list of Segment
        In the order of time.
    course : ndarray, shape (n_bins, n_channels)
        Amplitude (RMS about the mean) in bins of `BIN_MS`, volt; NaN where samples are missing.
    cue_bins : list of (float, int)
        When each label began, in bins from the first sample, and its class.
    """

    session: str
    sampling_rate: float
    channel_names: tuple[str, ...]
    stretches: list[Segment]
    course: Floats
    cue_bins: list[tuple[float, int]]

    def cues(self) -> dict[tuple[int, int], list[Segment]]:
        """Return the labelled stretches by class and repetition, in the order of time."""
        found: dict[tuple[int, int], list[Segment]] = {}
        for stretch in self.stretches:
            if stretch.class_index != NO_CLASS:
                found.setdefault((stretch.class_index, stretch.repetition), []).append(stretch)
        return found


def summarize_session(
    path: Path | str, stream: str, filters: FilterSpec | None = None
) -> SignalSummary:
    """Summarize a stream of a recorded session; it is read as a stream, never as a whole.

    Parameters
    ----------
    path : Path or str
        The session.
    stream : str
        Name of the stream.
    filters : FilterSpec, optional
        What it passes through first, as before a decoder; None: nothing.
    """
    session = Session(path)
    info = session.stream_info(stream)
    names = info.channel_names if info is not None else ()
    # Frames decoded many at a time: reading them one by one takes longer than all that follows.
    chunks: Iterable[Chunk] = chain.from_iterable(b.chunks() for b in session.blocks(stream))
    if filters is not None and not filters.is_off:
        chunks = filtered_chunks(chunks, filters)
    return summarize(session.name, chunks, session.labels(), names)


def summarize(
    name: str, chunks: Iterable[Chunk], labels: Sequence[Label], channel_names: Sequence[str] = ()
) -> SignalSummary:
    """Summarize a signal.

    Parameters
    ----------
    name : str
        What the session is called.
    chunks : iterable of Chunk
        Its samples, in order.
    labels : sequence of Label
        Its labels, in order.
    channel_names : sequence of str
        One per channel; when there are not as many, they are called by number, from 1.
    """
    stretches: list[Segment] = []
    courses: list[Floats] = []
    rate, width, first_ns, bins = 0.0, 0, 0, 0
    for start_ns, data, label, rate in iter_segments(chunks, Timeline(list(labels))):
        if not bins:
            first_ns, width = start_ns, data.shape[1]
        if data.shape[1] != width:
            break  # another electrode set from here on; training says so
        at = round((start_ns - first_ns) / (BIN_MS * 1e6))
        if at > bins:
            courses.append(np.full((min(at - bins, 3000), width), np.nan))
            bins += len(courses[-1])
        course = _course(data, rate)
        courses.append(course)
        bins += len(course)
        stretches.append(_measure(data, label, rate))
    known = tuple(channel_names)
    if len(known) != width:
        known = tuple(f'{channel + 1}' for channel in range(width))
    return SignalSummary(
        name,
        rate,
        known,
        stretches,
        np.concatenate(courses) if courses else np.zeros((0, width)),
        [
            ((label.stamp_ns - first_ns) / (BIN_MS * 1e6), label.index)
            for label in Timeline(list(labels)).labels
        ],
    )


def _course(data: Samples, rate: float) -> Floats:
    """Return the amplitude in bins, shape (n_bins, n_channels)."""
    edges = np.arange(0, len(data) * 1e3 / rate, BIN_MS) * rate / 1e3
    starts = np.unique(np.minimum(edges.round().astype(np.intp), len(data) - 1))
    x = np.asarray(data, np.float64)
    lengths = np.diff([*starts, len(x)])[:, np.newaxis]
    # About the mean: a DC offset is no amplitude.
    centred = x - x.mean(axis=0)
    power: Floats = np.add.reduceat(centred**2, starts, axis=0) / lengths
    return np.sqrt(power)


def _measure(data: Samples, label: Label, rate: float) -> Segment:
    x = np.asarray(data, np.float64)
    low, high = x.min(axis=0), x.max(axis=0)
    settled = x[samples_in(SETTLED_MS, rate) :]
    settled = settled if len(settled) > samples_in(SETTLED_MS, rate) else x
    centred = settled - settled.mean(axis=0)
    return Segment(
        label.index,
        label.name,
        label.repetition,
        len(x),
        x.mean(axis=0),
        x.std(axis=0),
        low,
        high,
        _held(x, low, high),
        _spectrum(x, rate),
        centred.T @ centred / len(centred),
        _fingerprints(data),
    )


def _held(x: Floats, low: Floats, high: Floats) -> Floats:
    """Return the share of samples at an end of the range, at least three in a row."""
    share = np.zeros(x.shape[1])
    if len(x) < 3:
        return share
    for end in (low, high):
        at = x == end
        runs = at[2:] & at[1:-1] & at[:-2]
        share += runs.sum(axis=0) / len(runs)
    return np.where(high > low, share, 1.0)


def _spectrum(x: Floats, rate: float) -> Floats:
    """Return the power spectrum with a step of 1 Hz, shape (n_channels, n_frequencies)."""
    length = round(rate)
    if len(x) < length:
        return np.zeros((x.shape[1], length // 2 + 1))
    taper = np.hanning(length)[:, np.newaxis]
    starts = range(0, len(x) - length + 1, max(1, length // 2))
    total: Any = 0.0
    for start in starts:
        piece = x[start : start + length]
        total = total + np.abs(np.fft.rfft((piece - piece.mean(axis=0)) * taper, axis=0)) ** 2
    power: Floats = (total / len(starts) / (taper**2).sum() / rate * 2).T
    return power


def _fingerprints(data: Samples) -> NDArray[np.uint64]:
    """Return a number for each few samples in a row, equal for equal samples only."""
    bits = np.ascontiguousarray(data, np.float32).view(np.uint32).astype(np.uint64)
    odd = np.random.default_rng(1).integers(1, 2**63, bits.shape[1], np.uint64) * 2 + 1
    rows = (bits * odd).sum(axis=1, dtype=np.uint64)
    rows ^= rows >> np.uint64(29)
    if len(rows) <= SHINGLE:
        return np.zeros(0, np.uint64)
    changing = (np.diff(rows.astype(np.int64)) != 0)[: len(rows) - SHINGLE + 1]
    mixed = np.zeros(len(rows) - SHINGLE + 1, np.uint64)
    for shift in range(SHINGLE):
        mixed = mixed * np.uint64(6364136223846793005) + rows[shift : shift + len(mixed)]
    found: NDArray[np.uint64] = np.unique(mixed[: len(changing)][changing])
    return found
