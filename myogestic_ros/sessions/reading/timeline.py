"""Which label is in force when, and whether sessions mean the same by their labels."""

from __future__ import annotations

from bisect import bisect_right

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label

__all__ = ['Timeline', 'check_names']

EDGE_NS = 1000
"""A sample so little before a label is at it: the times of both were rounded, perhaps twice."""


class Timeline:
    """Which label is in force when."""

    def __init__(self, labels: list[Label]) -> None:
        # The same label said twice in a row is no change.
        self.labels = [
            label
            for before, label in zip([None, *labels], labels, strict=False)
            if before is None or _what(before) != _what(label)
        ]
        self._starts = [label.stamp_ns for label in self.labels]

    def over(self, start_ns: int, end_ns: int, settle_ns: int) -> Label | None:
        """Return the label that is in force all the time, and has been for ``settle_ns``."""
        index = bisect_right(self._starts, end_ns + EDGE_NS) - 1
        if index < 0:
            return None
        label = self.labels[index]
        if label.index == NO_CLASS or start_ns + EDGE_NS < label.stamp_ns + settle_ns:
            return None
        planned_ns = round(label.duration_s * 1e9)
        if planned_ns and end_ns + EDGE_NS > label.stamp_ns + planned_ns:
            return None  # who gave the cue is gone, or late
        return label

    def at(self, at_ns: int) -> tuple[Label | None, int | None]:
        """Return the label in force at an instant, and when the next begins; None: none does."""
        index = bisect_right(self._starts, at_ns + EDGE_NS)
        label = self.labels[index - 1] if index else None
        return label, self._starts[index] if index < len(self._starts) else None


def _what(label: Label) -> tuple[int, str, int]:
    return label.index, label.name, label.repetition


def check_names(names: dict[int, str], labels: list[Label], session: str) -> None:
    """Add the labels' names to ``names``, by index; one class has one name, and one name one class.

    Raises
    ------
    SessionError
        When they contradict what other sessions say.
    """
    for label in labels:
        if label.index == NO_CLASS or not label.name:
            continue
        known = names.setdefault(label.index, label.name)
        if known != label.name:
            raise SessionError(
                f"Session '{session}' calls class {label.index} '{label.name}', another one "
                f"calls it '{known}'; sessions that are trained on together must agree."
            )
        for index, name in names.items():
            if name == label.name and index != label.index:
                raise SessionError(
                    f"Session '{session}' has '{name}' as class {label.index}, another one "
                    f'as class {index}; sessions that are trained on together must agree.'
                )
