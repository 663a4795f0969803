"""Score the built-in decoders on recorded EMG, and LibEMG under the same protocol.

    python bench/accuracy.py --data ../shared/data [--decoder NAME] [--sessions 12345-1 …]

Protocol: windows of 200 ms every 50 ms, none across a change of the label, without the first 500
ms after a change; split by repetition. ``last``: trained on all repetitions but the last, tested
on the last. ``LORO``: leave-one-repetition-out. ``first only``: trained on the first repetition,
tested on the last. Proportional: trained on the first half of the recording, tested on the second.
Exit code 1 when a figure misses its limit, or when LibEMG is installed and a recording has more
than half of its errors.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from myogestic_ros.core.signals import Chunk, Samples, samples_in
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.window_cutter import WindowCutter
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe
from myogestic_ros.decoding.evaluation.cross_validation import (
    Fit,
    first_repetitions,
    last_repetition,
    leave_one_repetition_out,
)
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.importers.reader import load_pieces

WINDOW_MS, HOP_MS, SETTLE_MS = 200.0, 50.0, 500.0
NOT_CLEAN = ('19999-2', '64917-1', '69069-1')
FLEXEMG_RATE = 1000.0
FLEXEMG_CUE_S = 5
OPENHDEMG_RATE = 2048.0

SCORES = ('last', 'LORO', 'first only')
LIMITS = {  # median of `last`, worst session of `last`, median of `first only`
    'myo-readings': (98.5, 94.0, 92.0),
    'flexemg': (99.7, 99.7, 95.3),
}
MAX_ERROR_SHARE = 0.5
R2_LIMIT = 0.95
PUBLISHED = {  # LibEMG 2.0.3, HTD + LDA: median of each score, then the worst session of `last`
    'myo-readings': ((94.6, 95.1, 85.1), 86.7),
    'flexemg': ((99.5, 99.5, 95.3), 91.3),
}


@dataclass(frozen=True)
class Part:
    """Contiguous signal and its cues.

    ``data`` has the shape (n_samples, n_channels). ``cues`` are (first sample, end sample, class,
    repetition); samples outside the cues are not scored.
    """

    data: Samples
    sampling_rate: float
    cues: Sequence[tuple[int, int, int, int]]


Recording = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
"""Windows (n, n_channels, n_samples), class and repetition of each."""


def read_myo(folder: Path, rest_files: Sequence[int]) -> list[Part]:
    """Read a session of myo-readings, one file per class; rest is taken from ``rest_files``."""
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
    """Read a recording of flexemg, one file per repetition; band-pass and notch as published."""
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
    """Cut windows with the same code as the pipeline node."""
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


def score_ours(recording: Recording, decoder: str = DEFAULT) -> list[float]:
    """Score a built-in decoder."""
    windows, y, groups = recording
    found = recipe(decoder)
    features = np.concatenate(
        [found.extract({'emg': windows[at : at + 256]}) for at in range(0, len(windows), 256)]
    )
    channels = {'emg': windows.shape[1]}
    return score(features, y, groups, lambda x, c: found.make_estimator(channels).fit(x, c))


def libemg_scorer() -> Callable[[Recording], list[float]] | None:
    """Return a function that scores LibEMG's HTD + LDA; None when LibEMG is not installed."""
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
    """Yield the name and a reader of each clean recording of a dataset."""
    folder = data / dataset
    for session in sorted(path for path in folder.glob('*') if path.is_dir()):
        if dataset == 'flexemg':
            yield session.name, partial(read_flexemg, session)
        elif session.name not in NOT_CLEAN:
            yield session.name, partial(read_myo, session, rest_files)


def score_both(read: Callable[[], list[Part]], decoder: str) -> list[float]:
    """Score our decoder, and LibEMG when it is installed."""
    recording = cut(read())
    libemg = libemg_scorer()
    return score_ours(recording, decoder) + (libemg(recording) if libemg else [])


def bench(
    dataset: str,
    found: Sequence[tuple[str, Any]],
    console: Console,
    check_median: bool,
    decoder: str = DEFAULT,
) -> bool:
    """Score a dataset and print its table; return True when it is within its limits."""
    jobs = Parallel(n_jobs=-1, prefer='threads')
    rows = jobs(delayed(score_both)(read, decoder) for _, read in found)
    names = [name for name, _ in found]
    console.print(accuracy_table(dataset, decoder, names, rows))
    limit, worst_limit, first_limit = LIMITS[dataset]
    last, _, first_only = [[row[k] for row in rows] for k in range(len(SCORES))]
    median, first_median = statistics.median(last), statistics.median(first_only)
    passed = min(last) >= worst_limit
    if check_median:
        passed &= median >= limit and first_median >= first_limit
    console.print(
        f'{dataset}: last repetition: median {median:.2f} % (limit {limit}), worst '
        f'{min(last):.2f} % (limit {worst_limit}); trained on one repetition: '
        f'{first_median:.2f} % (limit {first_limit}): {"passed" if passed else "FAILED"}.'
    )
    if len(rows[0]) > len(SCORES):
        passed &= compare_errors(names, rows, console)
    return passed


