"""Tables of parameters as ROS parameters."""

from __future__ import annotations

import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.parameters import Parameter

__all__ = ['declare', 'faults', 'fitted', 'full_names', 'values']


def full_names(table: Iterable[Parameter], prefix: str = '') -> dict[str, Parameter]:
    """Return the rows of a table by their full names, ``<prefix><name>``, which they then bear."""
    return {prefix + row.name: replace(row, name=prefix + row.name) for row in table}


def declare(node: Node, table: Iterable[Parameter], prefix: str = '') -> None:
    """Declare every row that is not declared yet as ``<prefix><name>``.

    Raises
    ------
    MyoGesticError
        When values that the node was started with do not fit; it names every one of them.
    """
    rows = full_names(table, prefix)
    given = node._parameter_overrides
    for name in rows.keys() & given.keys():
        given[name] = fitted(given[name], rows[name])
    found = faults([given[name] for name in rows if name in given], rows)
    if found:
        raise MyoGesticError(f'{"; ".join(found)}.')
    for name, row in rows.items():
        if not node.has_parameter(name):
            node.declare_parameter(name, row.default, describe(row))


def fitted(parameter: RosParameter, row: Parameter | None) -> RosParameter:
    """Return a parameter in the type that its row wants, where people write it in another.

    A whole number is also a number (``rate:=4``, ``[20, 450]``), and an empty list is one of
    anything.
    """
    if row is None:
        return parameter
    default, value = row.default, parameter.value
    if isinstance(default, float) and parameter.type_ == RosParameter.Type.INTEGER:
        return RosParameter(parameter.name, RosParameter.Type.DOUBLE, float(value))
    wants_floats = isinstance(default, list) and bool(default) and isinstance(default[0], float)
    if wants_floats and parameter.type_ == RosParameter.Type.INTEGER_ARRAY:
        numbers = [float(number) for number in value]
        return RosParameter(parameter.name, RosParameter.Type.DOUBLE_ARRAY, numbers)
    # The parser of parameter files calls an empty list not set; rclpy calls it one of bytes.
    if isinstance(default, list) and (value is None or len(value) == 0):
        kind = RosParameter.Type.from_parameter_value(default)
        return RosParameter(parameter.name, kind, [])
    return parameter


def describe(row: Parameter) -> ParameterDescriptor:
    """Return the descriptor of a row: description, range, legal values."""
    descriptor = ParameterDescriptor(description=row.description, read_only=row.read_only)
    if row.choices:
        descriptor.additional_constraints = f'one of: {", ".join(row.choices)}'
    if row.minimum is not None and row.maximum is not None:
        if isinstance(row.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(row.minimum), to_value=float(row.maximum))
            ]
        elif isinstance(row.default, int):
            descriptor.integer_range = [
                IntegerRange(from_value=int(row.minimum), to_value=int(row.maximum), step=1)
            ]
    return descriptor


def values(node: Node, table: Iterable[Parameter], prefix: str = '') -> dict[str, Any]:
    """Return plain name → value of every row."""
    return {row.name: node.get_parameter(prefix + row.name).value for row in table}


def faults(parameters: Iterable[RosParameter], rows: Mapping[str, Parameter]) -> list[str]:
    """Return what is wrong with parameters that are about to be set, every fault."""
    found = []
    for parameter in parameters:
        row = rows.get(parameter.name)
        if row is None:
            continue
        fault = _list_fault(row, parameter) if isinstance(row.default, list) else None
        fault = fault or row.validation_error(parameter.value)
        if fault is not None:
            found.append(fault)
    return found


def _list_fault(row: Parameter, parameter: RosParameter) -> str | None:
    kind = RosParameter.Type.from_parameter_value(row.default)
    if parameter.type_ == kind:
        return None
    expected = kind.name.lower().replace('_array', 's')
    value = parameter.value
    given = list(value) if isinstance(value, array.array) else value
    return f'{row.name}: got {given!r}, expected a list of {expected}'
