"""Declarative tables of parameters, from which nodes and sources declare and check them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from myogestic_ros.core.untrusted import shown

__all__ = ['Parameter', 'check_values', 'defaults']


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a node or source.

    Attributes
    ----------
    name : str
        Name, as in a ROS parameter file.
    default : bool, int, float, str, or list of these
        Default value; it determines the type.
    description : str
        Meaning, with the unit.
    minimum, maximum : float or None
        Valid range of a number, both ends included.
    choices : tuple of str
        Valid values of a string; empty: any.
    read_only : bool
        If true, the parameter can be set only when the node starts.
    used_at : {'', 'configure', 'activation'}
        Transition at which a value that is set is first used; '': it is used at once.
    check : callable or None
        ``check(value)`` returns a further validation error of a value of the right type, or None.
    """

    name: str
    default: Any
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False
    used_at: str = ''
    check: Callable[[Any], str | None] | None = None

    def validation_error(self, value: Any) -> str | None:
        """Return the validation error of a value, or None if it is valid."""
        if isinstance(self.default, bool) != isinstance(value, bool):
            return f'{self.name}: got {shown(value)}, expected {type(self.default).__name__}'
        if isinstance(self.default, (int, float)) and not isinstance(self.default, bool):
            if not isinstance(value, (int, float)):
                return f'{self.name}: got {shown(value)}, expected a number'
            if isinstance(self.default, int) and not isinstance(value, int):
                return f'{self.name}: got {shown(value)}, expected a whole number'
            low = self.minimum if self.minimum is not None else float('-inf')
            high = self.maximum if self.maximum is not None else float('inf')
            if not low <= value <= high:
                return f'{self.name}: got {value}, expected {low:g} to {high:g}'
        elif isinstance(self.default, str):
            if not isinstance(value, str):
                return f'{self.name}: got {shown(value)}, expected a string'
            if self.choices and value not in self.choices:
                return (
                    f'{self.name}: got {shown(value)}, expected one of {", ".join(self.choices)}'
                )
        elif isinstance(self.default, list) and isinstance(value, (str, int, float)):
            return f'{self.name}: got {shown(value)}, expected a list'
        error = self.check(value) if self.check is not None else None
        return None if error is None else f'{self.name}: got {shown(value)}, {error}'


def defaults(table: Iterable[Parameter]) -> dict[str, Any]:
    """Return the default value of each parameter, by name."""
    return {row.name: row.default for row in table}


def check_values(table: Iterable[Parameter], values: Mapping[str, Any]) -> list[str]:
    """Return all validation errors of values, including unknown names.

    Parameters
    ----------
    table : iterable of Parameter
        The declared parameters.
    values : mapping of str to object
        The values to check, by name.
    """
    rows = {row.name: row for row in table}
    errors = []
    for name, value in values.items():
        if name not in rows:
            errors.append(f'{name}: unknown, expected one of {", ".join(sorted(rows))}')
        elif (error := rows[name].validation_error(value)) is not None:
            errors.append(error)
    return errors
