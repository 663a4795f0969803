"""One prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ['Prediction']


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
    """

    values: dict[str, Any]
    sample: int
    stamp_ns: int
    compute_s: float
    model_id: str = ''
    class_names: tuple[str, ...] = ()
