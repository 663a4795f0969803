"""Class indices and repetition numbers of the labels of ``~/set_label``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import MAX_CLASSES, NO_CLASS, Label
from myogestic_ros.core.untrusted import MAX_NAME, clean_name

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
            If the class is unknown, or its name cannot be used.
        """
        if not name:
            return Label(stamp_ns, NO_CLASS)
        if name not in self.names:
            shown = clean_name(name)
            if self._fixed:
                raise SessionError(
                    f"Unknown class '{shown}', expected one of: {', '.join(self.names)}."
                )
            if shown != name:
                raise SessionError(
                    f"Got class '{shown}' of {len(name)} characters, expected at most {MAX_NAME} "
                    f'characters, without control characters.'
                )
            if len(self.names) >= MAX_CLASSES:
                raise SessionError(
                    f"Cannot add class '{name}': there are {MAX_CLASSES} classes already; use one "
                    f'of them.'
                )
            self.names.append(name)
        index = self.names.index(name)
        repetition = self._repetitions[index]
        self._repetitions[index] += 1
        return Label(stamp_ns, index, name, repetition)