def accuracy_table(
    dataset: str, decoder: str, names: Sequence[str], rows: Sequence[Sequence[float]]
) -> Table:
    """Return the table of the accuracies of all recordings, with LibEMG's where it ran."""
    published, published_worst = PUBLISHED[dataset]
    with_libemg = len(rows[0]) > len(SCORES)
    table = Table(title=f'{dataset}, {decoder}: accuracy in %, windows of {WINDOW_MS:g} ms')
    table.add_column('recording')
    for prefix in ('', 'LibEMG ') if with_libemg else ('',):
        for name in SCORES:
            table.add_column(f'{prefix}{name}', justify='right')
    if with_libemg:
        table.add_column("errors, share of LibEMG's, LORO", justify='right')
    for name, row in zip(names, rows, strict=True):
        share = [f'{error_share(row):.2f}'] if with_libemg else []
        table.add_row(name, *(f'{value:.1f}' for value in row), *share)
    columns = list(zip(*rows, strict=True))
    table.add_section()
    table.add_row('median', *(f'{statistics.median(column):.1f}' for column in columns))
    table.add_row('worst', *(f'{min(column):.1f}' for column in columns))
    table.add_section()
    table.add_row('LibEMG published: median', *map(str, published))
    table.add_row('LibEMG published: worst', str(published_worst))
    return table


def compare_errors(
    names: Sequence[str], rows: Sequence[Sequence[float]], console: Console
) -> bool:
    """Print our errors as share of LibEMG's; return True when no recording exceeds the limit."""
    shares = []
    for k, score_name in enumerate(SCORES):
        ours = sum(100 - row[k] for row in rows)
        theirs = sum(100 - row[k + len(SCORES)] for row in rows)
        shares.append(f'{score_name} {ours / theirs if theirs else float(ours > 0):.2f}')
    above = [
        f'{name} {error_share(row):.2f}'
        for name, row in zip(names, rows, strict=True)
        if error_share(row) > MAX_ERROR_SHARE
    ]
    verdict = (
        f'FAILED, above {MAX_ERROR_SHARE:g} with LORO: {", ".join(above)}'
        if above
        else f'at most {MAX_ERROR_SHARE:g} in every recording with LORO'
    )
    console.print(f"Errors as share of LibEMG's: {', '.join(shares)}; {verdict}.")
    return not above


def error_share(row: Sequence[float]) -> float:
    """Return our errors with LORO as share of LibEMG's."""
    ours, theirs = 100 - row[1], 100 - row[1 + len(SCORES)]
    return ours / theirs if theirs else float(ours > 0)


def bench_proportional(file: Path, console: Console, decoders: Sequence[str]) -> bool:
    """Train on the first half of openhdemg's recording, test on the second; print R² and MAE."""
    from scipy.io import loadmat

    data = loadmat(file)['Data'][0, 0]
    half = len(data) // 2
    cutter = WindowCutter([StreamSpec('emg', WINDOW_MS)], 1000.0 / HOP_MS, coalesce=False)
    chunk = Chunk(0, 0, OPENHDEMG_RATE, data[:, :64].astype(np.float32))
    ticks = list(cutter.push('emg', chunk))
    windows = np.stack([tick.windows['emg'] for tick in ticks])
    ends = np.array([tick.sample for tick in ticks])
    force = data[ends - windows.shape[-1] // 2, 74]
    train, test = ends < half, ends - windows.shape[-1] + 1 >= half
    table = Table(title='openhdemg: force, trained on the first half, tested on the second')
    for column in ('decoder', 'R²', 'mean absolute error, %MVC'):
        table.add_column(column, justify='right' if column != 'decoder' else 'left')
    best = -np.inf
    for name in decoders:
        found = recipe(name)
        x = found.extract({'emg': windows})
        model = found.make_estimator({'emg': 64}).fit(x[train], force[train, np.newaxis])
        errors = model.predict(x[test]).reshape(-1) * model.scale_ - force[test]
        r2 = 1 - np.square(errors).sum() / np.square(force[test] - force[test].mean()).sum()
        best = max(best, r2)
        table.add_row(name, f'{r2:.3f}', f'{np.abs(errors).mean():.2f}')
    table.add_section()
    table.add_row('ridge on MAV, RMS, WL (published)', '0.93', '1.8')
    console.print(table)
    console.print(f'openhdemg: best R² {best:.3f} (limit {R2_LIMIT}).')
    return bool(best >= R2_LIMIT)


def main() -> int:
    """Run the bench; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument(
        '--decoder', default=DEFAULT, help='built-in decoder, or import path of an estimator'
    )
    parser.add_argument(
        '--sessions', nargs='*', help='only these; without the limit of the median'
    )
    parser.add_argument(
        '--rest-files',
        nargs='*',
        type=int,
        default=[1],
        help='myo-readings: files that rest is read from',
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
            check_median = not options.sessions
            good &= bench(dataset, found, console, check_median, options.decoder)
    force = options.data / 'openhdemg' / 'otb_testfile.mat'
    if force.is_file() and not options.sessions:
        ran = True
        good &= bench_proportional(force, console, ('ridge', 'kernel_ridge', 'gp'))
    if not ran:
        console.print(f'No recordings in {options.data}; see bench/README.md for their origin.')
        return 2
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
