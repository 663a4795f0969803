"""``myogestic train``: a model from recorded sessions, without a running graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from myogestic_ros.cli import training_options as options
from myogestic_ros.cli.console import console, errors, report_errors
from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.models.model_store import ModelStore
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.jobs import Outcome
from myogestic_ros.core.training.trainer import Trainer
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe_names
from myogestic_ros.nodes.pipeline.decoder_loader import find_pipeline
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.sessions.reading.library import resolve_sessions
from myogestic_ros.sessions.reading.training_data import complete_training_data

__all__ = ['train']


def train(
    sessions: Annotated[
        list[str], typer.Argument(help='Names in --session-dir, or paths.', show_default=False)
    ],
    decoder: Annotated[
        str,
        typer.Option(
            '--decoder',
            '-d',
            help=f'{", ".join(recipe_names())}; a scikit-learn estimator by import path, such as '
            f'sklearn.svm:SVC; a .py file or a module.',
        ),
    ] = DEFAULT,
    stream: Annotated[
        str | None,
        typer.Option(
            help='Name of the EMG stream; else as the decoder says, emg for a ready one.',
        ),
    ] = None,
    target: Annotated[
        list[str],
        typer.Option(help='Stream of targets of a proportional decoder.', show_default=False),
    ] = [],  # noqa: B006 - typer copies it
    classes: Annotated[
        list[str], typer.Option('--class', help='Train on these only.', show_default=False)
    ] = [],  # noqa: B006
    window_ms: Annotated[
        float | None,
        typer.Option(
            min=1.0, help='Length of a window, ms; else as the decoder says, 200 for a ready one.'
        ),
    ] = None,
    hop_ms: Annotated[float, typer.Option(min=1.0, help='Step to the next window, ms.')] = 50.0,
    settle_ms: options.SettleMs = TrainingData.settle_ms,
    bandpass: options.Bandpass = None,
    filter_order: options.FilterOrder = None,
    notch: options.Notch = None,
    harmonics: options.Harmonics = None,
    notch_width: options.NotchWidth = None,
    reference: options.Reference = None,
    backend: Annotated[
        str, typer.Option(help='What spreads the work: threading, loky, dask or dask:ADDRESS.')
    ] = 'threading',
    session_dir: Annotated[Path, typer.Option(help='Folder of the sessions.')] = Path('sessions'),
    model_dir: Annotated[Path, typer.Option(help='Folder of the models.')] = Path('models'),
) -> None:
    """Train a decoder on recorded sessions, and save the model where the pipeline node finds it.

    It is the training that the node does: same windows, same code, in a process of its own.
    """
    with report_errors():
        found = find_pipeline(decoder)
        data = TrainingData(
            paths=[str(path) for path in resolve_sessions(sessions, session_dir)],
            class_names=list(classes),
            streams=_streams(
                found,
                stream,
                window_ms,
                lambda own: options.filter_from(
                    bandpass, filter_order, notch, harmonics, notch_width, reference, own
                ),
            ),
            hop_ms=hop_ms,
            settle_ms=settle_ms,
            targets=list(target),
            backend=backend,
        )
        outcome = _run(found, data)
        if outcome.data is None:
            raise TrainingError(f'Training failed: {outcome.error}')
        shelf = ModelManager(found, ModelStore(model_dir.expanduser()), decoder)
        name, told = shelf.save_trained(outcome.model, outcome.data)
        console.print(told, markup=False, soft_wrap=True)
        errors.print(
            f'Use it: ros2 launch myogestic_ros bringup.launch.py decoder:={decoder} model:={name}',
            markup=False,
            soft_wrap=True,
        )


def _streams(
    pipeline: Pipeline,
    stream: str | None,
    window_ms: float | None,
    filters: Callable[[FilterSpec | None], FilterSpec | None],
) -> list[StreamSpec]:
    """Return what is asked of the streams: as the options say, otherwise as the decoder does."""
    specs = list(pipeline.streams)
    if stream is not None:
        specs = [spec for spec in specs if spec.name == stream] or [StreamSpec(stream)]
    return [
        replace(
            spec,
            window_ms=window_ms or spec.window_ms,
            # What is said of filters is meant for EMG; a stream with a rate is of joint states.
            filters=filters(spec.filters) if spec.sampling_rate is None else spec.filters,
        )
        for spec in specs
    ]


def _run(pipeline: Pipeline, data: TrainingData) -> Outcome:
    """Train as the node does, printing the log; Ctrl-C ends it at once."""
    if pipeline.callbacks.train is None:
        raise TrainingError('This decoder has no train callback (use @pipeline.train).')
    outcomes: list[Outcome] = []
    ended = threading.Event()

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.set()

    trainer = Trainer(
        lambda line: errors.print(line, markup=False, soft_wrap=True),
        lambda share: None,
        lambda text: errors.print(text, markup=False, soft_wrap=True),
    )
    trainer.start(pipeline.callbacks.train, complete_training_data, data, done)
    try:
        ended.wait()
    except KeyboardInterrupt:
        trainer.cancel()
        errors.print('Cancelled; nothing was saved.')
        raise typer.Exit(130) from None
    return outcomes[0]
