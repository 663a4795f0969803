"""Figures of an evaluation: confusion matrix, learning curve, recalls, rejection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use('Agg')
import numpy as np

from myogestic_ros.decoding.evaluation.cross_validation import Evaluation
from myogestic_ros.decoding.evaluation.report import ClassificationReport

__all__ = [
    'STYLE',
    'draw_confusion',
    'draw_curves',
    'draw_placeholder',
    'draw_recalls',
    'draw_rejection',
]

WRONG, UNSETTLED = '#c8401f', '#9aa3ad'
INK, FAINT = '#1f2933', '#cbd2d9'
COLOURS = ('#1f5fa8', '#d1691b', '#0b8a6a', '#a3438c', '#7a6a12', '#4a5568')
"""Distinguishable with colour vision deficiency, and on white paper."""

STYLE = {
    'font.family': 'sans-serif',
    'font.size': 9,
    'axes.titlesize': 10,
    'axes.titleweight': 'bold',
    'axes.titlelocation': 'left',
    'axes.titlepad': 9,
    'axes.labelcolor': INK,
    'axes.edgecolor': INK,
    'axes.linewidth': 0.8,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'text.color': INK,
    'xtick.color': INK,
    'ytick.color': INK,
    'xtick.major.width': 0.8,
    'ytick.major.width': 0.8,
    'legend.frameon': False,
    'legend.fontsize': 8.5,
    'svg.fonttype': 'path',
}
"""Settings for `matplotlib.pyplot.rc_context`."""


def draw_confusion(axes: Any, score: Evaluation, names: Sequence[str], decoder: str = '') -> None:
    """Draw the confusion matrix in percent of each row.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    score : Evaluation
        The evaluation.
    names : sequence of str
        Class names, by row.
    decoder : str
        Name of the decoder for the title, if there are several.
    """
    counts = score.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(1, totals)
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1.1, aspect='equal')
    size = 9.0 if len(names) <= 8 else 7.0 if len(names) <= 14 else 5.0
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        if not counts[row, column]:
            continue
        text = f'{share:.0%}'.rstrip('%') if share >= 0.005 else '<1'
        axes.text(
            column,
            row,
            '100' if counts[row, column] == totals[row, 0] else text if text != '100' else '>99',
            ha='center',
            va='center',
            fontsize=size,
            color='white' if share > 0.55 else INK if row == column else WRONG,
        )
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which='minor', color='white', linewidth=1.5)
    axes.tick_params(which='both', length=0)
    axes.set_xticks(range(len(names)), names, rotation=40, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(names)), names)
    for side in ('left', 'bottom'):
        axes.spines[side].set_visible(False)
    axes.set_xlabel('predicted')
    axes.set_ylabel('cued')
    axes.set_title(f'Confusion{" of " if decoder else ""}{decoder}, steady state (% of each row)')


def draw_curves(axes: Any, reports: Sequence[ClassificationReport]) -> None:
    """Draw accuracy over the number of training repetitions, with the range over tests."""
    drawn = [report for report in reports if report.curve]
    low = 1.0
    for colour, report in zip(COLOURS * len(reports), reports, strict=False):
        if not report.curve:
            continue
        steps = [point.repetitions for point in report.curve]
        worst = [100 * point.worst for point in report.curve]
        best = [100 * point.best for point in report.curve]
        if len(drawn) == 1:
            axes.fill_between(steps, worst, best, color=colour, alpha=0.15, linewidth=0)
            low = min(low, min(worst) / 100)
        low = min(low, *(point.accuracy for point in report.curve))
        values = [100 * point.accuracy for point in report.curve]
        axes.plot(
            steps,
            values,
            'o-',
            color=colour,
            markersize=4,
            linewidth=1.6,
            label=report.decoder,
            clip_on=False,
        )
        if len(drawn) == 1:
            for step, value in zip(steps, values, strict=True):
                axes.annotate(
                    f'{value:.1f}',
                    (step, value),
                    (0, -13),
                    textcoords='offset points',
                    ha='center',
                    fontsize=8,
                )
    if not drawn:
        draw_placeholder(axes, 'requires two repetitions of each class')
    else:
        axes.set_xticks(sorted({p.repetitions for report in drawn for p in report.curve}))
        limit_accuracy(axes, 100 * low)
        axes.grid(axis='y', color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        if len(reports) > 1:
            axes.legend(loc='lower right')
        else:
            axes.text(
                1,
                0.02,
                'band: range over the tested repetitions',
                transform=axes.transAxes,
                ha='right',
                fontsize=8,
                color='#52606d',
            )
    axes.set_xlabel('training repetitions of each class')
    axes.set_ylabel('accuracy (%)')
    axes.set_title('Learning curve')


def draw_recalls(axes: Any, reports: Sequence[ClassificationReport]) -> None:
    """Draw the recall of each class, with one bar per decoder."""
    names = reports[0].data.class_names
    height = 0.8 / len(reports)
    lowest = 1.0
    for number, (colour, report) in enumerate(zip(COLOURS * len(reports), reports, strict=False)):
        recalls = report.steady.recalls
        for row, index in enumerate(names):
            value = recalls.get(index)
            at = row + (number - (len(reports) - 1) / 2) * height
            if value is None:
                axes.text(0.5, at, ' not tested', va='center', fontsize=8, color=UNSETTLED)
                continue
            lowest = min(lowest, value)
            axes.barh(
                at,
                100 * value,
                height * 0.86,
                color=colour,
                label=report.decoder if not row else None,
            )
            if len(reports) == 1:
                axes.text(
                    100 * value - 1,
                    at,
                    f'{100 * value:.1f}',
                    va='center',
                    ha='right',
                    fontsize=8,
                    color='white',
                )
    axes.set_yticks(range(len(names)), names.values())
    axes.tick_params(axis='y', length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.spines['left'].set_visible(False)
    axes.grid(axis='x', color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel('recall (%)')
    axes.set_title('Recall by class')


def draw_rejection(axes: Any, reports: Sequence[ClassificationReport]) -> None:
    """Draw the accuracy of accepted windows over the share of rejected windows."""
    values: list[float] = []
    shown: list[float] = []
    for colour, report in zip(COLOURS * len(reports), reports, strict=False):
        pairs = [pair for pair in report.rejections if np.isfinite(pair.accuracy)]
        if not pairs:
            continue
        shares = [100 * pair.rejected for pair in pairs]
        values = [100 * pair.accuracy for pair in pairs]
        shown += [100 * report.steady.accuracy, *values]
        axes.plot(
            [0, *shares],
            [100 * report.steady.accuracy, *values],
            'o-',
            color=colour,
            markersize=4,
            linewidth=1.6,
            label=report.decoder,
            clip_on=False,
        )
        if len(reports) == 1:
            places = set()
            for pair, share, value in zip(pairs, shares, values, strict=True):
                place = (round(share, 1), round(value, 1))
                if pair.below in (0.7, 0.9, 0.99) and place not in places:
                    places.add(place)
                    axes.annotate(
                        f'{pair.below:g}',
                        (share, value),
                        (4, -10),
                        textcoords='offset points',
                        fontsize=8,
                        color='#52606d',
                    )
    if not shown:
        draw_placeholder(axes, 'the decoder gives no probabilities')
    else:
        limit_accuracy(axes, min(shown))
        axes.set_xlim(0.0, max(1.0, axes.get_xlim()[1]))
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        if len(reports) > 1:
            axes.legend(loc='lower right')
    axes.set_xlabel('rejected (%)')
    axes.set_ylabel('accuracy of accepted windows (%)')
    axes.set_title('Rejection below a confidence threshold')


def limit_accuracy(axes: Any, lowest: float) -> None:
    """Let an axis of accuracies end at 100 %, and start at a multiple of 5 % below the lowest."""
    axes.set_ylim(max(0.0, 5.0 * np.floor((min(lowest, 99.0) - 2.0) / 5.0)), 100.0)


def draw_placeholder(axes: Any, reason: str) -> None:
    """Write the reason why there is nothing to draw."""
    axes.text(
        0.5, 0.5, reason, ha='center', va='center', color=UNSETTLED, transform=axes.transAxes
    )
    axes.set_xticks([])
    axes.set_yticks([])
