"""The reason why predictions do not move the hand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Reason']


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason, readable by programs and by people.

    Attributes
    ----------
    kind : str
        Identifier, constant while the cause lasts, for example ``'silent'``.
    message : str
        The received value, the expected value, and the remedy.
    """

    kind: str
    message: str
