"""Look up the label in force at an instant, and compare the class names of sessions."""

from __future__ import annotations

from bisect import bisect_right

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label

__all__ = ['ROUNDING_NS', 'Timeline', 'check_class_names', 'insert_planned_ends']

ROUNDING_NS = 1000
"""Tolerance when times of samples and labels are compared, ns: both may have been rounded."""


class Timeline:
    """Labels of a session in the order of time.

    Parameters
    ----------
    labels : list of Label
        Labels, sorted by their stamps.

    Attributes
    ----------
    labels : list of Label
        Labels without repeated messages: a label equal to the one before is no change.
    """

    def __init__(self, labels: list[Label]) -> None:
        self.labels = [
            label
            for before, label in zip([None, *labels], labels, strict=False)
            if before is None or _identity(before) != _identity(label)
        ]
        self._starts = [label.stamp_ns for label in self.labels]

    def label_during(self, start_ns: int, end_ns: int, settle_ns: int) -> Label | None:
        """Return the label in force during a whole time interval.

        Parameters
        ----------
        start_ns, end_ns : int
            First and last instant of the interval, ns.
        settle_ns : int
            Minimum time between the label and the start of the interval, ns.

        Returns
        -------
        Label or None
            None if no class is in force, if the label changes, or if its planned duration ends.
        """
        index = bisect_right(self._starts, end_ns + ROUNDING_NS) - 1
        if index < 0:
            return None
        label = self.labels[index]
        if label.index == NO_CLASS or start_ns + ROUNDING_NS < label.stamp_ns + settle_ns:
            return None
        planned_ns = round(label.duration_s * 1e9)
        if planned_ns and end_ns + ROUNDING_NS > label.stamp_ns + planned_ns:
            return None  # the label that ends the repetition is missing or late
        return label

    def label_at(self, at_ns: int) -> tuple[Label | None, int | None]:
        """Return the label in force at an instant and the start of the next label, ns.

        Each is None if there is none.
        """
        index = bisect_right(self._starts, at_ns + ROUNDING_NS)
        label = self.labels[index - 1] if index else None
        return label, self._starts[index] if index < len(self._starts) else None


def _identity(label: Label) -> tuple[int, str, int]:
    return label.index, label.name, label.repetition


def insert_planned_ends(labels: list[Label]) -> list[Label]:
    """Return labels with a ``NO_CLASS`` label at each planned end that no other label precedes."""
    found: list[Label] = []
    for label, following in zip(labels, [*labels, None][1:], strict=True):
        found.append(label)
        planned_ns = round(label.duration_s * 1e9)
        end_ns = label.stamp_ns + planned_ns
        if planned_ns and (following is None or following.stamp_ns > end_ns + ROUNDING_NS):
            found.append(Label(end_ns, NO_CLASS))
    return found


def check_class_names(names: dict[int, str], labels: list[Label], session: str) -> None:
    """Add the class names of labels to ``names`` and check that they agree.

    Parameters
    ----------
    names : dict of int to str
        Class names by class index, of all sessions so far; updated.
    labels : list of Label
        Labels of a session.
    session : str
        Name of the session, for the error message.

    Raises
    ------
    SessionError
        If a class has two names, or two classes have one name.
    """
    for label in labels:
        if label.index == NO_CLASS or not label.name:
            continue
        known = names.setdefault(label.index, label.name)
        if known != label.name:
            raise SessionError(
                f"Class {label.index} is '{label.name}' in session '{session}' and '{known}' in "
                f'another one; train only on sessions with the same classes.'
            )
        for index, name in names.items():
            if name == label.name and index != label.index:
                raise SessionError(
                    f"'{name}' is class {label.index} in session '{session}' and class {index} "
                    f'in another one; train only on sessions with the same classes.'
                )
