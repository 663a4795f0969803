"""Which errors every decoder makes: what is left when the decoder is not to blame.

    python bench/shared_errors.py --data ../shared/data [--sessions 54321-1 …]

Leave one repetition out, on windows as in `accuracy.py`. Each built-in decoder's errors as share of
those of Hudgins' features with an untuned linear discriminant (LibEMG's default); the share of
these that all built-in decoders make, none of which learns as another does; and in which repetition
most of the shared ones lie: a person who moved late, or moved otherwise, is in every one of them.
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
    """Return the class that is predicted for each window when its repetition is left out."""
    found = np.empty_like(y)
    for repetition in np.unique(groups):
        tested = groups == repetition
        found[tested] = fit(x[~tested], y[~tested]).predict(x[tested])
    return found


def row(name: str, recording: Recording) -> list[str]:
    """Return a recording's row of the table."""
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
    """Run the bench; return the exit code."""
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
        console.print(f'No such recordings in {options.data}; see bench/README.md.')
        return 2
    table = Table(title="errors, leaving one repetition out, as share of HTD + LDA's")
    for column in ('recording', 'HTD + LDA', *DECODERS, 'all of them', 'where most of these are'):
        table.add_column(column, justify='left' if column[:5] in ('recor', 'where') else 'right')
    jobs = Parallel(n_jobs=-1, prefer='threads')
    for cells in jobs(delayed(lambda name, read: row(name, cut(read())))(*one) for one in found):
        table.add_row(*cells)
    console.print(table)
    return 0


if __name__ == '__main__':
    sys.exit(main())
