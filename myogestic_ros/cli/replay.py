"""``myogestic replay``: predict offline on a recorded session, as fast as possible."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from threadpoolctl import threadpool_limits

from myogestic_ros.cli.console import console, errors, report_errors
from myogestic_ros.cli.parameter_file import read_parameters
from myogestic_ros.cli.training_options import ModelKey
from myogestic_ros.core.models.model_store import Manifest, ModelStore, open_store
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.decoding.postprocessing.parameters import POST
from myogestic_ros.msg import Prediction
from myogestic_ros.nodes.pipeline.decoder_loader import find_pipeline
from myogestic_ros.nodes.pipeline.prediction_bag import (
    TOPICS,
    PredictionWriter,
    compare,
    read_predictions,
)
from myogestic_ros.sessions.reading.library import PREDICTED_FROM, free_name, resolve_sessions
from myogestic_ros.sessions.reading.offline_prediction import predict_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.writer import SessionWriter

__all__ = ['replay']


def replay(
    session: Annotated[
        str, typer.Argument(help='Session name in --session-dir, or path of a session or bag.')
    ],
    model: Annotated[
        str, typer.Option(help='Name of the model in --model-dir; empty: the newest.')
    ] = '',
    decoder: Annotated[
        str,
        typer.Option(
            help='Decoder: .py file, module or name; empty: the one that trained the model.'
        ),
    ] = '',
    session_dir: Annotated[Path, typer.Option(help='Folder of the sessions.')] = Path('sessions'),
    model_dir: Annotated[Path, typer.Option(help='Folder of the models.')] = Path('models'),
    model_key: ModelKey = '',
    predict_hz: Annotated[
        float,
        typer.Option(
            help='Predictions per second of signal, Hz; negative: that of the decoder; 0: one per '
            'frame.'
        ),
    ] = -1.0,
    params_file: Annotated[
        Path | None,
        typer.Option(
            help='Parameter file of the pipeline node, for the post-processing (post.*).'
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help='Bag to write; default: beside the session. Existing bags are not overwritten.'
        ),
    ] = None,
    compare_with: Annotated[
        Path | None,
        typer.Option(
            '--compare',
            help='Bag with earlier predictions of the same session, live or offline.',
        ),
    ] = None,
) -> None:
    """Predict on a recorded session without a ROS graph, and write the predictions to a bag.

    The predictions are identical, bit for bit, to those of a pipeline node to which the session is
    played at any speed without skipped ticks. --compare checks this; exit code 1 if they differ.
    """
    with report_errors():
        (source,) = resolve_sessions([session], session_dir)
        recording = Session(source)
        pipeline, manifest = _load_pipeline(
            open_store(model_dir, model_key), model, decoder, predict_hz
        )
        if params_file is not None:
            values = read_parameters(params_file, 'pipeline', POST)
            pipeline.post = PostProcessingChain(values, lambda: pipeline.predict_hz)
        path = output or source.parent / free_name(source.parent, f'{source.stem}_predictions')
        before = read_predictions(compare_with) if compare_with else None
        run = _predict(pipeline, manifest, recording, path)
        _report(run, path)
        if before is not None:
            _compare(path, compare_with, before)


@dataclass
class _Run:
    """Counts and times of an offline prediction."""

    predictions: int = 0
    labelled: int = 0
    correct: int = 0
    signal_s: float = 0.0
    took_s: float = 0.0
    post_processing: str = ''
    problems: Counter[str] = field(default_factory=Counter)


def _load_pipeline(
    store: ModelStore, model: str, decoder: str, predict_hz: float
) -> tuple[Pipeline, Manifest]:
    """Return an idle pipeline with the model, as the pipeline node creates it."""
    name = model or store.newest()
    made_by = store.manifest(name)
    decoder_pipeline = find_pipeline(decoder or made_by.decoder)
    pipeline = Pipeline(
        decoder_pipeline.predict_hz if predict_hz < 0 else predict_hz,
        streams=made_by.streams,
        callbacks=decoder_pipeline.callbacks,
    )
    content, manifest = store.load(name, pipeline.streams, pipeline.load_model)
    pipeline.use_model(content, name, manifest.class_names)
    return pipeline, manifest


def _predict(pipeline: Pipeline, manifest: Manifest, session: Session, path: Path) -> _Run:
    run = _Run(signal_s=session.duration_s)
    labels = session.labels()
    timeline = Timeline(labels)
    info = SessionInfo(
        class_names=tuple(manifest.class_names),
        subject=session.info.subject,
        protocol=f'offline replay of {session.name}',
        extra={
            PREDICTED_FROM: session.name,
            'model': pipeline.model_id,
            'decoder': manifest.decoder,
        },
    )
    start_ns = session.bag.start_ns
    with (
        SessionWriter(path, info, TOPICS) as writer,
        Progress(console=errors, transient=True) as progress,
        threadpool_limits(limits=1),
    ):
        task = progress.add_task(session.name, total=max(session.duration_s, 1e-9))

        def on_time(stamp_ns: int) -> None:
            progress.update(task, completed=(stamp_ns - start_ns) * 1e-9)

        bag = PredictionWriter(writer)
        bag.add_labels(labels)
        begun_s = time.perf_counter()
        for prediction in predict_session(pipeline, session, on_time):
            message = bag.add(prediction)
            run.predictions += 1
            label = timeline.label_during(prediction.stamp_ns, prediction.stamp_ns, 0)
            if label is not None and message.label:
                run.labelled += 1
                run.correct += message.label == label.name
        run.took_s = time.perf_counter() - begun_s
    run.problems['callback errors'] = pipeline.counters.errors
    run.problems['dropped results'] = pipeline.counters.dropped
    run.problems['coalesced ticks'] = pipeline.reader.cutter.coalesced
    run.post_processing = str(pipeline.post or '')
    run.problems['unsynchronized ticks'] = pipeline.reader.cutter.unsynchronized
    for name in pipeline.reader.cutter.names:
        run.problems[f'{name}: lost samples'] = pipeline.reader.cutter.validator(name).lost
    return run


def _report(run: _Run, path: Path) -> None:
    table = Table(show_header=False, box=None)
    table.add_row('predictions', str(run.predictions))
    speed = run.signal_s / run.took_s if run.took_s else 0.0
    table.add_row(
        'signal', f'{run.signal_s:.1f} s in {run.took_s:.1f} s ({speed:.0f} × real time)'
    )
    if run.labelled:
        share = run.correct / run.labelled
        table.add_row('as labelled', f'{share:.1%} of {run.labelled} (reaction times included)')
    if run.post_processing:
        table.add_row('post-processing', run.post_processing)
    for problem, count in run.problems.items():
        if count:
            table.add_row(problem, str(count))
    table.add_row('written to', str(path))
    console.print(table)


def _compare(path: Path, other: Path | None, before: list[Prediction]) -> None:
    result = compare(read_predictions(path), before)
    if result.identical:
        console.print(f'All {result.compared} predictions equal those in {other}, bit for bit.')
        return
    at = (
        ''
        if result.first_difference is None
        else f', the first at sample {result.first_difference}'
    )
    console.print(
        f'Predictions differ from {other}: {result.different} of {result.compared} are different{at}; '
        f'{result.missing} are missing in it, {result.additional} exist only in it.'
    )
    raise typer.Exit(1)
