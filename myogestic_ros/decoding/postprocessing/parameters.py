"""ROS parameters of the post-processing."""

from __future__ import annotations

from collections.abc import Iterable

from myogestic_ros.core.parameters import Parameter

__all__ = ['POST', 'thresholds_from_rows']


def thresholds_from_rows(rows: Iterable[str]) -> dict[str, float]:
    """Return the thresholds in ``post.reject_below_of``.

    Parameters
    ----------
    rows : iterable of str
        ``class: probability`` each; empty rows are ignored.

    Returns
    -------
    dict of str to float
        Threshold of each class, 0 to 1.

    Raises
    ------
    ValueError
        If a row is not of the form ``class: probability``.
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
        thresholds_from_rows(rows)
    except ValueError:
        return "expected rows of a class and a probability from 0 to 1, as in 'fist: 0.9'"
    return None


POST = (
    Parameter(
        'post.reject_below',
        0.0,
        'Minimum probability; decisions below it are rejected (empty label). 0: no rejection.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        'post.reject_below_of',
        [''],
        "Minimum probability of single classes, as 'class: probability'; overrides reject_below. ['']: none.",
        check=_check_thresholds,
    ),
    Parameter(
        'post.majority_vote',
        1,
        'Number of decisions in the majority vote. 1: no vote.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.change_after',
        1,
        'Number of equal decisions in a row for a change of decision. 1: no hysteresis.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.velocity_ramp',
        0.0,
        "Rise time of 'velocity' from 0 to 1 while a class is held, s. 0: no velocity.",
        minimum=0.0,
        maximum=60.0,
    ),
    Parameter(
        'post.smoothing',
        'none',
        'Filter of the degrees of freedom.',
        choices=('none', 'one_euro', 'gaussian'),
    ),
    Parameter(
        'post.one_euro.min_cutoff',
        1.0,
        'Cut-off frequency at rest, Hz; a lower value gives smoother output and more delay.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.one_euro.beta',
        0.5,
        'Increase of the cut-off frequency per unit of speed.',
        minimum=0.0,
        maximum=1000.0,
    ),
    Parameter(
        'post.one_euro.derivative_cutoff',
        1.0,
        'Cut-off frequency for the estimate of the speed, Hz.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.gaussian.vectors',
        5,
        'Number of values in the Gaussian filter.',
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        'post.gaussian.sigma',
        1.0,
        'Standard deviation of the weights of the Gaussian filter, ticks.',
        minimum=0.001,
        maximum=1000.0,
    ),
    Parameter(
        'post.dead_zone',
        0.0,
        'Absolute values of a degree of freedom below this become 0. 0: no dead zone.',
        minimum=0.0,
        maximum=0.99,
    ),
    Parameter(
        'post.dead_zone_hysteresis',
        0.05,
        'Additional value that is necessary to leave the dead zone.',
        minimum=0.0,
        maximum=1.0,
    ),
)
