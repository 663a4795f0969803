"""Why predictions do not move the hand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Reason']


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason, for people and for programs.

    Attributes
    ----------
    kind : str
        In a word or two, the same as long as the trouble is the same: ``'silent'``.
    sentence : str
        What came, what was expected, what to do.
    """

    kind: str
    sentence: str
