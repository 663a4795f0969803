"""A joint and its limits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Joint']


@dataclass(frozen=True, slots=True)
class Joint:
    """A commanded joint.

    Attributes
    ----------
    name : str
        Name in the URDF and in the controller.
    lower, upper : float
        Position limits, rad.
    velocity : float
        Speed limit, rad/s.
    acceleration : float
        Acceleration limit, rad/s².
    """

    name: str
    lower: float
    upper: float
    velocity: float
    acceleration: float
