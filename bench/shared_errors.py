"""Count the errors that all decoders have in common, which no single decoder causes.

    python bench/shared_errors.py --data ../shared/data [--sessions 54321-1 …]

Leave-one-repetition-out, on windows as in `accuracy.py`. Printed are the errors of each built-in
decoder as share of those of Hudgins' features with an untuned linear discriminant (LibEMG's
default); the share of the errors that all built-in decoders have in common; and the repetition
with most of these. A person who moved late or differently causes errors in every decoder.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Recording, cut, recordings
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from myogestic_ros.decoding.decoders.recipes import recipe
from myogestic_ros.decoding.evaluation.cross_validation import Fit
from myogestic_ros.decoding.features.catalogue import hudgins

DECODERS = ('covariance', 'lda', 'svm', 'riemann')


def held_out(x: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], fit: Fit) -> NDArray[Any]:
    """Return the class predicted for each window by a model trained without its repetition."""
    found = np.empty_like(y)
    for repetition in np.unique(groups):
        tested = groups == repetition
        found[tested] = fit(x[~tested], y[~tested]).predict(x[tested])
    return found


def row(name: str, recording: Recording) -> list[str]:
    """Return the table row of a recording."""
    windows, y, groups = recording
    channels = {'emg': windows.shape[1]}
    htd = hudgins(windows.astype(np.float64))
    plain = held_out(htd, y, groups, lambda x, c: LinearDiscriminantAnalysis().fit(x, c)) != y
    shared = np.ones(len(y), np.bool_)
    shares = []
    for decoder in DECODERS:
        found = recipe(decoder)
        x = found.extract({'emg': windows})
        predicted = held_out(
            x, y, groups, lambda x, c, r=found: r.make_estimator(channels).fit(x, c)
        )  # type: ignore[misc]
        wrong = predicted != y
        shared &= wrong
        shares.append(wrong.sum() / max(1, plain.sum()))
    most = Counter(zip(y[shared].tolist(), groups[shared].tolist(), strict=True)).most_common(1)
    where = ''
    for (label, repetition), n_errors in most:
        n_windows = np.count_nonzero((y == label) & (groups == repetition))
        where = f'class {label}, repetition {repetition}: {n_errors} of its {n_windows} windows'
    return [
        name,
        str(np.count_nonzero(plain)),
        *(f'{share:.2f}' for share in shares),
        f'{shared.sum() / max(1, plain.sum()):.2f}',
        where,
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--sessions', nargs='*', help='only these')
    options = parser.parse_args(arguments)
    console = Console()
    found = [
        (name, read)
        for name, read in recordings(options.data, 'myo-readings', [1])
        if not options.sessions or name in options.sessions
    ]
    if not found:
        console.print(
            f'No such recordings in {options.data}; see bench/README.md for their origin.'
        )
        return 2
    table = Table(title='Errors with leave-one-repetition-out, as share of those of HTD + LDA')
    for column in (
        'recording',
        'HTD + LDA',
        *DECODERS,
        'shared by all',
        'repetition with most shared errors',
    ):
        table.add_column(column, justify='left' if column.startswith('re') else 'right')
    jobs = Parallel(n_jobs=-1, prefer='threads')
    for cells in jobs(delayed(lambda name, read: row(name, cut(read())))(*one) for one in found):
        table.add_row(*cells)
    console.print(table)
    return 0


if __name__ == '__main__':
    sys.exit(main())
