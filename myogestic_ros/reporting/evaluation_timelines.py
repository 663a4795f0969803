"""Figures of an evaluation over time: predicted classes, and decoded DoFs."""

from __future__ import annotations

from typing import Any

import numpy as np

from myogestic_ros.decoding.evaluation.regression import RegressionReport
from myogestic_ros.decoding.evaluation.report import ClassificationReport
from myogestic_ros.decoding.evaluation.scores import transition_windows
from myogestic_ros.reporting.evaluation_figures import (
    COLOURS,
    FAINT,
    UNSETTLED,
    WRONG,
    draw_placeholder,
)

__all__ = ['draw_regression', 'draw_timeline']

RIGHT, BAND = '#0b6e4f', '#dce8f4'


def draw_timeline(axes: Any, report: ClassificationReport, decoder: str = '') -> None:
    """Draw cues and predictions of one held-out repetition of each class.

    Pauses between cues are cut out. ``decoder`` names the decoder in the title, if there are
    several.
    """
    each, data = report.each, report.data
    tested = sorted(set(each.tests[each.tests >= 0].tolist()))
    if not tested:
        draw_placeholder(axes, 'no repetition could be held out')
        return
    first_session = data.sessions == data.sessions[each.tests == tested[0]][0]
    in_session = sorted(set(each.tests[(each.tests >= 0) & first_session].tolist()))
    shown = np.flatnonzero(each.tests == in_session[-1])
    shown = shown[np.argsort(data.times_s[shown], kind='stable')]
    shown = shown[: round(120 / data.hop_s)]
    position = np.arange(len(shown)) * data.hop_s
    rows = {index: row for row, index in enumerate(data.class_names)}
    edges = np.flatnonzero(np.diff(data.cues[shown])) + 1
    for start, stop in zip([0, *edges], [*edges, len(shown)], strict=True):
        row = rows[int(data.classes[shown[start]])]
        axes.barh(
            row,
            position[stop - 1] - position[start] + data.hop_s,
            left=position[start],
            height=0.86,
            color=BAND,
            linewidth=0,
            zorder=1,
        )
        if start:
            axes.axvline(position[start], color=FAINT, linewidth=0.6, zorder=0)
    moving = transition_windows(each)[shown] | ~data.steady[shown]
    right = each.predicted[shown] == data.classes[shown]
    heights = np.array([rows[int(index)] for index in each.predicted[shown]])
    for chosen, colour, label in (
        (moving, UNSETTLED, 'in transition (not scored)'),
        (~moving & right, RIGHT, 'correct'),
        (~moving & ~right, WRONG, 'wrong'),
    ):
        axes.plot(
            position[chosen],
            heights[chosen],
            '.',
            color=colour,
            markersize=4,
            label=label,
            zorder=2,
        )
    axes.set_yticks(range(len(rows)), data.class_names.values())
    axes.tick_params(axis='y', length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, position[-1] + data.hop_s)
    axes.set_xlabel('time (s), pauses cut out')
    by = f' by {decoder}' if decoder else ''
    axes.set_title(f'Held-out repetition: cued (bands) and predicted{by} (dots)')
    axes.legend(
        loc='lower right',
        bbox_to_anchor=(1, 1),
        ncols=3,
        markerscale=2.5,
        borderaxespad=0.2,
        handletextpad=0.1,
        columnspacing=1.2,
    )


def draw_regression(axes: Any, report: RegressionReport, dof: int) -> None:
    """Draw one DoF over time: recorded, and decoded by a decoder trained on the other segments."""
    data = report.data
    own = np.flatnonzero(data.sessions == 0)
    times_s = data.times_s[own] - data.times_s[own[0]]
    axes.plot(times_s, data.targets[own, dof], color=UNSETTLED, linewidth=2.4, label='recorded')
    axes.plot(
        times_s, report.predicted[own, dof], color=COLOURS[0], linewidth=1.1, label=report.decoder
    )
    axes.set_xlim(times_s[0], times_s[-1])
    axes.set_ylabel(data.dof_names[dof])
    axes.set_xlabel('time (s)')
    score = report.each
    scores = '' if score is None else f': R² {score.r2[dof]:.3f}, MAE {score.mae[dof]:.3g}'
    axes.set_title(f'{data.dof_names[dof]}{scores}')
    axes.legend(loc='lower right', bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
