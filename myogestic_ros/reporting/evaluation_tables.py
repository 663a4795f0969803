"""Print an evaluation as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from myogestic_ros.decoding.evaluation.cross_validation import Evaluation
from myogestic_ros.decoding.evaluation.regression import RegressionReport, RegressionScore
from myogestic_ros.decoding.evaluation.report import ClassificationReport

__all__ = [
    'classification_rows',
    'percent',
    'print_classification',
    'print_regression',
    'regression_rows',
    'seconds',
]

ROWS = (
    'each repetition held out',
    '  mean over classes (balanced)',
    '  worst repetition',
    'last repetition',
    'trained on one repetition',
    'across sessions',
    '  worst session',
    'rejection below 0.9: rejected',
    '  accuracy of accepted windows',
    'in transition',
    'decision after the cue: median',
    '  90 % of cues',
    '  never',
)
"""Names of the scores in `_scores`, in order."""


def percent(value: float) -> str:
    """Return a share in percent; a dash for NaN."""
    return f'{100 * value:.1f} %' if math.isfinite(value) else '–'


def seconds(value: float) -> str:
    """Return a time in seconds; a dash for NaN, never for infinity."""
    if math.isnan(value):
        return '–'
    return f'{value:.2f} s' if math.isfinite(value) else 'never'


def classification_rows(reports: Sequence[ClassificationReport]) -> list[list[str]]:
    """Return the scores as rows of name and one cell per decoder, without empty rows."""
    columns = [_scores(report) for report in reports]
    rows = [[name, *cells] for name, *cells in zip(ROWS, *columns, strict=True)]
    return [row for row in rows if any(cell != '–' for cell in row[1:])]


def regression_rows(reports: Sequence[RegressionReport]) -> list[list[str]]:
    """Return R² (mean absolute error) as rows of decoder, test data, and one cell per DoF."""
    return [
        [report.decoder, tested_on, *_dofs(score)]
        for report in reports
        for tested_on, score in (
            ('each fifth held out', report.each),
            ('second half', report.half),
            ('each session held out', report.sessions),
        )
        if score is not None
    ]


def _scores(report: ClassificationReport) -> list[str]:
    """Return the scores of one decoder in the order of `ROWS`; a dash where there is none."""
    steady, sessions, delays = report.steady, report.sessions, report.delays
    pairs = {pair.below: pair for pair in report.rejections}
    curve = {point.repetitions: point for point in report.curve}
    nan = float('nan')
    return [
        percent(steady.accuracy),
        percent(steady.balanced_accuracy),
        percent(min(steady.fold_accuracies, default=nan)),
        percent(report.last.accuracy),
        percent(curve[1].accuracy if 1 in curve else nan),
        percent(sessions.accuracy),
        percent(min(sessions.fold_accuracies, default=nan)),
        percent(pairs[0.9].rejected if 0.9 in pairs else nan),
        percent(pairs[0.9].accuracy if 0.9 in pairs else nan),
        percent(report.transitions.accuracy),
        seconds(delays.percentile(50)),
        seconds(delays.percentile(90)),
        f'{delays.missed} of {delays.cues}' if delays.cues else '–',
    ]


def print_classification(console: Console, reports: Sequence[ClassificationReport]) -> None:
    """Print the scores of decoders side by side, and the confusion of each."""
    table = Table(title='Accuracy on repetitions held out of training')
    table.add_column('')
    for report in reports:
        table.add_column(report.decoder, justify='right')
    for number, (name, *cells) in enumerate(classification_rows(reports)):
        table.add_row(name, *cells, style='bold' if not number else None)
    console.print(table)
    for report in reports:
        _print_curve(console, report)
        _print_confusion(console, report)
    if len(reports[0].data.session_names) > 1:
        _print_sessions(console, reports)


def _print_curve(console: Console, report: ClassificationReport) -> None:
    if len(report.curve) < 2:
        return
    table = Table(title=f'{report.decoder}: accuracy by number of training repetitions')
    table.add_column('')
    for point in report.curve:
        table.add_column(str(point.repetitions), justify='right')
    table.add_row('accuracy', *(percent(point.accuracy) for point in report.curve))
    table.add_row('worst repetition', *(percent(point.worst) for point in report.curve))
    console.print(table)


def _print_confusion(console: Console, report: ClassificationReport) -> None:
    score = report.steady
    if score.is_empty:
        return
    names = list(report.data.class_names.values())
    totals = score.confusion.sum(axis=1)
    recalls = score.recalls
    wide = sum(max(5, len(name)) + 3 for name in names) + 20 > console.width
    table = Table(title=f'{report.decoder}: cued class (rows) and predicted class (columns), %')
    table.add_column('', no_wrap=True)
    for number, name in enumerate(names):
        table.add_column(str(number + 1) if wide else name, justify='right')
    table.add_column('recall', justify='right')
    for row, name in enumerate(names):
        cells: list[Text | str] = []
        for column, count in enumerate(score.confusion[row]):
            share = f'{100 * count / max(1, totals[row]):.1f}'
            style = 'bold green' if row == column else 'red' if count > 0.05 * totals[row] else ''
            cells.append(Text(share if count else '·', style=style if count else 'dim'))
        recall = percent(recalls.get(score.classes[row], float('nan')))
        table.add_row(f'{row + 1} {name}' if wide else name, *cells, recall)
    console.print(table)


def _print_sessions(console: Console, reports: Sequence[ClassificationReport]) -> None:
    table = Table(title='Each session: its repetitions held out, and the whole session held out')
    table.add_column('session')
    for report in reports:
        table.add_column(report.decoder, justify='right')
        table.add_column('whole session', justify='right')
    whole_sessions = [_whole(report) for report in reports]
    for name in reports[0].data.session_names:
        cells = []
        for report, whole in zip(reports, whole_sessions, strict=True):
            cells += [percent(report.by_session[name].accuracy), percent(whole[name])]
        table.add_row(name, *cells)
    console.print(table)


def _whole(report: ClassificationReport) -> dict[str, float]:
    """Return the accuracy on each session of a decoder trained on the others."""
    score: Evaluation = report.sessions
    names = report.data.session_names
    if len(score.fold_accuracies) != len(names):  # a session could not be tested
        return dict.fromkeys(names, float('nan'))
    return dict(zip(names, score.fold_accuracies, strict=True))


def print_regression(console: Console, reports: Sequence[RegressionReport]) -> None:
    """Print R² and mean absolute error of each DoF."""
    table = Table(title='R² (mean absolute error) on segments held out of training')
    table.add_column('decoder')
    table.add_column('tested on')
    for name in reports[0].data.dof_names:
        table.add_column(name, justify='right')
    for row in regression_rows(reports):
        table.add_row(*row)
    console.print(table)


def _dofs(score: RegressionScore) -> list[str]:
    return [
        f'{r2:.3f} ({mae:.3g})' if math.isfinite(r2) else f'– ({mae:.3g})'
        for r2, mae in zip(score.r2, score.mae, strict=True)
    ]
