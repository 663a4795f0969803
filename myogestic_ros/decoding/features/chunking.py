"""Computation of features in chunks that fit the processor cache, about twice as fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ['in_chunks']

Floats = NDArray[np.floating[Any]]
Feature = TypeVar('Feature', bound=Callable[..., Floats])

CACHED_SAMPLES = 262_144
"""Number of samples per chunk: 1 MB of float32."""


def in_chunks(feature: Feature) -> Feature:
    """Decorate a feature to process many windows in chunks; the result is identical.

    Parameters
    ----------
    feature : callable
        Function of windows of shape ``(…, n_channels, n_samples)`` that treats each window
        independently.
    """

    @wraps(feature)
    def in_pieces(windows: ArrayLike, *arguments: Any, **options: Any) -> Floats:
        x = np.asarray(windows)
        if x.ndim < 3 or x.size <= CACHED_SAMPLES or len(x) < 2:
            return feature(x, *arguments, **options)
        n_windows = max(1, CACHED_SAMPLES * len(x) // x.size)
        pieces = [
            feature(x[first : first + n_windows], *arguments, **options)
            for first in range(0, len(x), n_windows)
        ]
        return np.concatenate(pieces)

    return cast(Feature, in_pieces)
