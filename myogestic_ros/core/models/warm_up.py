"""First use of a model before the first tick."""

from __future__ import annotations

import contextlib
from typing import Any

__all__ = ['warm_up']


def warm_up(model: Any) -> None:
    """Call ``model.warm_up()`` if the model has that method, so that its first tick is not late.

    The first prediction of a scikit-learn estimator takes about ten times as long as later ones.
    The callbacks of the decoder are not called: they may have side effects.
    """
    method = getattr(model, 'warm_up', None)
    if callable(method):
        # An error of the model is reported at its first tick, with its traceback.
        with contextlib.suppress(Exception):
            method()
