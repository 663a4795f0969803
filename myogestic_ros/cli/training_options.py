"""Options of the commands that train: settling and filters, as parameters of the pipeline node."""

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
    'Notch',
    'NotchWidth',
    'Reference',
    'SettleMs',
    'filter_from',
]

SettleMs = Annotated[
    float,
    typer.Option(
        min=0.0, help='Time after each cue that training leaves out, ms: people react late.'
    ),
]
Bandpass = Annotated[
    tuple[float, float] | None,
    typer.Option(
        help='Band-pass first, as the pipeline would: lower and upper edge, Hz; 0: no such edge.'
    ),
]
FilterOrder = Annotated[
    int | None, typer.Option(help='Order of the band-pass at each edge; else 4.')
]
Notch = Annotated[
    float | None, typer.Option(min=0.0, help='Notch first: frequency of the mains, Hz; 0: none.')
]
Harmonics = Annotated[
    int | None, typer.Option(help='So many lines of the mains are notched, 1: the first; else 3.')
]
NotchWidth = Annotated[float | None, typer.Option(help='Width of each notch, Hz; else 3.')]
Reference = Annotated[
    str | None,
    typer.Option(help="What each sample is taken against: 'average' of all channels, or 'none'."),
]


def filter_from(
    bandpass: tuple[float, float] | None,
    order: int | None,
    notch: float | None,
    harmonics: int | None,
    notch_width: float | None,
    reference: str | None,
    otherwise: FilterSpec | None = None,
) -> FilterSpec | None:
    """Return the filter that the options name.

    Parameters
    ----------
    bandpass, order, notch, harmonics, notch_width, reference
        As given; None: not said.
    otherwise : FilterSpec, optional
        The decoder's own, of which only that is changed that was said; None: it has none.

    Raises
    ------
    SignalError
        When they make no filter.
    """
    if reference not in (None, 'none', 'average'):
        raise SignalError(f"There is no reference '{reference}'; expected none or average.")
    said: dict[str, Any] = {
        'bandpass': bandpass,
        'order': order,
        'notch': notch,
        'harmonics': harmonics,
        'notch_width': notch_width,
        'common_average': None if reference is None else reference == 'average',
    }
    said = {name: value for name, value in said.items() if value is not None}
    return replace(otherwise or FilterSpec(), **said) if said else otherwise
