"""MyoGestic's filters for the vector that a decoder gives, under their names there."""

from __future__ import annotations

from myogestic_ros.decoding.postprocessing.vector_filters import (
    GaussianFilter,
    IdentityFilter,
    OneEuroFilter,
    VectorFilter,
    make_filter,
)

__all__ = ['GaussianFilter', 'IdentityFilter', 'OneEuroFilter', 'VectorFilter', 'make_filter']
