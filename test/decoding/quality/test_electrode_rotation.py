"""Rotated armbands are detected."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from support.recorded import NOT_CLEAN, recording_summary, signal_summary, synthetic_emg

from myogestic_ros.core.errors import SignalError
from myogestic_ros.decoding.quality.electrode_rotation import (
    class_covariances,
    find_rotation,
    rotate_channels,
)

PLACES = (0, 1, 2, 3, 4, -3, -2, -1)


@pytest.mark.parametrize('places', PLACES)
def test_rotated_band_is_detected_and_rotating_back_undoes_it(places: int) -> None:
    before = class_covariances([signal_summary(*synthetic_emg(classes=4))])
    data, labels = synthetic_emg(classes=4, repetitions=1, seed=1)
    now = class_covariances([signal_summary(rotate_channels(data, -places, 1), labels)])
    found = find_rotation(before, now)
    assert found is not None
    assert found.channels == places
    assert found.is_proposed == (places != 0)
    if places:
        assert f'stream.emg.rotation to {places}.' in found.message()
        assert f'by {abs(places)} place' in found.message()
        back = class_covariances(
            [signal_summary(rotate_channels(rotate_channels(data, -places, 1), places, 1), labels)]
        )
        undone = find_rotation(before, back)
        assert undone is not None
        assert undone.channels == 0
    else:
        assert found.message() == ''


def test_rotation_half_way_between_electrodes_is_not_proposed() -> None:
    before = class_covariances([signal_summary(*synthetic_emg(classes=4))])
    half = {name: (c + np.roll(c, (1, 1), (0, 1))) / 2 for name, c in before.items()}
    found = find_rotation(before, half)
    assert found is not None
    assert found.confidence < 0.1
    assert not found.is_proposed


def test_incomparable_sessions_give_no_rotation() -> None:
    eye = np.eye(8)
    assert find_rotation({'rest': eye}, {'rest': eye}) is None
    assert find_rotation({'rest': eye, 'fist': eye}, {'open': eye, 'pinch': eye}) is None
    pair = np.eye(2)
    assert find_rotation({'rest': pair, 'fist': pair}, {'rest': pair, 'fist': pair}) is None
    with pytest.raises(SignalError, match='Cannot compare 16 channels with 8'):
        find_rotation({'a': eye, 'b': eye}, {'a': np.eye(16), 'b': np.eye(16)})


def test_rotation_without_signal_is_not_proposed() -> None:
    still = {'rest': np.zeros((8, 8)), 'fist': np.zeros((8, 8))}
    found = find_rotation(still, still)
    assert found is not None
    assert not found.is_proposed


def test_rotations_of_recorded_sessions_are_detected(recordings: Path) -> None:
    folders = sorted((recordings / 'myo-readings').glob('*-*'))
    folders = [f for f in folders if f.is_dir() and f.name not in NOT_CLEAN][:6]
    patterns = {f.name: class_covariances([recording_summary(f)]) for f in folders}
    for one, other in itertools.permutations(patterns, 2):
        if one.split('-')[0] != other.split('-')[0]:
            continue
        for places in PLACES:
            now = {n: np.roll(c, (-places, -places), (0, 1)) for n, c in patterns[other].items()}
            found = find_rotation(patterns[one], now)
            assert found is not None
            assert (found.channels, found.is_proposed) == (places, places != 0), (one, other)
