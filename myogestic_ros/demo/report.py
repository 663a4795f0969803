"""Report of the demo: tables in the terminal, a figure and a JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table

from myogestic_ros.control.kinematics import Kinematics
from myogestic_ros.demo.hand_report import (
    add_rows,
    draw_distance,
    draw_strip,
    hand_numbers,
)
from myogestic_ros.demo.hand_score import HandScore
from myogestic_ros.demo.score import NOT_JUDGED_S, Cue, ReceivedPrediction, Score

__all__ = ['print_score', 'write_files']

REACTING = 'not scored (reaction)'


def print_score(
    console: Console,
    score: Score,
    hand: HandScore | None = None,
    post_processing: str = '',
    skipped: int = 0,
) -> None:
    """Print confusion, accuracy, rate and latency, the post-processing, and scores of the hand."""
    confusion = Table(title='Cued class (rows) and predicted class (columns)')
    confusion.add_column('')
    columns = _columns(score)
    for name in columns:
        confusion.add_column(name, justify='right')
    confusion.add_column('correct', justify='right')
    for row, name in enumerate(score.class_names):
        counts = score.confusion[row]
        cells = [
            f'[bold green]{count}[/]' if column == row else (str(count) if count else '·')
            for column, count in enumerate(counts[: len(columns)])
        ]
        confusion.add_row(name, *cells, f'{counts[row] / max(1, counts.sum()):.1%}')
    console.print(confusion)
    summary = Table(show_header=False)
    summary.add_row('online accuracy', f'[bold]{score.accuracy:.1%}[/] of {score.judged}')
    summary.add_row('predictions', str(score.predictions))
    late = f', {skipped} skipped because they were late' if skipped else ''
    summary.add_row('prediction rate', f'{score.rate_hz:.2f} Hz of signal{late}')
    latency = ' / '.join(f'{score.latency_ms(percentile):.2f}' for percentile in (50, 99))
    summary.add_row('newest sample → received prediction', f'{latency} ms (p50 / p99)')
    if post_processing:
        summary.add_row('post-processing', post_processing)
    if hand is not None:
        add_rows(summary, hand)
    console.print(summary)


def _columns(score: Score) -> list[str]:
    """Return the columns of the confusion matrix: 'other' only if another label was predicted."""
    other = ['other'] if score.confusion[:, -1].any() else []
    return [*score.class_names, *other]


def write_files(
    folder: Path,
    score: Score,
    cues: Sequence[Cue],
    predictions: Sequence[ReceivedPrediction],
    info: dict[str, Any],
    hand: HandScore | None = None,
    robot: Kinematics | None = None,
) -> Path:
    """Write ``report.json`` and ``report.png``; return the path of the figure.

    ``info`` is added to the JSON file; its ``title`` is also the title of the figure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {
        **info,
        'accuracy': score.accuracy,
        'judged': score.judged,
        'predictions': score.predictions,
        'prediction_rate_hz': score.rate_hz,
        'signal_s': score.signal_s,
        'latency_p50_ms': score.latency_ms(50),
        'latency_p99_ms': score.latency_ms(99),
        'class_names': score.class_names,
        'confusion': score.confusion.tolist(),
    }
    if hand is not None:
        numbers['hand'] = hand_numbers(hand)
    (folder / 'report.json').write_text(json.dumps(numbers, indent=2) + '\n')
    strip = hand is not None and robot is not None and bool(hand.cue_results)
    figure = plt.figure(figsize=(11, 10.5 if strip else 7), layout='constrained')
    grid = figure.add_gridspec(3 if strip else 2, 1, height_ratios=(6, 8, 7)[: 3 if strip else 2])
    _draw_timeline(figure.add_subplot(grid[0]), score.class_names, cues, predictions)
    if hand is not None and robot is not None and strip:
        draw_strip(figure.add_subfigure(grid[1]), robot, hand)
    below = grid[-1].subgridspec(1, 3 if strip else 2)
    _draw_confusion(figure.add_subplot(below[0]), score)
    _draw_latency(figure.add_subplot(below[1]), score)
    if hand is not None and strip:
        draw_distance(figure.add_subplot(below[2]), hand)
    figure.suptitle(
        f'{info.get("title", "myogestic_ros")}: {score.accuracy:.1%} online accuracy, '
        f'{score.rate_hz:.1f} Hz, {score.latency_ms(50):.1f} ms'
    )
    picture = folder / 'report.png'
    figure.savefig(picture, dpi=120)
    plt.close(figure)
    return picture


