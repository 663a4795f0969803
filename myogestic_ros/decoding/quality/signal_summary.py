"""Statistics of a recorded signal for the quality checks."""

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
"""Bin width of the amplitude envelope, ms; the resolution of onsets."""

SETTLED_MS = 500.0
"""Time left out at the beginning of a cue for its covariance, ms."""

FINGERPRINT_SAMPLES = 4
"""Successive samples per fingerprint, so that equal ones do not occur by chance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """Statistics of a segment: one label, no lost samples.

    Attributes
    ----------
    class_index, class_name, repetition : int, str, int
        Label in force; class index ``NO_CLASS`` if there is none.
    n_samples : int
        Length, samples.
    mean, std, low, high : ndarray, shape (n_channels,)
        Mean, standard deviation, minimum and maximum, volt.
    saturated : ndarray, shape (n_channels,)
        Share of the samples in runs at the minimum or maximum, 0 to 1.
    spectrum : ndarray, shape (n_channels, n_frequencies)
        Power at 0, 1, 2, … Hz (Welch), volt² per Hz.
    covariance : ndarray, shape (n_channels, n_channels)
        Covariance of the channels without the first `SETTLED_MS`, volt².
    fingerprints : ndarray of uint64
        Hash of each `FINGERPRINT_SAMPLES` successive samples, except where the signal is constant.
    """

    class_index: int
    class_name: str
    repetition: int
    n_samples: int
    mean: Floats
    std: Floats
    low: Floats
    high: Floats
    saturated: Floats
    spectrum: Floats
    covariance: Floats
    fingerprints: NDArray[np.uint64]


@dataclass(frozen=True)
class SignalSummary:
    """Statistics of the signal of one session.

    Attributes
    ----------
    session : str
        Name of the session.
    sampling_rate : float
        Sampling rate, Hz.
    channel_names : tuple of str
        One per channel.
    segments : list of Segment
        Segments in order of time.
    envelope : ndarray, shape (n_bins, n_channels)
        Amplitude (RMS about the mean) in bins of `BIN_MS`, volt; NaN for lost samples.
    cue_bins : list of (float, int)
        Start of each label, in bins from the first sample, and its class index.
    """

    session: str
    sampling_rate: float
    channel_names: tuple[str, ...]
    segments: list[Segment]
    envelope: Floats
    cue_bins: list[tuple[float, int]]

    def cues(self) -> dict[tuple[int, int], list[Segment]]:
        """Return the labelled segments by class index and repetition, in order of time."""
        found: dict[tuple[int, int], list[Segment]] = {}
        for segment in self.segments:
            if segment.class_index != NO_CLASS:
                found.setdefault((segment.class_index, segment.repetition), []).append(segment)
        return found


def summarize_session(
    path: Path | str, stream: str, filters: FilterSpec | None = None
) -> SignalSummary:
    """Summarize a stream of a recorded session, reading it in chunks.

    Parameters
    ----------
    path : Path or str
        Folder of the session.
    stream : str
        Name of the stream.
    filters : FilterSpec, optional
        Filters to apply first; None: none.
    """
    session = Session(path)
    info = session.stream_info(stream)
    names = info.channel_names if info is not None else ()
    # Decoding single frames would take longer than all computations below.
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
        Name of the session.
    chunks : iterable of Chunk
        Samples, in order of time.
    labels : sequence of Label
        Labels, in order of time.
    channel_names : sequence of str
        One per channel; if the number differs, channels are named by number, from 1.
    """
    segments: list[Segment] = []
    parts: list[Floats] = []
    rate, width, first_ns, bins = 0.0, 0, 0, 0
    for start_ns, data, label, rate in iter_segments(chunks, Timeline(list(labels))):
        if not bins:
            first_ns, width = start_ns, data.shape[1]
        if data.shape[1] != width:
            break  # other channels from here on; the training reports it
        at = round((start_ns - first_ns) / (BIN_MS * 1e6))
        if at > bins:
            parts.append(np.full((min(at - bins, 3000), width), np.nan))
            bins += len(parts[-1])
        envelope = _envelope(data, rate)
        parts.append(envelope)
        bins += len(envelope)
        segments.append(_measure(data, label, rate))
    known = tuple(channel_names)
    if len(known) != width:
        known = tuple(f'{channel + 1}' for channel in range(width))
    return SignalSummary(
        name,
        rate,
        known,
        segments,
        np.concatenate(parts) if parts else np.zeros((0, width)),
        [
            ((label.stamp_ns - first_ns) / (BIN_MS * 1e6), label.index)
            for label in Timeline(list(labels)).labels
        ],
    )


def _envelope(data: Samples, rate: float) -> Floats:
    """Return the amplitude in bins, shape (n_bins, n_channels)."""
    edges = np.arange(0, len(data) * 1e3 / rate, BIN_MS) * rate / 1e3
    starts = np.unique(np.minimum(edges.round().astype(np.intp), len(data) - 1))
    x = np.asarray(data, np.float64)
    lengths = np.diff([*starts, len(x)])[:, np.newaxis]
    # Without the mean, so that a DC offset does not count as amplitude.
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
        _saturated(x, low, high),
        _spectrum(x, rate),
        centred.T @ centred / len(centred),
        _fingerprints(data),
    )


def _saturated(x: Floats, low: Floats, high: Floats) -> Floats:
    """Return the share of samples in runs of at least three at the minimum or maximum."""
    share = np.zeros(x.shape[1])
    if len(x) < 3:
        return share
    for end in (low, high):
        at = x == end
        runs = at[2:] & at[1:-1] & at[:-2]
        share += runs.sum(axis=0) / len(runs)
    return np.where(high > low, share, 1.0)


def _spectrum(x: Floats, rate: float) -> Floats:
    """Return the power spectrum with a resolution of 1 Hz, shape (n_channels, n_frequencies)."""
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
    """Return a hash of each `FINGERPRINT_SAMPLES` successive samples on all channels."""
    bits = np.ascontiguousarray(data, np.float32).view(np.uint32).astype(np.uint64)
    odd = np.random.default_rng(1).integers(1, 2**63, bits.shape[1], np.uint64) * 2 + 1
    rows = (bits * odd).sum(axis=1, dtype=np.uint64)
    rows ^= rows >> np.uint64(29)
    if len(rows) <= FINGERPRINT_SAMPLES:
        return np.zeros(0, np.uint64)
    changing = (np.diff(rows.astype(np.int64)) != 0)[: len(rows) - FINGERPRINT_SAMPLES + 1]
    mixed = np.zeros(len(rows) - FINGERPRINT_SAMPLES + 1, np.uint64)
    for shift in range(FINGERPRINT_SAMPLES):
        mixed = mixed * np.uint64(6364136223846793005) + rows[shift : shift + len(mixed)]
    found: NDArray[np.uint64] = np.unique(mixed[: len(changing)][changing])
    return found
