"""``myogestic train``: train a model on recorded sessions without a ROS graph."""

from __future__ import annotations

import shlex
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from myogestic_ros.cli import training_options as options
from myogestic_ros.cli.console import console, errors, report_errors
from myogestic_ros.core.errors import ModelError, TrainingError
from myogestic_ros.core.models.model_store import FORMATS, open_store
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
        list[str],
        typer.Argument(help='Session names in --session-dir, or paths.', show_default=False),
    ],
    decoder: Annotated[
        str,
        typer.Option(
            '--decoder',
            '-d',
            help=f'Built-in decoder ({", ".join(recipe_names())}), scikit-learn estimator by import '
            f'path such as sklearn.svm:SVC, .py file, or module.',
        ),
    ] = DEFAULT,
    stream: Annotated[
        str | None,
        typer.Option(
            help='Name of the EMG stream; default: that of the decoder, emg for built-in ones.',
        ),
    ] = None,
    target: Annotated[
        list[str],
        typer.Option(help='Target stream of a proportional decoder.', show_default=False),
    ] = [],  # noqa: B006 - typer copies it
    classes: Annotated[
        list[str],
        typer.Option(
            '--class', help='Train on this class only; may be repeated.', show_default=False
        ),
    ] = [],  # noqa: B006
    window_ms: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            help='Window length, ms; default: that of the decoder, 200 for built-in ones.',
        ),
    ] = None,
    hop_ms: Annotated[float, typer.Option(min=1.0, help='Hop between windows, ms.')] = 50.0,
    settle_ms: options.SettleMs = TrainingData.settle_ms,
    bandpass: options.Bandpass = None,
    filter_order: options.FilterOrder = None,
    notch: options.Notch = None,
    harmonics: options.Harmonics = None,
    notch_width: options.NotchWidth = None,
    reference: options.Reference = None,
    backend: Annotated[
        str, typer.Option(help='Parallel backend: threading, loky, dask or dask:ADDRESS.')
    ] = 'threading',
    session_dir: Annotated[Path, typer.Option(help='Folder of the sessions.')] = Path('sessions'),
    model_dir: Annotated[Path, typer.Option(help='Folder of the models.')] = Path('models'),
    model_key: options.ModelKey = '',
    model_format: Annotated[
        str, typer.Option(help=f'Format of the model: {" or ".join(FORMATS)}.')
    ] = FORMATS[0],
) -> None:
    """Train a decoder on recorded sessions and save the model for the pipeline node.

    The training is that of the pipeline node: same windows, same code, in a separate process.
    """
    with report_errors():
        if model_format not in FORMATS:
            raise ModelError(
                f"Got model format '{model_format}', expected one of {', '.join(FORMATS)}."
            )
        found = find_pipeline(decoder)
        store = open_store(model_dir, model_key, model_format)
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
        models = ModelManager(found, store, decoder)
        name, message = models.save_trained(outcome.model, outcome.data)
        console.print(message, markup=False, soft_wrap=True)
        for line in _next_steps(decoder, name, model_dir, sessions[0], session_dir):
            errors.print(line, markup=False, soft_wrap=True)


def _next_steps(
    decoder: str, model: str, model_dir: Path, session: str, session_dir: Path
) -> list[str]:
    """Return the commands that use a model: with ROS a launch file, without ROS the executables."""
    node = [('decoder', decoder), ('model', model)]
    offline = ['--model', model]
    if model_dir != Path('models'):
        node.append(('model_dir', str(model_dir.expanduser().absolute())))
        offline += ['--model-dir', str(model_dir)]
    if session_dir != Path('sessions'):
        offline += ['--session-dir', str(session_dir)]
    if shutil.which('ros2') is not None:
        words = ['ros2', 'launch', 'myogestic_ros', 'bringup.launch.py']
        words += [f'{key}:={value}' for key, value in node]
        return [f'Use it: {shlex.join(words)}']
    live = ['myogestic-pipeline', '--ros-args']
    for key, value in node:
        live += ['-p', f'{key}:={value}']
    return [
        f'Predict on a session: {shlex.join(["myogestic", "replay", session, *offline])}',
        f'Predict live: {shlex.join(live)}',
    ]


def _streams(
    pipeline: Pipeline,
    stream: str | None,
    window_ms: float | None,
    filters: Callable[[FilterSpec | None], FilterSpec | None],
) -> list[StreamSpec]:
    """Return the streams of the decoder, changed by the options."""
    specs = list(pipeline.streams)
    if stream is not None:
        specs = [spec for spec in specs if spec.name == stream] or [StreamSpec(stream)]
    return [
        replace(
            spec,
            window_ms=window_ms or spec.window_ms,
            # Filter options apply to EMG; a stream with a rate contains joint states.
            filters=filters(spec.filters) if spec.sampling_rate is None else spec.filters,
        )
        for spec in specs
    ]


def _run(pipeline: Pipeline, data: TrainingData) -> Outcome:
    """Train as the node does and print the log. Ctrl-C cancels."""
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
