"""``myogestic evaluate``: cross-validate decoders on recorded sessions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from sklearn.base import clone

import myogestic_ros
from myogestic_ros.cli import training_options as options
from myogestic_ros.cli.console import console, errors, report_errors
from myogestic_ros.core.errors import MyoGesticError, TrainingError
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.datasets.evaluation_set import load_evaluation_set
from myogestic_ros.decoding.datasets.target_set import load_targets
from myogestic_ros.decoding.decoders.recipe import Recipe
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe
from myogestic_ros.decoding.evaluation.regression import (
    RegressionReport,
    evaluate_regressor,
)
from myogestic_ros.decoding.evaluation.report import (
    ClassificationReport,
    count_fits,
    evaluate_classifier,
)
from myogestic_ros.decoding.quality.checks import summary_warnings
from myogestic_ros.decoding.quality.electrode_rotation import class_covariances, find_rotation
from myogestic_ros.decoding.quality.signal_summary import SignalSummary, summarize_session
from myogestic_ros.reporting.evaluation_tables import print_classification, print_regression
from myogestic_ros.reporting.html_report import write_report
from myogestic_ros.sessions.reading.library import resolve_sessions
from myogestic_ros.sessions.reading.reader import JOINT_STATE, Session
from myogestic_ros.sessions.reading.training_data import complete_training_data

__all__ = ['evaluate']

Report = ClassificationReport | RegressionReport


@dataclass(frozen=True)
class Settings:
    """Sessions to evaluate, and how windows are cut."""

    paths: list[Path]
    stream: str
    target: str
    classes: list[str]
    window_ms: float
    hop_ms: float
    settle_ms: float
    filters: FilterSpec | None

    def training_data(self, *targets: str) -> TrainingData:
        """Return the settings as training data."""
        return TrainingData(
            paths=[str(path) for path in self.paths],
            class_names=self.classes,
            streams=[StreamSpec(self.stream, self.window_ms, filters=self.filters)],
            hop_ms=self.hop_ms,
            settle_ms=self.settle_ms,
            targets=list(targets),
        )


def evaluate(
    sessions: Annotated[
        list[str],
        typer.Argument(help='Session names in --session-dir, or paths.', show_default=False),
    ],
    decoder: Annotated[
        list[str],
        typer.Option(
            '--decoder',
            '-d',
            help='Built-in decoder, or scikit-learn estimator by import path; repeat to compare '
            'several.',
        ),
    ] = [DEFAULT],  # noqa: B006 - typer copies it
    stream: Annotated[str, typer.Option(help='Name of the EMG stream.')] = 'emg',
    target: Annotated[str, typer.Option(help='Target stream of proportional decoders.')] = '',
    classes: Annotated[
        list[str],
        typer.Option(
            '--class', help='Evaluate this class only; may be repeated.', show_default=False
        ),
    ] = [],  # noqa: B006
    window_ms: Annotated[float, typer.Option(min=1.0, help='Window length, ms.')] = 200.0,
    hop_ms: Annotated[float, typer.Option(min=1.0, help='Hop between windows, ms.')] = 50.0,
    settle_ms: options.SettleMs = TrainingData.settle_ms,
    bandpass: options.Bandpass = None,
    filter_order: options.FilterOrder = None,
    notch: options.Notch = None,
    harmonics: options.Harmonics = None,
    notch_width: options.NotchWidth = None,
    reference: options.Reference = None,
    session_dir: Annotated[Path, typer.Option(help='Folder of the sessions.')] = Path('sessions'),
    json_file: Annotated[
        Path | None,
        typer.Option('--json', help='Write all scores to this file; -: standard output.'),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help='Write a report to FILE.html or FILE.png.')
    ] = None,
) -> None:
    """Test decoders on repetitions that are held out of training.

    Scores: each repetition held out in turn, the last repetition, the learning curve (training on
    one, two, … repetitions), and whole sessions if there are several. Windows in transitions
    between classes are scored separately. Warnings about the quality of the data come first.
    """
    with report_errors():
        if report is not None and report.suffix.lower() not in ('.html', '.htm', '.png'):
            raise MyoGesticError(
                f"The report is a .html or a .png file; got '{report}'. Use report.html, for example."
            )
        settings = Settings(
            [Path(path) for path in resolve_sessions(sessions, session_dir)],
            stream,
            target,
            classes,
            window_ms,
            hop_ms,
            settle_ms,
            options.filter_from(bandpass, filter_order, notch, harmonics, notch_width, reference),
        )
        recipes = [recipe(name) for name in decoder]
        kinds = {one.kind for one in recipes}
        if len(kinds) > 1:
            raise MyoGesticError(
                f'{", ".join(decoder)}: some are classifiers, some proportional; expected decoders '
                f'of one kind.'
            )
        to_stderr = json_file == Path('-')
        warnings = _warnings(settings)
        for warning in warnings:
            errors.print(f'Warning: {warning}', style='yellow', markup=False, soft_wrap=True)
        reports = _run(settings, recipes)
        _print(settings, reports, to_stderr)
        if json_file is not None:
            _write_json(json_file, settings, reports, warnings)
        if report is not None:
            details = [_info(settings, reports), _provenance(settings)]
            write_report(report, _title(reports), details, reports, warnings)
            errors.print(f'Report: {report}', markup=False, soft_wrap=True)


def _warnings(settings: Settings) -> list[str]:
    """Return the warnings about each session, and about differences between sessions."""
    summaries = [
        summarize_session(path, settings.stream, settings.filters) for path in settings.paths
    ]
    found = summary_warnings(summaries)
    return found + _rotations(summaries, settings.stream)


def _rotations(summaries: Sequence[SignalSummary], stream: str) -> list[str]:
    """Return a warning per session whose electrodes are rotated relative to the first session."""
    found = []
    first = class_covariances(summaries[:1])
    for summary in summaries[1:]:
        if len(summary.channel_names) != len(summaries[0].channel_names):
            continue  # cutting the windows raises an error
        rotation = find_rotation(first, class_covariances([summary]))
        if rotation is not None and rotation.is_proposed:
            found.append(f"Session '{summary.session}': {rotation.message(stream)}")
    return found


def _run(settings: Settings, recipes: Sequence[Recipe]) -> list[Report]:
    found: list[Report] = []
    with Progress(console=errors, transient=True) as progress:
        for decoder in recipes:
            task = progress.add_task(f'{decoder.name}: cutting windows', total=None)
            if decoder.kind == 'regression':
                found.append(_regressor(settings, decoder, progress, task))
            else:
                found.append(_classifier(settings, decoder, progress, task))
            progress.remove_task(task)
    return found


def _classifier(settings: Settings, decoder: Recipe, progress: Progress, task: Any) -> Report:
    training = complete_training_data(settings.training_data())
    data = load_evaluation_set(
        settings.paths,
        settings.stream,
        decoder.extract,
        window_ms=settings.window_ms,
        hop_ms=settings.hop_ms,
        settle_ms=settings.settle_ms,
        classes=training.classes,
        filters=settings.filters,
    )
    estimator = decoder.make_estimator({settings.stream: training.streams[0].channels or 0})
    progress.update(task, description=f'{decoder.name}: training', total=count_fits(data))
    return evaluate_classifier(
        decoder.name,
        data,
        lambda x, y: _fit(decoder, estimator, x, y),
        lambda: progress.advance(task),
    )


def _regressor(settings: Settings, decoder: Recipe, progress: Progress, task: Any) -> Report:
    target = settings.target or _only_target(settings)
    data = load_targets(settings.training_data(target), decoder.extract)
    estimator = decoder.make_estimator(data.n_channels)
    progress.update(task, description=f'{decoder.name}: training')
    return evaluate_regressor(decoder.name, data, lambda x, y: _fit(decoder, estimator, x, y))


def _fit(decoder: Recipe, estimator: Any, features: Any, targets: Any) -> Any:
    try:
        return clone(estimator).fit(features, targets)
    except MyoGesticError:
        raise
    except Exception as error:
        raise TrainingError(
            f"Decoder '{decoder.name}' cannot be trained on {len(targets)} windows: "
            f'{type(error).__name__}: {error}'
        ) from error


def _only_target(settings: Settings) -> str:
    """Return the only stream of targets in the first session."""
    topics = Session(settings.paths[0]).bag.topics
    found = [topic for topic, kind in topics.items() if kind == JOINT_STATE]
    if len(found) != 1:
        raise MyoGesticError(
            f"Session '{settings.paths[0].name}' has {len(found)} streams of targets "
            f'({", ".join(found) or "none of type JointState"}); name one with --target, or '
            f'evaluate a classifier.'
        )
    return found[0].rpartition('/')[2]


def _print(settings: Settings, reports: Sequence[Report], to_stderr: bool) -> None:
    out = errors if to_stderr else console
    out.print(_info(settings, reports), style='dim', markup=False)
    classified = [report for report in reports if isinstance(report, ClassificationReport)]
    decoded = [report for report in reports if isinstance(report, RegressionReport)]
    if classified:
        print_classification(out, classified)
    if decoded:
        print_regression(out, decoded)
    for note in dict.fromkeys(note for report in reports for note in report.notes()):
        errors.print(note, markup=False, soft_wrap=True)


def _title(reports: Sequence[Report]) -> str:
    names = reports[0].data.session_names
    sessions = names[0] if len(names) == 1 else f'{len(names)} sessions'
    return f'{" and ".join(report.decoder for report in reports)} on {sessions}'


def _info(settings: Settings, reports: Sequence[Report]) -> str:
    cut = f'windows of {settings.window_ms:g} ms every {settings.hop_ms:g} ms'
    first = reports[0]
    names = ', '.join(first.data.session_names)
    if isinstance(first, RegressionReport):
        return f'{names}: {len(first.data.targets)} {cut}'
    counts = sorted(set(first.data.count_repetitions().values()))
    spread = f'{counts[0]}' if len(counts) == 1 else f'{counts[0]} to {counts[-1]}'
    return (
        f'{names}: {len(first.data.class_names)} classes, {spread} repetitions, '
        f'{int(first.data.steady.sum())} steady {cut}; {settings.settle_ms:g} ms after each cue '
        f'scored separately'
    )


def _provenance(settings: Settings) -> str:
    """Return date, version and filters of an evaluation."""
    now = datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
    version = myogestic_ros.__version__
    return f'{now}, myogestic_ros {version}, filters: {settings.filters or "none"}'


def _write_json(
    file: Path, settings: Settings, reports: Sequence[Report], warnings: Sequence[str]
) -> None:
    content = {
        'date': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'myogestic_ros': myogestic_ros.__version__,
        'filters': None if settings.filters is None else settings.filters.to_json(),
        'window_ms': settings.window_ms,
        'hop_ms': settings.hop_ms,
        'settle_ms': settings.settle_ms,
        'warnings': list(warnings),
        'decoders': [report.to_json() for report in reports],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + '\n'
    if file == Path('-'):
        console.file.write(text)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding='utf-8')
    except OSError as error:
        raise MyoGesticError(f'The scores cannot be written to {file}: {error}.') from error
