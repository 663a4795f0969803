"""Positions of the electrodes of commercial grids, by the name of the grid.

A map is an array of shape (n_rows, n_columns) with the number of the channel at each place, from
0 in the order of the connector, and `NO_ELECTRODE` where there is none. The numbers follow the
drawings of OT Bioelettronica as openhdemg quotes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError

__all__ = ['NO_ELECTRODE', 'combined_map', 'electrode_map', 'grid_names', 'places']

NO_ELECTRODE = -1
Map = NDArray[np.int64]


def _thirteen_by_five() -> Map:
    """Return the grid of 64 electrodes whose lower right corner is empty."""
    row = np.arange(13)
    columns = (63 - row, 38 + row, 37 - row, 12 + row, 11 - row)  # the last one ends at -1
    return np.stack(columns, axis=1)


def _by_columns(rows: int, columns: int) -> Map:
    """Return a grid whose channels run along the columns, from the last column to the first."""
    row, column = np.mgrid[:rows, :columns]
    return np.asarray(rows * (columns - 1 - column) + row)


_SPECIAL = {
    **dict.fromkeys(('GR04MM1305', 'GR08MM1305', 'HD04MM1305', 'HD08MM1305'), _thirteen_by_five()),
    **dict.fromkeys(('GR10MM0808', 'HD10MM0808'), _by_columns(8, 8)),
    'GR10MM0804': _by_columns(8, 4),
}


def grid_names() -> list[str]:
    """Return the names of the known grids; ``<rows>x<columns>`` names a regular one, too."""
    return sorted(_SPECIAL)


def electrode_map(name: str) -> Map:
    """Return the map of a grid.

    Parameters
    ----------
    name : str
        Name of a commercial grid, or ``'4x8'``: four rows of eight electrodes, channels row by
        row. A suffix ``/180`` turns the grid by 180°.

    Returns
    -------
    ndarray of int, shape (n_rows, n_columns)

    Raises
    ------
    SourceError
        If there is no such grid.
    """
    plain, _, turn = name.strip().partition('/')
    rows, _, columns = plain.lower().partition('x')
    if plain.upper() in _SPECIAL:
        grid = _SPECIAL[plain.upper()]
    elif rows.isdecimal() and columns.isdecimal() and 0 < int(rows) * int(columns) <= 4096:
        grid = np.arange(int(rows) * int(columns)).reshape(int(rows), int(columns))
    else:
        grid = None
    if grid is None or turn not in ('', '180'):
        raise SourceError(
            f"There is no electrode grid '{name}'; expected one of {', '.join(grid_names())}, or "
            f"rows and columns such as '4x8', each with '/180' if it is turned."
        )
    return grid[::-1, ::-1] if turn else grid


def combined_map(names: Sequence[str]) -> Map:
    """Return the map of several grids side by side, whose channels follow one another."""
    grids = [electrode_map(name) for name in names]
    rows = max((len(grid) for grid in grids), default=0)
    parts, first = [], 0
    for grid in grids:
        part = np.full((rows, grid.shape[1]), NO_ELECTRODE)
        part[: len(grid)] = np.where(grid == NO_ELECTRODE, NO_ELECTRODE, grid + first)
        parts.append(part)
        first += int(grid.max()) + 1
    return np.concatenate(parts, axis=1) if parts else np.empty((0, 0), np.int64)


def places(grid: Map, channels: Sequence[int]) -> tuple[int, ...]:
    """Return the place of each channel: ``row * n_columns + column``, or -1 if it is not there.

    Parameters
    ----------
    grid : ndarray of int, shape (n_rows, n_columns)
        A map.
    channels : sequence of int
        Numbers of the channels, in the order of the stream.
    """
    found = {int(channel): place for place, channel in enumerate(grid.ravel())}
    return tuple(found.get(int(channel), NO_ELECTRODE) for channel in channels)
