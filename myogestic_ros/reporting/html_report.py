"""Write the report of an evaluation as an HTML page with embedded figures, or as one PNG figure."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.decoding.evaluation.regression import RegressionReport
from myogestic_ros.decoding.evaluation.report import ClassificationReport
from myogestic_ros.reporting import evaluation_figures as figures
from myogestic_ros.reporting import evaluation_timelines as timelines
from myogestic_ros.reporting.evaluation_tables import classification_rows, percent, regression_rows

__all__ = ['write_report']

Report = ClassificationReport | RegressionReport

SHOWN_THRESHOLD = 0.9
"""Confidence threshold that the text alternative of the rejection figure describes."""

CSS = """
body { font: 15px/1.55 system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; color: #1f2933;
  max-width: 62rem; margin: 2.5rem auto; padding: 0 1.5rem; background: #fff; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.details { color: #52606d; margin: 0 0 1.2rem; }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #e4e7eb; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: pre; }
thead th { border-bottom: 2px solid #1f2933; } tr.main td { font-weight: 600; }
figure { margin: .6rem 0; } figure img { width: 100%; height: auto; }
ul.warnings { border-left: 4px solid #d1691b; background: #fdf5ef; margin: 1rem 0;
  padding: .7rem 1rem .7rem 2rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
footer { color: #52606d; font-size: .85rem; border-top: 1px solid #e4e7eb; margin-top: 2.5rem;
  padding-top: .8rem; }
@media print { body { margin: 0; max-width: none; } figure, table { break-inside: avoid; } }
"""


def write_report(
    path: Path,
    title: str,
    details: Sequence[str],
    reports: Sequence[Report],
    warnings: Sequence[str],
) -> None:
    """Write a report.

    Parameters
    ----------
    path : Path
        File ending in ``.html`` or ``.png``, which determines the format.
    title : str
        Headline.
    details : sequence of str
        Lines below the headline: data, date, version, filters.
    reports : sequence of ClassificationReport, or of RegressionReport
        One per decoder.
    warnings : sequence of str
        Warnings about the data; only in HTML.

    Raises
    ------
    MyoGesticError
        If the file name has another ending, or the file cannot be written.
    """
    if path.suffix.lower() not in ('.html', '.htm', '.png'):
        raise MyoGesticError(
            f"The report is a .html or a .png file; got '{path}'. Use report.html, for example."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with plt.rc_context(figures.STYLE):
            if path.suffix.lower() == '.png':
                _write_png(path, title, details, reports)
            else:
                path.write_text(_page(title, details, reports, warnings), encoding='utf-8')
    except OSError as error:
        raise MyoGesticError(f'The report {path} cannot be written: {error}.') from error


def best_of(reports: Sequence[ClassificationReport]) -> ClassificationReport:
    """Return the report of the decoder with the highest balanced accuracy."""
    return max(reports, key=lambda report: report.steady.balanced_accuracy)


# -- PNG --------------------------------------------------------------------------------------


def _write_png(path: Path, title: str, details: Sequence[str], reports: Sequence[Report]) -> None:
    classified = [report for report in reports if isinstance(report, ClassificationReport)]
    if classified:
        figure = _classification_figure(classified)
    else:
        figure = _regression_figure([r for r in reports if isinstance(r, RegressionReport)])
    inch = 1 / figure.get_size_inches()[1]
    header = 0.54 + 0.18 * len(details)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - header * inch))
    figure.text(0.012, 1 - 0.12 * inch, title, va='top', fontsize=13, fontweight='bold')
    for number, line in enumerate(details):
        at = 1 - (0.42 + 0.18 * number) * inch
        figure.text(0.012, at, line, va='top', fontsize=8.5, color='#52606d')
    figure.savefig(path, dpi=200)
    plt.close(figure)


def _classification_figure(reports: Sequence[ClassificationReport]) -> Any:
    best = best_of(reports)
    decoder = best.decoder if len(reports) > 1 else ''
    n_classes = len(best.data.class_names)
    middle = max(3.6, 0.38 * n_classes + 1.2)
    bottom = max(2.4, 0.24 * n_classes + 1.0)
    figure = plt.figure(figsize=(11.5, middle + bottom + 3.6), layout='constrained')
    grid = figure.add_gridspec(3, 2, height_ratios=(middle, 2.8, bottom))
    figures.draw_confusion(
        figure.add_subplot(grid[0, 0]), best.steady, list(best.data.class_names.values()), decoder
    )
    figures.draw_recalls(figure.add_subplot(grid[0, 1]), reports)
    figures.draw_curves(figure.add_subplot(grid[1, 0]), reports)
    figures.draw_rejection(figure.add_subplot(grid[1, 1]), reports)
    timelines.draw_timeline(figure.add_subplot(grid[2, :]), best, decoder)
    return figure


def _regression_figure(reports: Sequence[RegressionReport]) -> Any:
    report = max(reports, key=lambda one: one.each.mean_r2 if one.each else float('-inf'))
    count = len(report.data.dof_names)
    figure, axes = plt.subplots(
        count, 1, figsize=(10, 0.8 + 2.1 * count), layout='constrained', squeeze=False
    )
    for dof in range(count):
        timelines.draw_regression(axes[dof, 0], report, dof)
    return figure


# -- HTML -------------------------------------------------------------------------------------


def _page(
    title: str, details: Sequence[str], reports: Sequence[Report], warnings: Sequence[str]
) -> str:
    lines = '<br>'.join(html.escape(line) for line in details)
    parts = [f'<h1>{html.escape(title)}</h1>', f'<p class="details">{lines}</p>']
    if warnings:
        items = ''.join(f'<li>{html.escape(warning)}</li>' for warning in warnings)
        parts.append(f'<ul class="warnings">{items}</ul>')
    classified = [report for report in reports if isinstance(report, ClassificationReport)]
    decoded = [report for report in reports if isinstance(report, RegressionReport)]
    if classified:
        parts += _classification(classified)
    if decoded:
        parts += _regression(decoded)
    notes = dict.fromkeys(note for report in reports for note in report.notes())
    parts += [f'<p>{html.escape(note)}</p>' for note in notes]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><style>{CSS}</style></head>\n<body>\n'
        + '\n'.join(parts)
        + '\n<footer>Created by <code>myogestic evaluate</code>. Training and test data are split by '
        'repetition, never by window: adjacent windows share most of their samples.</footer>\n</body></html>\n'
    )


def _classification(reports: Sequence[ClassificationReport]) -> list[str]:
    heads = ['', *(report.decoder for report in reports)]
    parts = [_table(heads, classification_rows(reports), main=1)]
    half = (5.6, 3.3)
    parts.append(
        '<div class="pair">'
        + _image(half, lambda axes: figures.draw_curves(axes, reports), _curves_text(reports))
        + _image(
            half, lambda axes: figures.draw_rejection(axes, reports), _rejection_text(reports)
        )
        + '</div>'
    )
    for report in reports:
        parts += _decoder(report, several=len(reports) > 1)
    return parts


def _decoder(report: ClassificationReport, *, several: bool) -> list[str]:
    """Return the figures of one decoder."""
    n_classes = len(report.data.class_names)
    side = max(3.8, 0.36 * n_classes + 1.6)
    timeline = (11.0, max(2.4, 0.26 * n_classes + 1.0))
    return [
        f'<h2>{html.escape(report.decoder)}</h2>' if several else '',
        '<div class="pair">',
        _image((side, side), lambda axes: _confusion(axes, report), _confusion_text(report)),
        _image(
            (side, side), lambda axes: figures.draw_recalls(axes, [report]), _recalls_text(report)
        ),
        '</div>',
        _image(
            timeline,
            lambda axes: timelines.draw_timeline(axes, report),
            f'Cued and predicted class over time in a held-out repetition, {report.decoder}.',
        ),
    ]


def _curves_text(reports: Sequence[ClassificationReport]) -> str:
    """Describe the learning curves in words, for screen readers."""
    curves = [
        f'{report.decoder} '
        + ', '.join(f'{percent(p.accuracy)} with {p.repetitions}' for p in report.curve)
        for report in reports
        if report.curve
    ]
    described = '; '.join(curves) or 'requires two repetitions of each class'
    return f'Accuracy by number of training repetitions: {described}.'


def _rejection_text(reports: Sequence[ClassificationReport]) -> str:
    parts = [
        f'{report.decoder} {percent(pair.accuracy)} with {percent(pair.rejected)} rejected'
        for report in reports
        for pair in report.rejections
        if pair.below == SHOWN_THRESHOLD and math.isfinite(pair.accuracy)
    ]
    described = ', '.join(parts) or 'the decoder gives no probabilities'
    return f'Accuracy of windows with a confidence of {SHOWN_THRESHOLD} or more: {described}.'


def _confusion_text(report: ClassificationReport) -> str:
    score, names = report.steady, report.data.class_names
    counts = score.confusion.copy()
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return f'Confusion matrix, {report.decoder}: no class was confused with another.'
    cued, predicted = np.unravel_index(int(counts.argmax()), counts.shape)
    share = counts[cued, predicted] / max(1, score.confusion[cued].sum())
    listed = list(names.values())
    return (
        f'Confusion matrix, {report.decoder}: most frequent error is {listed[cued]} predicted as '
        f'{listed[predicted]}, {percent(share)} of the windows of {listed[cued]}.'
    )


def _recalls_text(report: ClassificationReport) -> str:
    recalls = report.steady.recalls
    described = ', '.join(
        f'{name} {percent(recalls[index])}'
        for index, name in report.data.class_names.items()
        if index in recalls
    )
    return f'Recall by class, {report.decoder}: {described or "no class was tested"}.'


def _confusion(axes: Any, report: ClassificationReport) -> None:
    figures.draw_confusion(axes, report.steady, list(report.data.class_names.values()))


def _regression(reports: Sequence[RegressionReport]) -> list[str]:
    rows = [
        [f'{decoder}, {tested_on}', *cells]
        for decoder, tested_on, *cells in regression_rows(reports)
    ]
    heads = ['R² (mean absolute error)', *reports[0].data.dof_names]
    shown = [
        _embedded(
            _regression_figure([report]),
            f'Recorded and decoded {", ".join(report.data.dof_names)} over time, {report.decoder}.',
        )
        for report in reports
    ]
    return [_table(heads, rows), *shown]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], main: int = 0) -> str:
    head = ''.join(f'<th>{html.escape(text)}</th>' for text in heads)
    body = ''
    for number, row in enumerate(rows):
        kind = ' class="main"' if number < main else ''
        body += (
            f'<tr{kind}>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in row) + '</tr>\n'
        )
    return f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _image(size: tuple[float, float], draw: Callable[[Any], None], text: str) -> str:
    """Return a figure as an HTML element with a text alternative."""
    figure, axes = plt.subplots(figsize=size, layout='constrained')
    draw(axes)
    return _embedded(figure, text)


def _embedded(figure: Any, text: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format='svg')
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    alt = html.escape(text, quote=True)
    return f'<figure><img alt="{alt}" src="data:image/svg+xml;base64,{data}"></figure>'
