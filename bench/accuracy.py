"""How often the ready decoder is right on recorded EMG, beside LibEMG under the same protocol.

    python bench/accuracy.py --data ../shared/data [--sessions 12345-1 …]

Protocol: windows of 200 ms every 50 ms, none across a change of the label, the first 500 ms after
a change left out; split by repetition. ``last``: trained on all repetitions but the last, tested
on the last. ``LORO``: leave one repetition out. ``first only``: trained on the first repetition,
tested on the last. Exit code 1 when the median or the worst session is below LibEMG's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from myogestic_ros.core.signals import Chunk, Samples, samples_in
from myogestic_ros.core.windows import StreamSpec, WindowCutter
from myogestic_ros.decoding.evaluation import (
    Fit,
    first_repetitions,
    last_repetition,
    leave_one_repetition_out,
)
from myogestic_ros.decoding.htd_lda import SETTLE_MS, amplitude_columns, extract
from myogestic_ros.decoding.linear_decoder import lda_steps
from myogestic_ros.sources.recording_file import load_pieces
from myogestic_ros.sources.recording_format import RecordingFormat

WINDOW_MS, HOP_MS = 200.0, 50.0
NOT_CLEAN = ('19999-2', '64917-1', '69069-1')
FLEXEMG_RATE = 1000.0
FLEXEMG_CUE_S = 5

SCORES = ('last', 'LORO', 'first only')
PUBLISHED = {  # LibEMG 2.0.3, HTD + LDA: median of each score, then the worst session of `last`
    'myo-readings': ((94.6, 95.1, 85.1), 86.7),
    'flexemg': ((99.5, 99.5, 95.3), 91.3),
}


@dataclass(frozen=True)
class Part:
    """A stretch of signal without a gap, and which cue each sample belongs to.

    ``data`` has the shape (n_samples, n_channels); ``cues`` are (first sample, end sample, class,
    repetition); what no cue covers is not scored.
    """

    data: Samples
    sampling_rate: float
    cues: Sequence[tuple[int, int, int, int]]


Recording = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
"""Windows (n, n_channels, n_samples), class and repetition of each."""


def read_myo(folder: Path, rest_files: Sequence[int]) -> list[Part]:
    """Read a session of myo-readings: one file a class; rest is taken from ``rest_files``."""
    layout = RecordingFormat()
    parts = []
    for piece in load_pieces(folder, layout):
        rest_counts = int(Path(piece.name).stem) in rest_files
        bounds = [0, *(np.flatnonzero(np.diff(piece.labels)) + 1).tolist(), len(piece.labels)]
        cues = []
        seen: Counter[int] = Counter()
        for first, end in pairwise(bounds):
            label = int(piece.labels[first])
            if label or rest_counts:
                cues.append((first, end, label, seen[label]))
            seen[label] += 1
        parts.append(Part(piece.data, layout.sampling_rate, cues))
    return parts


def read_flexemg(folder: Path) -> list[Part]:
    """Read a recording of flexemg: one file a repetition; band-pass and notch as published."""
    from scipy.io import loadmat
    from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

    band = butter(4, (20, 450), 'bandpass', fs=FLEXEMG_RATE, output='sos')
    sections = np.concatenate([band, tf2sos(*iirnotch(60, 30, fs=FLEXEMG_RATE))])
    at_rest = sosfilt_zi(sections)[..., np.newaxis]
    parts = []
    for repetition, file in enumerate(sorted(folder.glob('*.mat'))):
        content = loadmat(file, squeeze_me=True, struct_as_record=False)
        raw = content['raw'][:, :64] * (content['p'].lsbmV * 1e-3)
        data = sosfilt(sections, raw, axis=0, zi=at_rest * raw[0])[0].astype(np.float32)
        length = round(FLEXEMG_CUE_S * FLEXEMG_RATE)
        order = [0, *(int(gesture) for gesture in content['p'].sequence)]
        cues = [(n * length, (n + 1) * length, label, repetition) for n, label in enumerate(order)]
        parts.append(Part(data, FLEXEMG_RATE, cues))
    return parts


def cut(parts: Sequence[Part]) -> Recording:
    """Cut windows with the code that cuts them live."""
    found: list[tuple[Samples, int, int]] = []
    for part in parts:
        cutter = WindowCutter([StreamSpec('emg', WINDOW_MS)], 1000.0 / HOP_MS, coalesce=False)
        settle = samples_in(SETTLE_MS, part.sampling_rate)
        for tick in cutter.push('emg', Chunk(0, 0, part.sampling_rate, part.data)):
            window = tick.windows['emg']
            start = tick.sample + 1 - window.shape[1]
            found += [
                (window, label, repetition)
                for first, end, label, repetition in part.cues
                if first + settle <= start and tick.sample < end
            ]
    windows, labels, repetitions = zip(*found, strict=True)
    return np.stack(windows), np.array(labels), np.array(repetitions)


def score(features: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], fit: Fit) -> list[float]:
    """Return the accuracies named in `SCORES`, percent."""
    protocols = (last_repetition, leave_one_repetition_out, first_repetitions)
    return [100 * protocol(features, y, groups, fit).accuracy for protocol in protocols]


def score_ours(recording: Recording) -> list[float]:
    """Score the ready decoder."""
    windows, y, groups = recording
    columns = amplitude_columns({'emg': windows.shape[1]})
    return score(extract({'emg': windows}), y, groups, lambda x, c: lda_steps(columns).fit(x, c))


def libemg_scorer() -> Callable[[Recording], list[float]] | None:
    """Return a function that scores LibEMG's HTD + LDA; None where it is not installed."""
    try:
        from libemg.feature_extractor import FeatureExtractor
    except ImportError:
        return None
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    def score_libemg(recording: Recording) -> list[float]:
        windows, y, groups = recording
        found = FeatureExtractor().extract_features(
            ['MAV', 'ZC', 'SSC', 'WL'], windows.astype(np.float64)
        )
        features = np.hstack(list(found.values()))
        return score(features, y, groups, lambda x, c: LinearDiscriminantAnalysis().fit(x, c))

    return score_libemg


