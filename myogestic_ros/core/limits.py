"""Limits of the memory that files of others may take, each with the variable that changes it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

__all__ = ['MAX_CHUNK', 'MAX_MODEL', 'MAX_RATIO', 'Limit', 'expanded_bytes']


@dataclass(frozen=True)
class Limit:
    """Limit that an environment variable changes.

    Attributes
    ----------
    variable : str
        Name of the environment variable.
    default : float
        Value while the variable is not set, or is not a positive number.
    """

    variable: str
    default: float

    @property
    def value(self) -> float:
        """Value in force."""
        try:
            value = float(os.environ.get(self.variable, ''))
        except ValueError:
            return self.default
        return value if value > 0 and math.isfinite(value) else self.default


MAX_CHUNK = Limit('MYOGESTIC_ROS_MAX_CHUNK_MIB', 256)
"""Size of decompressed data that is in memory at once, MiB: a chunk or a message of a recording."""

MAX_MODEL = Limit('MYOGESTIC_ROS_MAX_MODEL_MIB', 1024)
"""Size of a compressed model file after decompression, MiB."""

MAX_RATIO = Limit('MYOGESTIC_ROS_MAX_RATIO', 1000)
"""Ratio of decompressed to compressed size, above `FREE_BYTES`; that of EMG is at most 10."""

FREE_BYTES = 16 * 2**20
"""Decompressed size from which the ratio counts: silence compresses well."""


def expanded_bytes(compressed_bytes: int, size: Limit | None = None) -> tuple[int, str]:
    """Return how far data may be decompressed.

    Parameters
    ----------
    compressed_bytes : int
        Size of the compressed data.
    size : Limit, optional
        Limit of the decompressed size, MiB; None: only the ratio counts.

    Returns
    -------
    limit : int
        Largest decompressed size, bytes.
    reason : str
        Name of the limit in words, to be put after 'expands to more than'.
    """
    by_ratio = max(FREE_BYTES, round(MAX_RATIO.value * compressed_bytes))
    if size is None or by_ratio < size.value * 2**20:
        return by_ratio, (
            f'{by_ratio / 2**20:.0f} MiB, {by_ratio / max(1, compressed_bytes):.0f} times its size '
            f'(set {MAX_RATIO.variable} to allow more)'
        )
    return round(size.value * 2**20), (f'{size.value:g} MiB (set {size.variable} to allow more)')
