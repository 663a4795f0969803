"""A prediction, and the interface of the post-processing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ['PostProcess', 'Prediction', 'predicted_label', 'named_values']


@dataclass(frozen=True, slots=True)
class Prediction:
    """The result of ``predict`` for one tick.

    Attributes
    ----------
    values : dict
        The dict that ``predict`` returned, after post-processing.
    sample : int
        Index of the newest sample of the window in the primary stream.
    stamp_ns : int
        Acquisition time of that sample, in ns.
    compute_s : float
        Time spent in ``extract`` and ``predict``, in s.
    model_id : str
        Name of the model.
    class_names : tuple of str
        Names of the classes that the model knows.
    segment : int
        Number of the segment, the part of the signal without lost samples, of the window.
    """

    values: dict[str, Any]
    sample: int
    stamp_ns: int
    compute_s: float
    model_id: str = ''
    class_names: tuple[str, ...] = ()
    segment: int = 0


class PostProcess(Protocol):
    """Post-processing of predictions, called in order after ``predict``."""

    def reset(self) -> None:
        """Reset the state; called when predicting starts."""

    def process(self, prediction: Prediction) -> dict[str, Any]:
        """Return the values that replace those of the prediction; do not modify the latter."""


def predicted_label(values: dict[str, Any], class_names: Sequence[str]) -> str:
    """Return the name of the predicted class; empty if the dict names no class.

    Parameters
    ----------
    values : dict
        Result of ``predict``, with ``label`` (a name) or ``class`` (a name or a class index).
    class_names : sequence of str
        Names of the classes, by class index.
    """
    for key in ('label', 'class'):
        if isinstance(values.get(key), str):
            return str(values[key])
    index = values.get('class')
    if isinstance(index, (bool, np.bool_)) or not isinstance(index, (int, np.integer)):
        return ''
    return class_names[int(index)] if 0 <= index < len(class_names) else ''


def named_values(value: Any, class_names: Sequence[str]) -> tuple[list[str], list[float]]:
    """Return names and values of a mapping, or of a sequence with one value per class.

    Parameters
    ----------
    value : object
        A mapping of names to numbers, or a sequence or array of numbers in order of the classes.
    class_names : sequence of str
        Names of the classes, by class index.

    Returns
    -------
    names : list of str
    values : list of float
        Both empty if ``value`` is neither.
    """
    try:
        if isinstance(value, Mapping):
            return [str(key) for key in value], [float(number) for number in value.values()]
        if isinstance(value, (Sequence, np.ndarray)) and len(value) == len(class_names):
            return list(class_names), [float(number) for number in value]
    except (TypeError, ValueError):
        pass
    return [], []
