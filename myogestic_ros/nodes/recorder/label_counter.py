"""Classes and repetitions, as the recorder numbers them for ``~/set_label``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label

__all__ = ['LabelCounter']


class LabelCounter:
    """Give labels the index of their class and the number of the repetition.

    Attributes
    ----------
    names : list of str
        Names of the classes; a label's index points into it.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._fixed = False
        self._repetitions: Counter[int] = Counter()

    def set_classes(self, names: Iterable[str]) -> None:
        """Know these classes and no others; without any, each new name is a class of its own."""
        known = [name for name in names if name]
        if known or self._fixed:
            self.names = known
        self._fixed = bool(known)

    def begin_session(self, current: Label | None) -> None:
        """Count repetitions from 0; ``current`` holds already when the session begins."""
        self._repetitions.clear()
        if current is not None and current.index != NO_CLASS:
            self._repetitions[current.index] = current.repetition + 1

    def label(self, name: str, stamp_ns: int) -> Label:
        """Return the label of a class from ``stamp_ns`` on; of no class for an empty name.

        Raises
        ------
        SessionError
            When there is no such class.
        """
        if not name:
            return Label(stamp_ns, NO_CLASS)
        if name not in self.names:
            if self._fixed:
                raise SessionError(
                    f"There is no class '{name}'; there are: {', '.join(self.names)}."
                )
            self.names.append(name)
        index = self.names.index(name)
        repetition = self._repetitions[index]
        self._repetitions[index] += 1
        return Label(stamp_ns, index, name, repetition)
