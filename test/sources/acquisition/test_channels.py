"""Electrode maps, and the choice of channels."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.acquisition.channels import select_channels
from myogestic_ros.sources.acquisition.electrode_maps import (
    NO_ELECTRODE,
    combined_map,
    electrode_map,
    grid_names,
    places,
)

NAMES = tuple(f'EMG{n}' for n in range(1, 65))


def test_grid_of_13_by_5_has_64_electrodes_and_an_empty_corner():
    grid = electrode_map('GR08MM1305')
    assert grid.shape == (13, 5)
    assert grid[0].tolist() == [63, 38, 37, 12, 11]  # channels 64, 39, 38, 13, 12
    assert grid[12].tolist() == [51, 50, 25, 24, NO_ELECTRODE]
    turned = electrode_map('gr08mm1305/180')
    assert turned[0, 0] == NO_ELECTRODE
    assert turned[12, 4] == 63


def test_square_grids_run_along_their_columns():
    assert electrode_map('GR10MM0808')[0].tolist() == [56, 48, 40, 32, 24, 16, 8, 0]
    assert electrode_map('HD10MM0808')[:, 7].tolist() == list(range(8))
    assert electrode_map('GR10MM0804').shape == (8, 4)


@pytest.mark.parametrize('name', [*grid_names(), '4x8', '1x32'])
def test_every_channel_is_at_one_place(name):
    grid = electrode_map(name)
    channels = np.sort(grid[grid != NO_ELECTRODE])
    assert channels.tolist() == list(range(len(channels)))
    assert grid.ravel()[list(places(grid, range(len(channels))))].tolist() == channels.tolist()


def test_grids_lie_side_by_side():
    grid = combined_map(['GR08MM1305', '4x8'])
    assert grid.shape == (13, 13)
    assert grid[0, 5:].tolist() == list(range(64, 72))
    assert (grid[4:, 5:] == NO_ELECTRODE).all()


@pytest.mark.parametrize('name', ['GR99', '4x', '0x3', '4x8/90', ''])
def test_unknown_grids_are_refused_with_the_known_ones(name):
    with pytest.raises(SourceError, match='GR08MM1305'):
        electrode_map(name)


def test_channels_are_chosen_by_number_range_and_name():
    chosen = select_channels([*NAMES, 'AUX1'], '3, 1-2, AUX1', [''], [''])
    assert chosen.columns == (2, 0, 1, 64)
    assert chosen.names == ('EMG3', 'EMG1', 'EMG2', 'AUX1')
    assert chosen.slice == [2, 0, 1, 64]
    assert select_channels(NAMES, '', [''], ['']).slice == slice(0, 64)
    assert select_channels(NAMES, '2-3', ['a', 'b'], ['']).names == ('a', 'b')


def test_places_follow_the_chosen_channels():
    chosen = select_channels([*NAMES, 'AUX1'], '64, 1, AUX1', [''], ['GR08MM1305'])
    assert chosen.grid == (13, 5)
    assert chosen.grid_places == (0, 11 * 5 + 4, -1)


@pytest.mark.parametrize(
    ('channels', 'names', 'grids', 'reason'),
    [
        ('65', [''], [''], "no channel '65'; expected numbers from 1 to 64"),
        ('0', [''], [''], "no channel '0'"),
        ('9-3', [''], [''], "no channel '9-3'"),
        ('ECG', [''], [''], 'names: EMG1, EMG2'),
        ('1, 1-2', [''], [''], 'expected channels that differ'),
        ('1-3', ['a'], [''], 'got 1 names, expected one for each of the 3 channels'),
        ('', [''], ['GR08MM1305', '4x8'], 'have 96 electrodes, but the device has 64 channels'),
    ],
)
def test_impossible_choices_are_refused_with_the_reason(channels, names, grids, reason):
    with pytest.raises(SourceError, match=reason):
        select_channels(NAMES, channels, names, grids)
