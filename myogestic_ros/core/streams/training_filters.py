"""Default filters for the windows of recorded sessions during a training: those that run live.

A ``train`` callback reads windows without naming filters. They are passed on beside it: in the
thread of the training, or in the environment of its process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from myogestic_ros.core.streams.filter_spec import FilterSpec

__all__ = ['filters_to_environment', 'training_filters', 'training_filter']

ENVIRONMENT = 'MYOGESTIC_ROS_FILTERS'
"""Environment variable with the filters, as JSON by stream.

It is set in the training process, for its threads and for the processes that it starts.
"""

Filters = Mapping[str, FilterSpec | None]

_of_thread: ContextVar[Filters | None] = ContextVar('training_filters', default=None)


@contextmanager
def training_filters(filters: Filters) -> Iterator[None]:
    """Set the default filters for windows that this thread cuts from recorded sessions.

    Parameters
    ----------
    filters : mapping of str to FilterSpec or None
        The filters, by stream; None: no filters.
    """
    token = _of_thread.set(filters)
    try:
        yield
    finally:
        _of_thread.reset(token)


def filters_to_environment(filters: Filters) -> None:
    """Set the default filters for this process and for the processes that it starts.

    Parameters
    ----------
    filters : mapping of str to FilterSpec or None
        The filters, by stream; None: no filters.
    """
    os.environ[ENVIRONMENT] = json.dumps(
        {name: spec.to_json() for name, spec in filters.items() if spec is not None}
    )


def training_filter(stream: str) -> FilterSpec | None:
    """Return the default filters of a stream in this thread; None: no filters.

    Parameters
    ----------
    stream : str
        Name of the stream; a leading slash is ignored.
    """
    name = stream.lstrip('/')
    filters = _of_thread.get()
    if filters is not None:
        return filters.get(name)
    return FilterSpec.from_value(json.loads(os.environ.get(ENVIRONMENT, '{}')).get(name))
