"""Hudgins' time-domain set of all streams, as the recipes use it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.core.signals import Samples
from myogestic_ros.decoding.features.counts import hudgins
from myogestic_ros.decoding.features.math_utils import Floats

__all__ = ['amplitude_columns', 'extract_hudgins']


@public_address
def extract_hudgins(windows: Mapping[str, Samples]) -> Floats:
    """Return MAV, ZC, SSC and WL of every channel, stream after stream in order of their names.

    Each window has the shape ``(n_channels, n_samples)``; with ``(n_windows, …)`` before it, so
    has the result before ``(n_features,)``.
    """
    if len(windows) == 1:
        (window,) = windows.values()
        return hudgins(window)
    return np.concatenate([hudgins(windows[name]) for name in sorted(windows)], axis=-1)


def amplitude_columns(n_channels: Mapping[str, int]) -> list[int]:
    """Return which columns of `extract_hudgins` hold MAV and WL, from the channels of each stream."""
    columns: list[int] = []
    start = 0
    for name in sorted(n_channels):
        channels = n_channels[name]
        columns += range(start, start + channels)
        columns += range(start + 3 * channels, start + 4 * channels)
        start += 4 * channels
    return columns