def _draw_timeline(
    axes: Any, names: list[str], cues: Sequence[Cue], predictions: Sequence[ReceivedPrediction]
) -> None:
    """Draw cues as bands and predictions as dots over time."""
    rows = {name: row for row, name in enumerate(names)}
    if not predictions:
        axes.text(0.5, 0.5, 'no prediction received', ha='center', transform=axes.transAxes)
        return
    start, end = predictions[0].stamp_s, predictions[-1].stamp_s
    for index, cue in enumerate(cues):
        until = cues[index + 1].stamp_s if index + 1 < len(cues) else end
        if cue.name not in rows or until < start:
            continue
        left = max(cue.stamp_s, start) - start
        axes.barh(
            rows[cue.name], until - start - left, left=left, height=0.9, color='#cfe3f5', zorder=1
        )
    placed = [a for a in predictions if a.label in rows]
    kinds = _kinds(cues, placed)
    for kind, colour in (('correct', '#1b7837'), ('wrong', '#d6604d'), (REACTING, '#999999')):
        chosen = [a for a, own in zip(placed, kinds, strict=True) if own == kind]
        axes.plot(
            [a.stamp_s - start for a in chosen],
            [rows[a.label] for a in chosen],
            '.',
            color=colour,
            markersize=3,
            label=f'predicted, {kind}',
            zorder=2,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, end - start)
    axes.set_xlabel('time (s)')
    axes.set_title('Cued (bands) and predicted (dots)', loc='left')
    axes.legend(
        loc='lower right', bbox_to_anchor=(1, 1), ncols=3, markerscale=3, frameon=False, fontsize=8
    )


def _kinds(cues: Sequence[Cue], predictions: Sequence[ReceivedPrediction]) -> list[str]:
    """Return the kind of each prediction, which determines its colour."""
    starts = np.array([cue.stamp_s for cue in cues])
    stamps = [prediction.stamp_s for prediction in predictions]
    kinds = []
    for prediction, index in zip(
        predictions, np.searchsorted(starts, stamps, side='right') - 1, strict=True
    ):
        if index < 0 or not cues[index].name or prediction.stamp_s - starts[index] < NOT_JUDGED_S:
            kinds.append(REACTING)
        else:
            kinds.append('correct' if prediction.label == cues[index].name else 'wrong')
    return kinds


def _draw_confusion(axes: Any, score: Score) -> None:
    shares = score.confusion / np.maximum(1, score.confusion.sum(axis=1, keepdims=True))
    shares = shares[:, : len(_columns(score))]
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1, aspect='auto')
    for row, column in np.ndindex(shares.shape):
        if score.confusion[row, column]:
            axes.text(
                column,
                row,
                f'{shares[row, column]:.0%}',
                ha='center',
                va='center',
                color='white' if shares[row, column] > 0.5 else 'black',
            )
    columns = _columns(score)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha='right')
    axes.set_yticks(range(len(score.class_names)), score.class_names)
    axes.set_xlabel('predicted')
    axes.set_ylabel('cued')
    axes.set_title('Steady state')


def _draw_latency(axes: Any, score: Score) -> None:
    if len(score.latency_s):
        milliseconds = score.latency_s * 1e3
        limit = float(np.percentile(milliseconds, 99.5)) * 1.2
        axes.hist(np.clip(milliseconds, 0, limit), bins=60, color='#4393c3')
        for percentile, style in ((50, '-'), (99, '--')):
            value = score.latency_ms(percentile)
            axes.axvline(
                value, color='black', linestyle=style, label=f'p{percentile} {value:.2f} ms'
            )
        axes.legend()
    axes.set_xlabel('newest sample → received prediction (ms)')
    axes.set_ylabel('predictions')
    axes.set_title('Latency')
