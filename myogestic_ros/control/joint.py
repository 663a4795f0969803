"""A joint and its limits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Joint']


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint that is commanded.

    Attributes
    ----------
    name : str
        As in the URDF, and as the controller calls it.
    lower, upper : float
        Limits of its position, rad.
    velocity : float
        Limit of its speed, rad/s.
    acceleration : float
        Limit of its acceleration, rad/s².
    """

    name: str
    lower: float
    upper: float
    velocity: float
    acceleration: float
