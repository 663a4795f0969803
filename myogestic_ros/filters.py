"""Filters for predicted vectors with the names of MyoGestic, for decoders written for it."""

from __future__ import annotations

from myogestic_ros.decoding.postprocessing.vector_filters import (
    GaussianFilter,
    IdentityFilter,
    OneEuroFilter,
    VectorFilter,
    make_filter,
)

__all__ = ['GaussianFilter', 'IdentityFilter', 'OneEuroFilter', 'VectorFilter', 'make_filter']
