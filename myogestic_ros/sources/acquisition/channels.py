"""Choose, order and name the channels of a device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.sources.acquisition.electrode_maps import combined_map, places

__all__ = ['CHANNEL_PARAMETERS', 'ChannelSelection', 'select_channels']

CHANNEL_PARAMETERS = (
    Parameter(
        'channels',
        '',
        'Channels to publish, in this order: numbers from 1, ranges, names, or connectors, such as '
        "'1-16, 33'; empty: all.",
    ),
    Parameter(
        'channel_names', [''], "Names of the published channels; ['']: those of the device."
    ),
    Parameter(
        'grids',
        [''],
        'Electrode grids in the order of the channels: names such as GR08MM1305, or rows and '
        "columns such as 4x8; ['']: none.",
    ),
)
"""Parameters of every source of a device."""

RANGE = re.compile(r'(\d+)\s*-\s*(\d+)')


@dataclass(frozen=True)
class ChannelSelection:
    """The channels of a device that are published.

    Attributes
    ----------
    columns : tuple of int
        Columns of the device's samples, in the order in which they are published.
    names : tuple of str
        Names of the published channels.
    grid : tuple of int
        Rows and columns of the electrode grids side by side; (0, 0) without a grid.
    grid_places : tuple of int
        Place of each published channel on the grid: ``row * n_columns + column``; -1: none.
    """

    columns: tuple[int, ...]
    names: tuple[str, ...]
    grid: tuple[int, int] = (0, 0)
    grid_places: tuple[int, ...] = ()

    @property
    def slice(self) -> slice | list[int]:
        """The columns as an index of an array: a slice if they are consecutive."""
        first = self.columns[0]
        if self.columns == tuple(range(first, first + len(self.columns))):
            return slice(first, first + len(self.columns))
        return list(self.columns)


def select_channels(
    names: Sequence[str], channels: str, new_names: Sequence[str], grids: Sequence[str]
) -> ChannelSelection:
    """Return the selection that the parameters describe.

    Parameters
    ----------
    names : sequence of str
        Names of all channels of the device.
    channels, new_names, grids
        Values of `CHANNEL_PARAMETERS`.

    Raises
    ------
    SourceError
        If a channel or a grid does not exist, or the number of names differs.
    """
    columns = tuple(_columns(channels, names)) if channels.strip() else tuple(range(len(names)))
    chosen = tuple(name for name in new_names if name)
    if chosen and len(chosen) != len(columns):
        raise SourceError(
            f'channel_names: got {len(chosen)} names, expected one for each of the '
            f'{len(columns)} channels.'
        )
    given = [grid for grid in grids if grid.strip()]
    grid = combined_map(given)
    if given and int(grid.max()) >= len(names):
        raise SourceError(
            f'grids: {", ".join(given)} have {int(grid.max()) + 1} electrodes, but the device has '
            f'{len(names)} channels.'
        )
    return ChannelSelection(
        columns,
        chosen or tuple(names[column] for column in columns),
        (grid.shape[0], grid.shape[1]) if given else (0, 0),
        places(grid, columns) if given else (),
    )


def _columns(text: str, names: Sequence[str]) -> list[int]:
    """Return the columns that a text such as '1-16, 33, IN1.1, MULTIPLE2' selects."""
    columns: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(','))):
        bounds = RANGE.fullmatch(part)
        if part in names:
            columns.append(list(names).index(part))
        elif any(name.startswith(f'{part}.') for name in names):
            columns += [n for n, name in enumerate(names) if name.startswith(f'{part}.')]
        elif bounds and 0 < int(bounds[1]) <= int(bounds[2]) <= len(names):
            columns += range(int(bounds[1]) - 1, int(bounds[2]))
        elif part.isdecimal() and 0 < int(part) <= len(names):
            columns.append(int(part) - 1)
        else:
            raise SourceError(
                f"channels: there is no channel '{part}'; expected numbers from 1 to {len(names)}, "
                f'ranges, or names: {", ".join(names[:8])}{", …" if len(names) > 8 else ""}.'
            )
    if not columns or len(set(columns)) < len(columns):
        raise SourceError(f"channels: got '{text}', expected channels that differ.")
    return columns
