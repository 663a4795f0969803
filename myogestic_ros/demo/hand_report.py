"""Report of the hand in the demo: table rows, images per cue, animation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import animation
from matplotlib.figure import Figure
from rich.table import Table

from myogestic_ros.control.kinematics import Kinematics
from myogestic_ros.demo.hand_score import (
    HELD_S,
    TOLERANCE_RAD,
    WITHIN_S,
    CueResult,
    HandScore,
    HandState,
    holds_posture,
)
from myogestic_ros.demo.score import Cue, ReceivedPrediction
from myogestic_ros.reporting.hand_plot import render_hand

__all__ = ['add_rows', 'draw_distance', 'draw_strip', 'hand_numbers', 'write_film']

MAX_IMAGES = 8
STRIP_PIXELS, FILM_PIXELS = 260, 210
FILM_HZ, FILM_S, FILM_DPI = 8.0, 12.0, 80
CORRECT, WRONG, NEUTRAL = '#1b7837', '#d6604d', '#666666'
TARGET_OPACITY = 0.30


def add_rows(table: Table, score: HandScore) -> None:
    """Add the scores of the hand to the summary table."""
    if not score.cue_results:
        table.add_row('hand', 'no cue required another posture for long enough')
        return
    count = sum(result.in_time for result in score.cue_results)
    table.add_row(
        f'hand in the cued posture within {WITHIN_S:g} s of the cue',
        f'[bold]{score.share:.1%}[/] ({count} of {len(score.cue_results)} cues; '
        f'{score.reached} reached in total)',
    )
    table.add_row(
        'cue → posture', f'{_percentiles(score.reached_s)} (median / p95 of reached cues)'
    )
    table.add_row(
        'first correct prediction → posture', f'{_percentiles(score.moved_s)} (median / p95)'
    )


def _percentiles(percentile: Any) -> str:
    return f'{percentile(50):.2f} / {percentile(95):.2f} s'


def hand_numbers(score: HandScore) -> dict[str, Any]:
    """Return the scores for ``report.json``. Times that do not exist are None."""

    def number(value: float) -> float | None:
        return round(value, 4) if np.isfinite(value) else None

    return {
        'cues': len(score.cue_results),
        'share_within_1_s': number(score.share),
        'reached': score.reached,
        'cue_to_posture_median_s': number(score.reached_s(50)),
        'cue_to_posture_p95_s': number(score.reached_s(95)),
        'prediction_to_posture_median_s': number(score.moved_s(50)),
        'prediction_to_posture_p95_s': number(score.moved_s(95)),
        'tolerance_rad': TOLERANCE_RAD,
        'held_s': HELD_S,
        'each': [
            {'name': r.cue.name, 'cue_to_posture_s': number(r.reached_s)}
            for r in score.cue_results
        ],
    }


def draw_strip(figure: Any, robot: Kinematics, score: HandScore) -> None:
    """Draw the cued posture of each class, and below it the hand `WITHIN_S` after the cue."""
    shown = _shown(score.cue_results)
    if not shown:
        return
    axes = figure.subplots(2, len(shown), squeeze=False)
    for column, result in enumerate(shown):
        target = render_hand(robot, score.postures[result.cue.name], STRIP_PIXELS)
        target[..., 3] *= TARGET_OPACITY
        for row, image in enumerate((target, render_hand(robot, result.after, STRIP_PIXELS))):
            axes[row, column].imshow(image, interpolation='antialiased')
            axes[row, column].set_xticks([])
            axes[row, column].set_yticks([])
            axes[row, column].spines[:].set_visible(False)
        axes[0, column].set_title(result.cue.name, fontsize=11)
        reached = np.isfinite(result.reached_s)
        axes[1, column].set_xlabel(
            f'reached after {result.reached_s:.2f} s' if reached else 'not reached',
            color=CORRECT if result.in_time else WRONG,
            fontsize=10,
        )
    axes[0, 0].set_ylabel('cued')
    axes[1, 0].set_ylabel(f'hand, {WITHIN_S:g} s after')


def _shown(cue_results: Sequence[CueResult]) -> list[CueResult]:
    """Return one cue of each class; `rest` last, and only if there is space."""
    first: dict[str, CueResult] = {}
    for result in cue_results:
        first.setdefault(result.cue.name, result)
    chosen = sorted(first.values(), key=lambda result: result.cue.name == 'rest')
    return chosen[:MAX_IMAGES]


def draw_distance(axes: Any, score: HandScore) -> None:
    """Draw the distance of the hand from the cued posture over the time since the cue."""
    for result in score.cue_results:
        colour = CORRECT if result.in_time else WRONG
        kept = result.times_s <= 3 * WITHIN_S
        axes.plot(
            result.times_s[kept], result.distance_rad[kept], color=colour, linewidth=0.9, alpha=0.7
        )
    axes.axhline(TOLERANCE_RAD, color='black', linewidth=0.8, linestyle=':')
    axes.axvline(WITHIN_S, color='black', linewidth=0.8, linestyle='--')
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel('time since the cue (s)')
    axes.set_ylabel('largest joint error (rad)')
    axes.set_title(
        f'Hand: {score.share:.0%} within {WITHIN_S:g} s' if score.cue_results else 'Hand'
    )


def write_film(
    path: Path,
    robot: Kinematics,
    score: HandScore,
    cues: Sequence[Cue],
    predictions: Sequence[ReceivedPrediction],
    states: Sequence[HandState],
) -> None:
    """Write an animated GIF of the cued posture beside the hand, in real time.

    The animation starts when the hand has reached its first cued posture, so that a still preview
    shows a complete frame. Nothing is written without cues, postures or hand states.
    """
    if not states or not cues or not score.postures:
        return
    begin_s = _first_reached_s(score, cues[0].stamp_s)
    end_s = min(begin_s + FILM_S, states[-1].stamp_s)
    stamps = {
        'cue': [cue.stamp_s for cue in cues],
        'prediction': [prediction.stamp_s + prediction.latency_s for prediction in predictions],
        'state': [state.stamp_s for state in states],
    }
    figure = Figure(figsize=(5.0, 3.2), dpi=FILM_DPI)
    sides = [figure.add_axes((x, 0.09, 0.48, 0.80)) for x in (0.01, 0.51)]
    below = figure.text(0.75, 0.025, '', ha='center', fontsize=10)
    targets = {
        name: _faded(render_hand(robot, posture, FILM_PIXELS))
        for name, posture in score.postures.items()
    }
    empty = np.zeros_like(next(iter(targets.values())))
    images = [axes.imshow(empty, interpolation='nearest') for axes in sides]
    for axes in sides:
        axes.axis('off')
    rendered: dict[tuple[float, ...], Any] = {}  # the hand is at rest most of the time
    writer = animation.PillowWriter(fps=FILM_HZ)
    with writer.saving(figure, str(path), FILM_DPI):
        for now_s in np.arange(begin_s, end_s, 1.0 / FILM_HZ):
            before = {kind: bisect_right(times, now_s) - 1 for kind, times in stamps.items()}
            cue = cues[max(0, before['cue'])].name
            label = predictions[before['prediction']].label if before['prediction'] >= 0 else ''
            hand = states[max(0, before['state'])].positions
            key = tuple(round(value, 2) for value in hand.values())
            if key not in rendered:
                rendered[key] = render_hand(robot, hand, FILM_PIXELS)
            images[0].set_data(targets.get(cue, empty))
            images[1].set_data(rendered[key])
            sides[0].set_title(f'cued: {cue or "nothing"}', fontsize=11)
            sides[1].set_title(
                f'predicted: {label or "nothing yet"}',
                fontsize=11,
                color=_label_colour(label, cue),
            )
            reached = holds_posture(hand, cue, score.postures)
            below.set_text('cued posture reached' if reached else 'cued posture not reached')
            below.set_color(CORRECT if reached else NEUTRAL)
            below.set_visible(cue in score.postures)
            writer.grab_frame()


def _label_colour(label: str, cue: str) -> str:
    if not label or not cue:
        return NEUTRAL
    return CORRECT if label == cue else WRONG


def _first_reached_s(score: HandScore, otherwise_s: float) -> float:
    """Return when the hand first reached a cued posture, s; ``otherwise_s`` if it never did."""
    for result in score.cue_results:
        if np.isfinite(result.reached_s):
            return result.cue.stamp_s + result.reached_s
    return otherwise_s


def _faded(image: Any) -> Any:
    image[..., 3] *= TARGET_OPACITY
    return image
