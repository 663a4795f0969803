"""Time the built-in decoders: one window, and one training.

Usage: python bench/decoders.py [--decoder NAME] [--repeats 300]

One window of 400 samples: median time of ``extract`` and ``predict`` as the pipeline node calls
them, with one thread of linear algebra. Training: from a session on disk to a model, including the
scores of leave-one-repetition-out, as ``~/train`` does. Exit code 1 when the default decoder
exceeds a limit.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from synthetic_sessions import write_session
from threadpoolctl import threadpool_limits

from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe, recipe_names
from myogestic_ros.sessions.reading.training_data import complete_training_data

CUE_S = 5.0
WINDOW_LIMITS_MS = {8: 0.5, 64: 1.0, 400: 3.0}
TRAININGS = (  # channels, Hz, classes, repetitions, limit in s
    (8, 200.0, 8, 6, 2.0),
    (64, 1000.0, 5, 10, 10.0),
)


def cues(
    channels: int, rate: float, classes: int, repetitions: int
) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield cues of noise whose amplitudes over the channels depend on the class."""
    rng = np.random.default_rng(0)
    gains = np.exp(0.5 * rng.normal(size=(classes, channels)))
    for cue in range(classes * repetitions):
        index = cue % classes
        amplitudes = gains[index] * np.exp(0.15 * rng.normal(size=channels))
        data = rng.normal(scale=2e-5, size=(round(rate * CUE_S), channels)) * amplitudes
        yield index, f'class {index}', data.astype(np.float32)


def train(path: Path, decoder: str) -> tuple[object, float, float]:
    """Train on a session; return the model, its accuracy and the time taken, s."""
    start_s = time.perf_counter()
    data = complete_training_data(TrainingData([str(path)], streams=[StreamSpec('emg', 200.0)]))
    callback = named_decoder(decoder).callbacks.train
    assert callback is not None
    with contextlib.redirect_stdout(io.StringIO()):
        model = callback(data)
    return model, model.scores.get('accuracy', float('nan')), time.perf_counter() - start_s


def window_ms(decoder: str, model: object, channels: int, repeats: int) -> tuple[float, float]:
    """Return the median and the 95th percentile of the time for one window, ms."""
    pipeline = named_decoder(decoder)
    extract, predict = pipeline.callbacks.extract, pipeline.callbacks.predict
    assert extract is not None
    assert predict is not None
    rng = np.random.default_rng(1)
    windows = rng.normal(scale=2e-5, size=(16, channels, 400)).astype(np.float32)
    times = []
    with threadpool_limits(limits=1):
        for number in range(repeats):
            window = windows[number % 16].copy()
            start_s = time.perf_counter()
            predict(model, extract({'emg': window}))
            times.append(1e3 * (time.perf_counter() - start_s))
    return statistics.median(times), float(np.percentile(times, 95))


def main() -> int:
    """Measure, print the tables and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--decoder', default=DEFAULT)
    parser.add_argument('--repeats', type=int, default=300, help='number of timed windows')
    options = parser.parse_args()
    console, passed = Console(), True
    one = Table(title='One window of 400 samples, extract and predict, one core')
    for column in ('decoder', 'channels', 'median, ms', 'p95', 'limit'):
        one.add_column(column, justify='left' if column == 'decoder' else 'right')
    trained = Table(title='Training, from a session on disk')
    for column in ('decoder', 'channels', 'Hz', 'classes x repetitions', 'accuracy', 's', 'limit'):
        trained.add_column(column, justify='left' if column == 'decoder' else 'right')
    others = [n for n in recipe_names() if n != options.decoder]
    others = [n for n in others if recipe(n).kind == 'classification']
    with tempfile.TemporaryDirectory() as folder:
        for channels, limit in WINDOW_LIMITS_MS.items():
            path = Path(folder, f'window{channels}')
            write_session(path, 2000.0, cues(channels, 2000.0, 3, 2))
            for decoder in (options.decoder, *(others if channels == 8 else ())):
                median, p95 = window_ms(
                    decoder, train(path, decoder)[0], channels, options.repeats
                )
                limited = decoder == options.decoder
                passed &= not limited or median <= limit
                limit_text = f'{limit:g}' if limited else ''
                one.add_row(decoder, str(channels), f'{median:.3f}', f'{p95:.3f}', limit_text)
        for channels, rate, classes, repetitions, limit in TRAININGS:
            path = Path(folder, f'train{channels}')
            write_session(path, rate, cues(channels, rate, classes, repetitions))
            train(path, options.decoder)  # imports modules, which is not timed
            for decoder in (options.decoder, *others):
                _, accuracy, took_s = train(path, decoder)
                limited = decoder == options.decoder
                passed &= not limited or took_s <= limit
                trained.add_row(
                    decoder,
                    str(channels),
                    f'{rate:g}',
                    f'{classes} x {repetitions}',
                    f'{accuracy:.1%}',
                    f'{took_s:.2f}',
                    f'{limit:g}' if limited else '',
                )
    console.print(one)
    console.print(trained)
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
