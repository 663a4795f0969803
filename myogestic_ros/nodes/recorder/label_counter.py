"""Class indices and repetition numbers of the labels of ``~/set_label``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label

__all__ = ['LabelCounter']


class LabelCounter:
    """Create labels with the index of their class and the number of the repetition.

    Attributes
    ----------
    names : list of str
        Class names; the index of a label is an index into this list.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._fixed = False
        self._repetitions: Counter[int] = Counter()

    def set_classes(self, names: Iterable[str]) -> None:
        """Accept only these classes; if none are given, each new name adds a class."""
        given = [name for name in names if name]
        if given or self._fixed:
            self.names = given
        self._fixed = bool(given)

    def begin_session(self, current: Label | None) -> None:
        """Count repetitions from 0, or after ``current``, the label in force at the start."""
        self._repetitions.clear()
        if current is not None and current.index != NO_CLASS:
            self._repetitions[current.index] = current.repetition + 1

    def label(self, name: str, stamp_ns: int) -> Label:
        """Return the label of the next repetition of a class.

        Parameters
        ----------
        name : str
            Class name; '' for no class.
        stamp_ns : int
            Start of the label, ns.

        Raises
        ------
        SessionError
            If the class is unknown.
        """
        if not name:
            return Label(stamp_ns, NO_CLASS)
        if name not in self.names:
            if self._fixed:
                raise SessionError(
                    f"Unknown class '{name}', expected one of: {', '.join(self.names)}."
                )
            self.names.append(name)
        index = self.names.index(name)
        repetition = self._repetitions[index]
        self._repetitions[index] += 1
        return Label(stamp_ns, index, name, repetition)
