"""What the demo shows of the hand: rows of a table, a strip of pictures, a film."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
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
)
from myogestic_ros.demo.score import Cue, ReceivedPrediction
from myogestic_ros.reporting.hand_plot import render_hand

__all__ = ['add_rows', 'draw_distance', 'draw_strip', 'hand_numbers', 'write_film']

MOST_PICTURES = 8
STRIP_PIXELS, FILM_PIXELS = 260, 210
FILM_HZ, FILM_S, FILM_DPI = 8.0, 12.0, 80
GOOD, BAD, PALE = '#1b7837', '#d6604d', 0.30


def add_rows(table: Table, score: HandScore) -> None:
    """Add to the summary how the hand followed."""
    if not score.cue_results:
        table.add_row('hand', 'no cue asked for another posture, or none was long enough')
        return
    count = sum(reach.in_time for reach in score.cue_results)
    table.add_row(
        f'hand in the right posture within {WITHIN_S:g} s of the cue',
        f'[bold]{score.share:.1%}[/] ({count} of {len(score.cue_results)} cues; '
        f'{score.reached} reached it at all)',
    )
    table.add_row('cue → posture', f'{_both(score.reached_s)} (median / p95 of those reached)')
    table.add_row('first right prediction → posture', f'{_both(score.moved_s)} (median / p95)')


def _both(percentile: Any) -> str:
    return f'{percentile(50):.2f} / {percentile(95):.2f} s'


def hand_numbers(score: HandScore) -> dict[str, Any]:
    """Return the figures for ``report.json``; a time that there is none of is null."""

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
    """Draw what was asked for, and below it the hand a second after the cue."""
    shown = _shown(score.cue_results)
    if not shown:
        return
    axes = figure.subplots(2, len(shown), squeeze=False)
    for column, reach in enumerate(shown):
        asked = render_hand(robot, score.postures[reach.cue.name], STRIP_PIXELS)
        asked[..., 3] *= PALE
        for row, image in enumerate((asked, render_hand(robot, reach.after, STRIP_PIXELS))):
            axes[row, column].imshow(image, interpolation='antialiased')
            axes[row, column].set_xticks([])
            axes[row, column].set_yticks([])
            axes[row, column].spines[:].set_visible(False)
        axes[0, column].set_title(reach.cue.name, fontsize=11)
        reached = np.isfinite(reach.reached_s)
        axes[1, column].set_xlabel(
            f'after {reach.reached_s:.2f} s' if reached else 'not reached',
            color=GOOD if reach.in_time else BAD,
            fontsize=10,
        )
    axes[0, 0].set_ylabel('asked')
    axes[1, 0].set_ylabel(f'hand, {WITHIN_S:g} s after')


def _shown(cue_results: Sequence[CueResult]) -> list[CueResult]:
    """Return one cue of each class, `rest` last and only if there is room."""
    first: dict[str, CueResult] = {}
    for reach in cue_results:
        first.setdefault(reach.cue.name, reach)
    chosen = sorted(first.values(), key=lambda reach: reach.cue.name == 'rest')
    return chosen[:MOST_PICTURES]


def draw_distance(axes: Any, score: HandScore) -> None:
    """Draw how far the hand was from the cued posture, over the time since the cue."""
    for reach in score.cue_results:
        colour = GOOD if reach.in_time else BAD
        kept = reach.times_s <= 3 * WITHIN_S
        axes.plot(
            reach.times_s[kept], reach.distance_rad[kept], color=colour, linewidth=0.9, alpha=0.7
        )
    axes.axhline(TOLERANCE_RAD, color='black', linewidth=0.8, linestyle=':')
    axes.axvline(WITHIN_S, color='black', linewidth=0.8, linestyle='--')
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel('time since the cue (s)')
    axes.set_ylabel('farthest joint (rad)')
    axes.set_title(
        f'Hand: {score.share:.0%} within {WITHIN_S:g} s' if score.cue_results else 'Hand'
    )


def write_film(
    path: Path,
    robot: Kinematics,
    postures: Mapping[str, Mapping[str, float]],
    cues: Sequence[Cue],
    predictions: Sequence[ReceivedPrediction],
    states: Sequence[HandState],
) -> None:
    """Write an animated GIF: what is asked, and what the hand does; at true speed."""
    if not states or not cues or not postures:
        return
    begin_s = cues[0].stamp_s
    end_s = min(begin_s + FILM_S, states[-1].stamp_s)
    stamps = {
        'cue': [cue.stamp_s for cue in cues],
        'answer': [answer.stamp_s + answer.latency_s for answer in predictions],
        'state': [state.stamp_s for state in states],
    }
    figure = Figure(figsize=(5.0, 3.0), dpi=FILM_DPI)
    sides = [figure.add_axes((x, 0.0, 0.48, 0.88)) for x in (0.01, 0.51)]
    known = {
        name: _pale(render_hand(robot, posture, FILM_PIXELS)) for name, posture in postures.items()
    }
    empty = np.zeros_like(next(iter(known.values())))
    images = [axes.imshow(empty, interpolation='nearest') for axes in sides]
    for axes in sides:
        axes.axis('off')
    drawn: dict[tuple[float, ...], Any] = {}  # the hand is still for most of the time
    writer = animation.PillowWriter(fps=FILM_HZ)
    with writer.saving(figure, str(path), FILM_DPI):
        for now_s in np.arange(begin_s, end_s, 1.0 / FILM_HZ):
            before = {kind: bisect_right(times, now_s) - 1 for kind, times in stamps.items()}
            cue = cues[before['cue']].name
            label = predictions[before['answer']].label if before['answer'] >= 0 else ''
            hand = states[max(0, before['state'])].positions
            key = tuple(round(value, 2) for value in hand.values())
            if key not in drawn:
                drawn[key] = render_hand(robot, hand, FILM_PIXELS)
            images[0].set_data(known.get(cue, empty))
            images[1].set_data(drawn[key])
            sides[0].set_title(f'asked: {cue}', fontsize=11)
            colour = GOOD if label == cue else BAD
            sides[1].set_title(f'predicted: {label}', fontsize=11, color=colour)
            writer.grab_frame()


def _pale(image: Any) -> Any:
    image[..., 3] *= PALE
    return image
