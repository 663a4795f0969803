"""Which streams a pipeline reads, and how, as parameters and decoder say together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = [
    'filter_of',
    'filter_table',
    'silence_of',
    'stream_spec',
    'streams_with_parameters',
]


def filter_table(otherwise: str) -> tuple[Parameter, ...]:
    """Return the parameters of a filter, each declared as ``…filter.<parameter>``.

    Parameters
    ----------
    otherwise : str
        Who says how when a parameter does not.
    """
    return (
        Parameter(
            'filter.bandpass',
            [-1.0, -1.0],
            f'Lower and upper edge of the band, Hz, 0: no such edge; negative: {otherwise}.',
            check=_check_edges,
        ),
        Parameter(
            'filter.order',
            -1,
            f'Order at each edge; negative: {otherwise}.',
            minimum=-1,
            maximum=10,
        ),
        Parameter(
            'filter.notch',
            -1.0,
            f'Frequency of the mains, Hz, 0: no notch; negative: {otherwise}.',
            minimum=-1.0,
            maximum=1000.0,
        ),
        Parameter(
            'filter.harmonics',
            -1,
            f'So many lines of the mains are notched, 1: the first; negative: {otherwise}.',
            minimum=-1,
            maximum=40,
        ),
        Parameter(
            'filter.notch_width',
            -1.0,
            f'Width of each notch, Hz; negative: {otherwise}.',
            minimum=-1.0,
            maximum=100.0,
        ),
        Parameter(
            'filter.reference',
            '',
            f"What each sample is taken against, 'none' or the common average; '': {otherwise}.",
            choices=('', 'none', 'average'),
        ),
    )


def _check_edges(edges: Sequence[float]) -> str | None:
    if len(edges) != 2:
        return 'expected two edges in Hz, 0 for no edge'
    if 0 < edges[1] <= edges[0]:
        return 'expected the lower edge below the upper'
    return None


def streams_with_parameters(names: Iterable[str]) -> set[str]:
    """Return the streams that parameters of these names say something of."""
    parts = (name.split('.') for name in names)
    return {part[1] for part in parts if len(part) >= 3 and part[0] == 'stream'}


def filter_of(
    layers: Iterable[Mapping[str, Any]], decoder: FilterSpec | None
) -> FilterSpec | None:
    """Return the filter of a stream; None when nobody says anything.

    Parameters
    ----------
    layers : iterable of mappings
        Values of `filter_table`, those that win first.
    decoder : FilterSpec or None
        What the decoder wants when they say nothing.

    Raises
    ------
    SignalError
        When they make no filter.
    """
    said: dict[str, Any] = {}
    for layer in layers:
        for name, value in _said(layer).items():
            said.setdefault(name, value)
    return replace(decoder or FilterSpec(), **said) if said else decoder


def _said(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parameters of one layer say, as fields of FilterSpec."""
    said: dict[str, Any] = {}
    edges = tuple(layer['filter.bandpass'])
    if not any(edge < 0 for edge in edges):
        said['bandpass'] = edges
    for name in ('order', 'notch', 'harmonics', 'notch_width'):
        if layer[f'filter.{name}'] >= 0:
            said[name] = layer[f'filter.{name}']
    if layer['filter.reference']:
        said['common_average'] = layer['filter.reference'] == 'average'
    return said


def stream_spec(
    name: str, own: Mapping[str, Any], common: Mapping[str, Any], decoder: StreamSpec | None
) -> StreamSpec:
    """Return what is asked of a stream.

    Parameters
    ----------
    name : str
        Its name.
    own, common : mapping of str to object
        Values of its own parameters, which win, and of those for all streams.
    decoder : StreamSpec or None
        What the decoder wants when the parameters say nothing.

    Notes
    -----
    What is said for all streams of filters is meant for EMG: a stream of joint states is filtered
    only when its own parameters, or the decoder, say so. Its rate is the one that it is given.
    """
    decoder = decoder or StreamSpec(name)
    windows = (own['window_ms'], common['window_ms'])
    joints = own['type'] == 'joint_state'
    return StreamSpec(
        name,
        next((ms for ms in windows if ms > 0), decoder.window_ms),
        sampling_rate=own['sampling_rate'] if joints else None,
        filters=filter_of([own] if joints else [own, common], decoder.filters),
    )


def silence_of(stale: Iterable[str], after_s: float) -> str:
    """Return a sentence about streams that have sent nothing for so long; '' for none."""
    streams = ' and '.join(f"'{name}'" for name in stale)
    return (
        f'No sample of {streams} for {after_s:g} s: nothing is predicted until there is one.'
        if streams
        else ''
    )
