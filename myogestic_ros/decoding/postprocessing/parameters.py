"""The parameters of what comes after the decoder."""

from __future__ import annotations

from collections.abc import Iterable

from myogestic_ros.core.parameters import Parameter

__all__ = ['POST', 'thresholds_of']


def thresholds_of(rows: Iterable[str]) -> dict[str, float]:
    """Return class name → threshold of ``post.reject_below_of``.

    Raises
    ------
    ValueError
        When a row is not of the form ``class: probability``.
    """
    found = {}
    for row in filter(None, rows):
        name, _, number = row.rpartition(':')
        value = float(number)
        if not name.strip() or not 0.0 <= value <= 1.0:
            raise ValueError(row)
        found[name.strip()] = value
    return found


def _check_thresholds(rows: Iterable[str]) -> str | None:
    try:
        thresholds_of(rows)
    except ValueError:
        return "expected for each a class and a probability from 0 to 1, as in 'fist: 0.9'"
    return None


POST = (
    Parameter(
        'post.reject_below',
        0.0,
        'Decisions with a lower probability are rejected: their label is empty; 0: none.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        'post.reject_below_of',
        [''],
        "The same for single classes, which win, each as 'class: probability'; ['']: none.",
        check=_check_thresholds,
    ),
    Parameter(
        'post.majority_vote',
        1,
        'So many of the last decisions vote; 1: no vote.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.change_after',
        1,
        'So many equal decisions in a row make a change; 1: each one.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.velocity_ramp',
        0.0,
        "Time in which 'velocity' grows from 0 to 1 while a class is held, s; 0: no velocity.",
        minimum=0.0,
        maximum=60.0,
    ),
    Parameter(
        'post.smoothing',
        'none',
        'What smooths the degrees of freedom.',
        choices=('none', 'one_euro', 'gaussian'),
    ),
    Parameter(
        'post.one_euro.min_cutoff',
        1.0,
        'Cut-off at rest, Hz: lower is smoother, and later.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.one_euro.beta',
        0.5,
        'How much of the speed, per second, is added to the cut-off.',
        minimum=0.0,
        maximum=1000.0,
    ),
    Parameter(
        'post.one_euro.derivative_cutoff',
        1.0,
        'Cut-off for the speed, Hz.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.gaussian.vectors',
        5,
        'So many of the last values count.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.gaussian.sigma',
        1.0,
        'Width of their weights, ticks.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.dead_zone',
        0.0,
        'A degree of freedom below this, either way, is 0; 0: no dead zone.',
        minimum=0.0,
        maximum=0.99,
    ),
    Parameter(
        'post.dead_zone_hysteresis',
        0.05,
        'How much more it takes to leave the dead zone.',
        minimum=0.0,
        maximum=1.0,
    ),
)
