"""One prediction, and what may become of it before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ['PostProcess', 'Prediction', 'predicted_label', 'named_values']


@dataclass(frozen=True, slots=True)
class Prediction:
    """What ``predict`` returned for one tick, and from what.

    Attributes
    ----------
    values : dict
        The dict that ``predict`` returned.
    sample : int
        Index of the newest sample used, in the primary stream.
    stamp_ns : int
        When that sample was acquired, ns.
    compute_s : float
        Time spent in ``extract`` and ``predict``, s.
    model_id : str
        Name of the model.
    class_names : tuple of str
        Names of the classes that the model knows.
    segment : int
        Number of the stretch without lost samples that it is from.
    """

    values: dict[str, Any]
    sample: int
    stamp_ns: int
    compute_s: float
    model_id: str = ''
    class_names: tuple[str, ...] = ()
    segment: int = 0


class PostProcess(Protocol):
    """What predictions pass through, in order, after ``predict``."""

    def reset(self) -> None:
        """Forget the predictions so far: predicting has started, or with another model."""

    def process(self, prediction: Prediction) -> dict[str, Any]:
        """Return the values that take the place of the prediction's; those stay as they are."""


def predicted_label(values: dict[str, Any], class_names: Sequence[str]) -> str:
    """Return the class that a decoder's dict decides for, '' when it decides for none.

    Parameters
    ----------
    values : dict
        With ``label`` (a name) or ``class`` (a name, or an index into the class names).
    class_names : sequence of str
        Names of the classes, by index.
    """
    for key in ('label', 'class'):
        if isinstance(values.get(key), str):
            return str(values[key])
    index = values.get('class')
    if isinstance(index, (bool, np.bool_)) or not isinstance(index, (int, np.integer)):
        return ''
    return class_names[int(index)] if 0 <= index < len(class_names) else ''


def named_values(value: Any, class_names: Sequence[str]) -> tuple[list[str], list[float]]:
    """Return names and numbers of a mapping, or of one number per class, in order of the classes.

    Both are empty when the value is of another kind.
    """
    try:
        if isinstance(value, Mapping):
            return [str(key) for key in value], [float(number) for number in value.values()]
        if isinstance(value, (Sequence, np.ndarray)) and len(value) == len(class_names):
            return list(class_names), [float(number) for number in value]
    except (TypeError, ValueError):
        pass
    return [], []
