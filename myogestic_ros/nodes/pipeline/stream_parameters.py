"""Combine parameters and the decoder's wishes into the specification of each stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = [
    'stream_filter',
    'filter_table',
    'stream_spec',
    'streams_with_parameters',
]


def filter_table(fallback: str) -> tuple[Parameter, ...]:
    """Return the parameters of a filter, each declared as ``…filter.<parameter>``.

    Parameters
    ----------
    fallback : str
        Where the value comes from if a parameter is not set, to complete its description.
    """
    table = (
        Parameter(
            'filter.bandpass',
            [-1.0, -1.0],
            f'Lower and upper cut-off frequency of the band-pass, Hz; 0: no cut-off on that side; '
            f'negative: {fallback}.',
            check=_check_edges,
        ),
        Parameter(
            'filter.order',
            -1,
            f'Order of the band-pass at each cut-off frequency; negative: {fallback}.',
            minimum=-1,
            maximum=10,
        ),
        Parameter(
            'filter.notch',
            -1.0,
            f'Mains frequency that a notch removes, Hz; 0: no notch; negative: {fallback}.',
            minimum=-1.0,
            maximum=1000.0,
        ),
        Parameter(
            'filter.harmonics',
            -1,
            f'Number of notches, at multiples of the mains frequency; negative: {fallback}.',
            minimum=-1,
            maximum=40,
        ),
        Parameter(
            'filter.notch_width',
            -1.0,
            f'Width of each notch, Hz; negative: {fallback}.',
            minimum=-1.0,
            maximum=100.0,
        ),
        Parameter(
            'filter.reference',
            '',
            f"Reference of each sample: none, or the average of all channels; '': {fallback}.",
            choices=('', 'none', 'average'),
        ),
    )
    return tuple(replace(row, used_at='configure') for row in table)


def _check_edges(edges: Sequence[float]) -> str | None:
    if len(edges) != 2:
        return 'expected two edges, the cut-off frequencies in Hz, 0 for none'
    if 0 < edges[1] <= edges[0]:
        return 'expected the lower edge below the upper'
    return None


def streams_with_parameters(names: Iterable[str]) -> set[str]:
    """Return the names of the streams that parameters ``stream.<name>.…`` belong to."""
    parts = (name.split('.') for name in names)
    return {part[1] for part in parts if len(part) >= 3 and part[0] == 'stream'}


def stream_filter(
    layers: Iterable[Mapping[str, Any]], decoder: FilterSpec | None
) -> FilterSpec | None:
    """Return the filter of a stream; None if neither parameters nor decoder specify one.

    Parameters
    ----------
    layers : iterable of mappings
        Values of `filter_table`; earlier mappings take precedence.
    decoder : FilterSpec or None
        The decoder's filter; used for fields that no parameter sets.

    Raises
    ------
    SignalError
        When the combined values are not a valid filter.
    """
    fields: dict[str, Any] = {}
    for layer in layers:
        for name, value in _filter_fields(layer).items():
            fields.setdefault(name, value)
    return replace(decoder or FilterSpec(), **fields) if fields else decoder


def _filter_fields(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of FilterSpec that the parameters of one layer set."""
    fields: dict[str, Any] = {}
    edges = tuple(layer['filter.bandpass'])
    if not any(edge < 0 for edge in edges):
        fields['bandpass'] = edges
    for name in ('order', 'notch', 'harmonics', 'notch_width'):
        if layer[f'filter.{name}'] >= 0:
            fields[name] = layer[f'filter.{name}']
    if layer['filter.reference']:
        fields['common_average'] = layer['filter.reference'] == 'average'
    return fields


def stream_spec(
    name: str, own: Mapping[str, Any], common: Mapping[str, Any], decoder: StreamSpec | None
) -> StreamSpec:
    """Return the specification of a stream.

    Parameters
    ----------
    name : str
        Name of the stream.
    own : mapping of str to object
        Values of ``stream.<name>.…``; they take precedence.
    common : mapping of str to object
        Values of the parameters for all streams.
    decoder : StreamSpec or None
        The decoder's specification of the stream; used where no parameter is set.

    Notes
    -----
    The filter parameters for all streams apply to EMG only: a stream of joint states is filtered
    only if its own parameters or the decoder say so. The sampling rate of joint states comes from
    the parameter; EMG frames contain theirs.
    """
    decoder = decoder or StreamSpec(name)
    windows = (own['window_ms'], common['window_ms'])
    joints = own['type'] == 'joint_state'
    return StreamSpec(
        name,
        next((ms for ms in windows if ms > 0), decoder.window_ms),
        sampling_rate=own['sampling_rate'] if joints else None,
        filters=stream_filter([own] if joints else [own, common], decoder.filters),
    )
