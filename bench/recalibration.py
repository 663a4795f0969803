"""Score recalibration with one or two repetitions, and the detection of a rotated armband.

    python bench/recalibration.py --data ../shared/data [--decoder NAME]

Day to day: a model is trained on one session of a person, adapted to the first one or two
repetitions of another session, and tested on the rest of that session; for every ordered pair of
clean sessions of one person. Windows of 200 ms every 50 ms, none across a change of the label,
without the first 500 ms after each change.

Rotation: the channels of the second session are rotated by every number of places. The first one
or two repetitions, or all of them, are compared with the first session.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Recording, cut, recordings
from rich.console import Console
from rich.table import Table

from myogestic_ros.decoding.adaptation.memory import Memory
from myogestic_ros.decoding.adaptation.recalibration import blend_windows, recalibrate
from myogestic_ros.decoding.datasets.training_set import TrainingSet
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe
from myogestic_ros.decoding.quality.electrode_rotation import find_rotation

N_CHANNELS = 8


def covariances(recording: Recording, repetitions: int) -> dict[str, Any]:
    """Return the covariance of each class over its first repetitions."""
    windows, y, groups = recording
    found = {}
    for index in np.unique(y):
        own = windows[(y == index) & (groups < repetitions)].astype(np.float64)
        own = own - own.mean(axis=-1, keepdims=True)
        found[str(index)] = np.einsum('nct,ndt->cd', own, own) / (len(own) * own.shape[-1])
    return found


def compare(
    old: tuple[Any, Any, Any], new: tuple[Any, Any, Any], k: int, fit: Any
) -> dict[str, float]:
    """Return the accuracies (%) on today's later repetitions, given the first ``k`` of today."""
    x, y, _ = old
    today, classes, groups = new
    shown, later = groups < k, groups >= k
    names = {int(index): str(index) for index in np.union1d(y, classes)}
    memory = Memory.from_windows(x, y, names)
    before = fit(x, y)
    few = today[shown], classes[shown], groups[shown]
    models = {
        'old': before,
        'today only': fit(few[0], few[1]),
        'pooled': fit(np.concatenate([x, few[0]]), np.concatenate([y, few[1]])),
        'blend': fit(*blend_windows(memory, *few)),
    }
    known = {index: names[index] for index in set(few[1].tolist())}
    windows = TrainingSet(few[0], few[1], few[2] * 100 + few[1], known, {'emg': N_CHANNELS}, 0)
    models['chosen'] = recalibrate(memory, windows, fit, before).estimator
    return {
        name: 100 * float(np.mean(model.predict(today[later]) == classes[later]))
        for name, model in models.items()
    }


def main() -> int:
    """Measure, print the tables and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--decoder', default=DEFAULT)
    options = parser.parse_args()
    console = Console()
    found = {name: cut(read()) for name, read in recordings(options.data, 'myo-readings', [1])}
    pairs = [
        (a, b) for a, b in itertools.permutations(found, 2) if a.split('-')[0] == b.split('-')[0]
    ]
    if not pairs:
        console.print(f'No recordings in {options.data}; see bench/README.md for their origin.')
        return 2
    passed = days(options.decoder, found, pairs, console)
    return 0 if rotations(found, pairs, console) and passed else 1


def days(
    decoder: str, found: dict[str, Recording], pairs: list[tuple[str, str]], console: Console
) -> bool:
    """Print the accuracies of models of another day; return True when adapting improves them."""
    chosen = recipe(decoder)
    sets = {n: (chosen.extract({'emg': w}), y, g) for n, (w, y, g) in found.items()}

    def fit(x: Any, y: Any) -> Any:
        return chosen.make_estimator({'emg': N_CHANNELS}).fit(x, y)

    table = Table(
        title=f'{decoder}: accuracy on the rest of the day, %; {len(pairs)} pairs of days'
    )
    for name in ('repetitions', 'model', 'mean', 'median', 'worst', 'pairs worse than today only'):
        table.add_column(name, justify='left' if name in ('repetitions', 'model') else 'right')
    improved = True
    for k in (1, 2):
        scores = [compare(sets[a], sets[b], k, fit) for a, b in pairs]
        for name in scores[0]:
            values = [score[name] for score in scores]
            worse = sum(score[name] < score['today only'] - 0.5 for score in scores)
            table.add_row(
                f'after {k}' if name == 'old' else '',
                name,
                f'{statistics.mean(values):.1f}',
                f'{statistics.median(values):.1f}',
                f'{min(values):.1f}',
                '' if name == 'today only' else str(worse),
            )
        table.add_section()
        means = {name: statistics.mean(s[name] for s in scores) for name in scores[0]}
        improved &= means['chosen'] > max(means['old'], means['today only'])
    console.print(table)
    return improved


def rotations(found: dict[str, Recording], pairs: list[tuple[str, str]], console: Console) -> bool:
    """Print how many rotations are found; return True when none is proposed wrongly."""
    table = Table(title='Armband rotated by 0 to 7 places')
    for name in ('compared with', 'found', 'proposed', 'wrongly proposed', 'least confidence'):
        table.add_column(name, justify='right')
    total_wrong = 0
    for k in (1, 2, 99):
        hits = proposed = wrong = cases = 0
        confidence = []
        for a, b in pairs:
            before, now = covariances(found[a], 99), covariances(found[b], k)
            for places in range(N_CHANNELS):
                rotated = {n: np.roll(c, (-places, -places), (0, 1)) for n, c in now.items()}
                rotation = find_rotation(before, rotated)
                assert rotation is not None
                right = rotation.channels % N_CHANNELS == places
                cases += places > 0
                hits += right and places > 0
                proposed += right and rotation.is_proposed
                wrong += rotation.is_proposed and not right
                confidence.append(rotation.confidence)
        compared = 'all repetitions' if k == 99 else f'{k} repetition(s)'
        table.add_row(
            compared,
            f'{hits} of {cases}',
            f'{proposed} of {cases}',
            str(wrong),
            f'{min(confidence):.2f}',
        )
        total_wrong += wrong
    console.print(table)
    return total_wrong == 0


if __name__ == '__main__':
    sys.exit(main())
