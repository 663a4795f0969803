"""Options shared by `train` and `evaluate`: settling time and filters of the pipeline node."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.streams.filter_spec import FilterSpec

__all__ = [
    'Bandpass',
    'FilterOrder',
    'Harmonics',
    'ModelKey',
    'Notch',
    'NotchWidth',
    'Reference',
    'SettleMs',
    'filter_from',
]

ModelKey = Annotated[
    str,
    typer.Option(
        help='Key file as in the parameter model_key: signs models that are saved, verifies models '
        'that are loaded.'
    ),
]
SettleMs = Annotated[
    float,
    typer.Option(
        min=0.0, help='Time after each cue to leave out of training, ms (reaction time).'
    ),
]
Bandpass = Annotated[
    tuple[float, float] | None,
    typer.Option(
        help='Band-pass filter of the pipeline: lower and upper edge, Hz; 0: no such edge.'
    ),
]
FilterOrder = Annotated[
    int | None, typer.Option(help='Order of the band-pass at each edge; default 4.')
]
Notch = Annotated[
    float | None,
    typer.Option(min=0.0, help='Notch filter of the pipeline: mains frequency, Hz; 0: none.'),
]
Harmonics = Annotated[
    int | None,
    typer.Option(help='Number of mains harmonics to notch, 1: the fundamental only; default 3.'),
]
NotchWidth = Annotated[float | None, typer.Option(help='Width of each notch, Hz; default 3.')]
Reference = Annotated[
    str | None,
    typer.Option(help="Reference to subtract: 'average' of all channels, or 'none'."),
]


def filter_from(
    bandpass: tuple[float, float] | None,
    order: int | None,
    notch: float | None,
    harmonics: int | None,
    notch_width: float | None,
    reference: str | None,
    default: FilterSpec | None = None,
) -> FilterSpec | None:
    """Return the filter that the options describe.

    Parameters
    ----------
    bandpass, order, notch, harmonics, notch_width, reference
        Values of the options; None: not given.
    default : FilterSpec, optional
        Filter of the decoder, which the given options change; None: the decoder has none.

    Raises
    ------
    SignalError
        If the values are invalid.
    """
    if reference not in (None, 'none', 'average'):
        raise SignalError(f"There is no reference '{reference}'; expected none or average.")
    given: dict[str, Any] = {
        'bandpass': bandpass,
        'order': order,
        'notch': notch,
        'harmonics': harmonics,
        'notch_width': notch_width,
        'common_average': None if reference is None else reference == 'average',
    }
    given = {name: value for name, value in given.items() if value is not None}
    return replace(default or FilterSpec(), **given) if given else default
