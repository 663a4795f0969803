"""What a model does the first time, done before the first tick."""

from __future__ import annotations

import contextlib
from typing import Any

__all__ = ['warm_up']


def warm_up(model: Any) -> None:
    """Call the ``warm_up()`` of a model that has one, so that its first tick is not late.

    Callbacks are not called: what else they do, nobody but their author knows.
    """
    method = getattr(model, 'warm_up', None)
    if callable(method):
        with contextlib.suppress(Exception):  # what is wrong with a model, its first tick tells
            method()
