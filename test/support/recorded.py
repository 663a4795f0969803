"""Recorded and synthetic EMG as sessions and signal summaries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myogestic_ros.core.signals import Chunk, Label, sample_time_ns
from myogestic_ros.decoding.quality.signal_summary import SignalSummary, summarize
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.writer import SessionWriter
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.importers.reader import load_pieces
from myogestic_ros.sources.importers.repetitions import number_repetitions
from support.bags import START_NS, label, topics

NOT_CLEAN = ('19999-2', '64917-1', '69069-1')
"""Sessions of myo-readings with invalid lines, a wrong label, or duplicated samples."""

NAMES = ('rest', 'fist', 'pinch', 'open')


def write_signal(
    path: Path,
    data: np.ndarray,
    labels: Sequence[tuple[int, int, str, int]],
    rate: float,
    gaps: Sequence[tuple[int, int]] = (),
    chunk: int = 50,
) -> Path:
    """Write a session with samples (n_samples, n_channels), in volt, and labels.

    ``labels`` are (sample, class index, name, repetition); ``gaps`` are (row of ``data``, number of
    samples lost before it).
    """
    from support.bags import frame

    lost = np.zeros(len(data), np.int64)
    for at, count in gaps:
        lost[at:] += count
    items = []
    edges = sorted({0, len(data), *(at for at, _ in gaps)})
    for start, end in zip(edges, edges[1:], strict=False):
        for first in range(start, end, chunk):
            piece = data[first : min(first + chunk, end)]
            message, stamp_ns = frame(first + int(lost[first]), piece, rate)
            items.append((stamp_ns, 1, '/emg', message))
    for at, index, name, repetition in labels:
        stamp_ns = sample_time_ns(START_NS, at + int(lost[min(at, len(lost) - 1)]), rate)
        items.append((stamp_ns, 0, '/label', label(index, name, stamp_ns, repetition)))
    names = dict(sorted((index, name) for _, index, name, _ in labels if index >= 0))
    class_names = tuple(names.get(i, '') for i in range(max(names, default=-1) + 1))
    with SessionWriter(path, SessionInfo(class_names=class_names), topics()) as writer:
        for stamp_ns, _, topic, message in sorted(items, key=lambda item: item[:2]):
            writer.write(topic, message, stamp_ns)
    return path


def write_recording(path: Path, folder: Path) -> Path:
    """Write a folder of labelled text files, such as those of myo-readings, as a session."""
    layout = RecordingFormat()
    pieces = load_pieces(folder, layout)
    parts = number_repetitions(pieces)
    starts = np.cumsum([0, *(len(piece.data) for piece in pieces)])
    gaps = [
        (
            int(starts[n]),
            pieces[n].first_sample - pieces[n - 1].first_sample - len(pieces[n - 1].data),
        )
        for n in range(1, len(pieces))
    ]
    labels = [
        (int(starts[p.piece]) + p.start, p.label, layout.class_name(p.label), p.repetition)
        for p in parts
    ]
    data = np.concatenate([piece.data for piece in pieces])
    return write_signal(path, data, labels, layout.sampling_rate, gaps)


def synthetic_emg(
    *,
    classes: int = 3,
    repetitions: int = 4,
    seconds: float = 2.0,
    rate: float = 1000.0,
    channels: int = 8,
    lag_s: float = 0.3,
    seed: int = 0,
) -> tuple[np.ndarray, list[tuple[int, int, str, int]]]:
    """Return EMG-like noise of a ring of electrodes and labels (sample, index, name, repetition).

    The noise has shape (n_samples, n_channels), in volt. Each class has its own pattern of two
    muscles of different strength along the ring; the signal follows the label by ``lag_s`` s.
    """
    rng = np.random.default_rng(seed)
    around = np.arange(channels) / channels
    patterns = np.full((classes, channels), 0.15)
    for index in range(1, classes):
        for centre, size in ((index * 0.29 % 1, 1.0), (index * 0.6180 % 1, 0.45)):
            away = np.abs((around - centre + 0.5) % 1 - 0.5)
            patterns[index] += size * np.exp(-((away / 0.12) ** 2))
    length = round(seconds * rate)
    order = [index for _ in range(repetitions) for index in range(classes)]
    labels, strength = [], []
    for number, index in enumerate(order):
        labels.append((number * length, index, NAMES[index % 4], number // classes))
        strength.append(np.tile(patterns[index] * rng.uniform(0.85, 1.15), (length, 1)))
    envelope = np.concatenate(strength)
    lag = round(lag_s * rate)
    if lag > 0:
        envelope = np.concatenate([np.repeat(envelope[:1], lag, 0), envelope[:-lag]])
    elif lag < 0:
        envelope = np.concatenate([envelope[-lag:], np.repeat(envelope[-1:], -lag, 0)])
    noise = rng.standard_normal((len(envelope) + 1, channels))
    white = noise[1:] - 0.6 * noise[:-1]  # energy above 20 Hz
    return (20e-6 * envelope * white).astype(np.float32), labels


def signal_summary(data: np.ndarray, labels: list, rate: float = 1000.0) -> SignalSummary:
    """Return the signal summary of samples and labels (sample, index, name, repetition)."""
    times = [Label(sample_time_ns(START_NS, at, rate), *rest) for at, *rest in labels]
    chunks = [
        Chunk(first, sample_time_ns(START_NS, first, rate), rate, data[first : first + 70])
        for first in range(0, len(data), 70)
    ]
    return summarize('made', chunks, times)


def recording_summary(folder: Path) -> SignalSummary:
    """Return the signal summary of a folder of labelled text files."""
    layout = RecordingFormat()
    pieces = load_pieces(folder, layout)
    labels = [
        Label(
            sample_time_ns(START_NS, pieces[p.piece].first_sample + p.start, 200.0),
            *(p.label, layout.class_name(p.label), p.repetition),
        )
        for p in number_repetitions(pieces)
    ]
    chunks = [
        Chunk(p.first_sample, sample_time_ns(START_NS, p.first_sample, 200.0), 200.0, p.data)
        for p in pieces
    ]
    return summarize(folder.name, chunks, labels)
