"""A parameter as a row of a table: what nodes and sources declare, check and document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ['Parameter', 'check_values', 'defaults']


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a node or source.

    Attributes
    ----------
    name : str
        Name as in a ROS parameter file.
    default : bool, int, float, str, or list of one of them
        Default value; it also fixes the type.
    description : str
        Meaning, with unit.
    minimum, maximum : float or None
        Legal range of a number, both ends included.
    choices : tuple of str
        Legal values of a string; empty when any will do.
    read_only : bool
        Whether it can only be set before the node starts.
    check : callable, optional
        Returns what else is wrong with a value of the right kind, or None.
    """

    name: str
    default: Any
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False
    check: Callable[[Any], str | None] | None = None

    def validation_error(self, value: Any) -> str | None:
        """Return what is wrong with ``value`` in a sentence, or None."""
        if isinstance(self.default, bool) != isinstance(value, bool):
            return f'{self.name}: got {value!r}, expected {type(self.default).__name__}'
        if isinstance(self.default, (int, float)) and not isinstance(self.default, bool):
            if not isinstance(value, (int, float)):
                return f'{self.name}: got {value!r}, expected a number'
            if isinstance(self.default, int) and not isinstance(value, int):
                return f'{self.name}: got {value!r}, expected a whole number'
            low = self.minimum if self.minimum is not None else float('-inf')
            high = self.maximum if self.maximum is not None else float('inf')
            if not low <= value <= high:
                return f'{self.name}: got {value}, expected {low:g} to {high:g}'
        elif isinstance(self.default, str):
            if not isinstance(value, str):
                return f'{self.name}: got {value!r}, expected a string'
            if self.choices and value not in self.choices:
                return f'{self.name}: got {value!r}, expected one of {", ".join(self.choices)}'
        elif isinstance(self.default, list) and isinstance(value, (str, int, float)):
            return f'{self.name}: got {value!r}, expected a list'
        wrong = self.check(value) if self.check is not None else None
        return None if wrong is None else f'{self.name}: got {value!r}, {wrong}'


def defaults(table: Iterable[Parameter]) -> dict[str, Any]:
    """Return name → default value of every row."""
    return {row.name: row.default for row in table}


def check_values(table: Iterable[Parameter], values: Mapping[str, Any]) -> list[str]:
    """Return every fault of ``values`` against ``table``, unknown names included, all at once."""
    rows = {row.name: row for row in table}
    faults = []
    for name, value in values.items():
        if name not in rows:
            faults.append(f'{name}: unknown, expected one of {", ".join(sorted(rows))}')
        elif (fault := rows[name].validation_error(value)) is not None:
            faults.append(fault)
    return faults
