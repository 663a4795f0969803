"""Which filters windows for training are cut with when nobody says so: those that run live."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from myogestic_ros.core.streams.filter_spec import FilterSpec

__all__ = ['filters_to_environment', 'training_filters', 'training_filter']

ENVIRONMENT = 'MYOGESTIC_ROS_FILTERS'
"""Holds the filters where a training runs in a process of its own: also for its threads, and the
processes that it starts."""

Filters = Mapping[str, FilterSpec | None]

_here: ContextVar[Filters | None] = ContextVar('training filters', default=None)


@contextmanager
def training_filters(filters: Filters) -> Iterator[None]:
    """Cut windows of recorded streams, in this thread, as if they were filtered so.

    Parameters
    ----------
    filters : mapping of str to FilterSpec or None
        By name of the stream.
    """
    token = _here.set(filters)
    try:
        yield
    finally:
        _here.reset(token)


def filters_to_environment(filters: Filters) -> None:
    """Say so for the whole process, and for those that it starts."""
    os.environ[ENVIRONMENT] = json.dumps(
        {name: spec.to_json() for name, spec in filters.items() if spec is not None}
    )


def training_filter(stream: str) -> FilterSpec | None:
    """Return how windows of a stream are filtered here; None: not at all."""
    name = stream.lstrip('/')
    here = _here.get()
    if here is not None:
        return here.get(name)
    return FilterSpec.from_value(json.loads(os.environ.get(ENVIRONMENT, '{}')).get(name))