def recordings(data: Path, dataset: str, rest_files: Sequence[int]) -> Iterator[tuple[str, Any]]:
    """Yield name and reader of each recording of a dataset that is there and clean."""
    folder = data / dataset
    for session in sorted(path for path in folder.glob('*') if path.is_dir()):
        if dataset == 'flexemg':
            yield session.name, lambda session=session: read_flexemg(session)
        elif session.name not in NOT_CLEAN:
            yield session.name, lambda session=session: read_myo(session, rest_files)


def bench(
    dataset: str, found: Sequence[tuple[str, Any]], console: Console, judge_median: bool
) -> bool:
    """Score a dataset and print its table; return whether it is good enough."""
    libemg = libemg_scorer()
    published, published_worst = PUBLISHED[dataset]
    table = Table(title=f'{dataset}: accuracy in %, windows of {WINDOW_MS:g} ms')
    table.add_column('recording')
    for who in ('', 'LibEMG ') if libemg else ('',):
        for name in SCORES:
            table.add_column(f'{who}{name}', justify='right')
    rows = []
    for name, read in found:
        recording = cut(read())
        rows.append(score_ours(recording) + (libemg(recording) if libemg else []))
        table.add_row(name, *(f'{value:.1f}' for value in rows[-1]))
    columns = list(zip(*rows, strict=True))
    table.add_section()
    table.add_row('median', *(f'{statistics.median(column):.1f}' for column in columns))
    table.add_row('worst', *(f'{min(column):.1f}' for column in columns))
    table.add_section()
    table.add_row('LibEMG published: median', *map(str, published))
    table.add_row('LibEMG published: worst', str(published_worst))
    console.print(table)
    median, worst = statistics.median(columns[0]), min(columns[0])
    good = worst >= published_worst and (median >= published[0] or not judge_median)
    console.print(
        f'{dataset}: last repetition, median {median:.2f} % (LibEMG {published[0]}), worst '
        f'{worst:.2f} % (LibEMG {published_worst}): {"as good" if good else "NOT as good"}.'
    )
    return good


def main() -> int:
    """Run the bench; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--sessions', nargs='*', help='only these; their median is not judged')
    parser.add_argument(
        '--rest-files', nargs='*', type=int, default=[1], help='myo-readings: files rest is from'
    )
    options = parser.parse_args()
    console = Console()
    good, ran = True, False
    for dataset in PUBLISHED:
        found = [
            (name, read)
            for name, read in recordings(options.data, dataset, options.rest_files)
            if not options.sessions or name in options.sessions
        ]
        if found:
            ran = True
            good &= bench(dataset, found, console, judge_median=not options.sessions)
    if not ran:
        console.print(f'No recordings in {options.data}; see bench/README.md for where they are.')
        return 2
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
