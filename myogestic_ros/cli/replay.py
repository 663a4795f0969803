"""``myogestic replay``: the predictions that a recording gives, as fast as the machine can."""

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
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.decoding.postprocessing.parameters import POST
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
        str, typer.Argument(help='Name in --session-dir, or path of a session or bag.')
    ],
    model: Annotated[
        str, typer.Option(help='Name of the model in the model folder; empty: the newest.')
    ] = '',
    decoder: Annotated[
        str,
        typer.Option(
            help='Decoder: a .py file, a module or a name; empty: the one that made the model.'
        ),
    ] = '',
    session_dir: Annotated[Path, typer.Option(help='Folder of the sessions.')] = Path('sessions'),
    model_dir: Annotated[Path, typer.Option(help='Folder of the models.')] = Path('models'),
    predict_hz: Annotated[
        float,
        typer.Option(
            help='Predictions per second of signal, Hz; negative: as the decoder says; 0: one per frame.'
        ),
    ] = -1.0,
    params_file: Annotated[
        Path | None,
        typer.Option(
            help='Parameter file of the pipeline node, for what comes after the decoder (post.…).'
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help='Bag to write; by default beside the session. Never overwrites.'),
    ] = None,
    compare_with: Annotated[
        Path | None,
        typer.Option(
            '--compare',
            help='Bag with predictions made before, live or offline, of the same session.',
        ),
    ] = None,
) -> None:
    """Predict on a recorded session without a graph, and write the predictions as a bag.

    They are, bit for bit, those that a pipeline node makes when the session is played to it, at
    any speed it can keep up with. With --compare it says whether that is so; exit code 1 when not.
    """
    with report_errors():
        (place,) = resolve_sessions([session], session_dir)
        recording = Session(place)
        pipeline, manifest = _ready(model, decoder, model_dir, predict_hz)
        if params_file is not None:
            values = read_parameters(params_file, 'pipeline', POST)
            pipeline.post = PostProcessingChain(values, lambda: pipeline.predict_hz)
        path = output or place.parent / free_name(place.parent, f'{place.stem}_predictions')
        before = read_predictions(compare_with) if compare_with else None
        run = _predict(pipeline, manifest, recording, path)
        _report(run, path)
        if before is not None:
            _compare(path, compare_with, before)


@dataclass
class _Run:
    predictions: int = 0
    labelled: int = 0
    right: int = 0
    signal_s: float = 0.0
    took_s: float = 0.0
    after: str = ''
    problems: Counter[str] = field(default_factory=Counter)


def _ready(
    model: str, decoder: str, model_dir: Path, predict_hz: float
) -> tuple[Pipeline, Manifest]:
    """Return an idle pipeline with a model, as the node would have made it."""
    store = ModelStore(model_dir.expanduser())
    name = model or store.newest()
    made_by = store.manifest(name)
    found = find_pipeline(decoder or made_by.decoder)
    pipeline = Pipeline(
        found.predict_hz if predict_hz < 0 else predict_hz,
        streams=made_by.streams,
        callbacks=found.callbacks,
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
            label = timeline.over(prediction.stamp_ns, prediction.stamp_ns, 0)
            if label is not None and message.label:
                run.labelled += 1
                run.right += message.label == label.name
        run.took_s = time.perf_counter() - begun_s
    run.problems['callback errors'] = pipeline.counters.errors
    run.problems['dropped results'] = pipeline.counters.dropped
    run.problems['coalesced ticks'] = pipeline.reader.cutter.coalesced
    run.after = str(pipeline.post or '')
    run.problems['unsynchronized ticks'] = pipeline.reader.cutter.unsynchronized
    for name in pipeline.reader.cutter.names:
        run.problems[f'{name}: lost samples'] = pipeline.reader.cutter.validator(name).lost
    return run


def _report(run: _Run, path: Path) -> None:
    table = Table(show_header=False, box=None)
    table.add_row('predictions', str(run.predictions))
    speed = run.signal_s / run.took_s if run.took_s else 0.0
    table.add_row('signal', f'{run.signal_s:.1f} s in {run.took_s:.1f} s ({speed:.0f} times life)')
    if run.labelled:
        share = run.right / run.labelled
        table.add_row('as labelled', f'{share:.1%} of {run.labelled} (reaction times included)')
    if run.after:
        table.add_row('after the decoder', run.after)
    for what, count in run.problems.items():
        if count:
            table.add_row(what, str(count))
    table.add_row('written to', str(path))
    console.print(table)


def _compare(path: Path, other: Path | None, before: list[object]) -> None:
    result = compare(read_predictions(path), before)
    if result.identical:
        console.print(f'All {result.compared} predictions are those of {other}, bit for bit.')
        return
    at = (
        ''
        if result.first_difference is None
        else f', the first at sample {result.first_difference}'
    )
    console.print(
        f'Not those of {other}: {result.different} of {result.compared} differ{at}; '
        f'{result.missing} are missing there, {result.additional} are only there.'
    )
    raise typer.Exit(1)
