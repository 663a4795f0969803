"""Declare, read and validate ROS parameters from tables of `Parameter` rows."""

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

__all__ = [
    'coerce_type',
    'declare_parameters',
    'parameter_descriptor',
    'read_parameters',
    'rows_by_full_name',
    'validation_errors',
]


def rows_by_full_name(table: Iterable[Parameter], prefix: str = '') -> dict[str, Parameter]:
    """Return the rows of a table by full name; each row is renamed to ``<prefix><name>``."""
    return {prefix + row.name: replace(row, name=prefix + row.name) for row in table}


def declare_parameters(node: Node, table: Iterable[Parameter], prefix: str = '') -> None:
    """Declare every row that is not declared yet as ``<prefix><name>``.

    Raises
    ------
    MyoGesticError
        When values that the node was started with are invalid; names all of them.
    """
    rows = rows_by_full_name(table, prefix)
    overrides = node._parameter_overrides
    for name in rows.keys() & overrides.keys():
        overrides[name] = coerce_type(overrides[name], rows[name])
    errors = validation_errors([overrides[name] for name in rows if name in overrides], rows)
    if errors:
        raise MyoGesticError(f'{"; ".join(errors)}.')
    for name, row in rows.items():
        if not node.has_parameter(name):
            node.declare_parameter(name, row.default, parameter_descriptor(row))


def read_parameters(node: Node, table: Iterable[Parameter], prefix: str = '') -> dict[str, Any]:
    """Return the value of every row, by its name without the prefix."""
    return {row.name: node.get_parameter(prefix + row.name).value for row in table}


def coerce_type(parameter: RosParameter, row: Parameter | None) -> RosParameter:
    """Return a parameter in the type of its row's default value, where that loses nothing.

    A whole number is also a number (``rate:=4``, ``[20, 450]``), and an empty list is a list of
    any type.
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
    # An empty list arrives as "not set" from a parameter file and as a byte array from rclpy.
    if isinstance(default, list) and (value is None or len(value) == 0):
        kind = RosParameter.Type.from_parameter_value(default)
        return RosParameter(parameter.name, kind, [])
    return parameter


def parameter_descriptor(row: Parameter) -> ParameterDescriptor:
    """Return the descriptor of a row: description, range, choices, read-only."""
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


def validation_errors(
    parameters: Iterable[RosParameter], rows: Mapping[str, Parameter]
) -> list[str]:
    """Return one sentence for each invalid value; parameters without a row are not checked."""
    errors = []
    for parameter in parameters:
        row = rows.get(parameter.name)
        if row is None:
            continue
        error = _list_type_error(row, parameter) if isinstance(row.default, list) else None
        error = error or row.validation_error(parameter.value)
        if error is not None:
            errors.append(error)
    return errors


def _list_type_error(row: Parameter, parameter: RosParameter) -> str | None:
    kind = RosParameter.Type.from_parameter_value(row.default)
    if parameter.type_ == kind:
        return None
    expected = kind.name.lower().replace('_array', 's')
    value = parameter.value
    received = list(value) if isinstance(value, array.array) else value
    return f'{row.name}: got {received!r}, expected a list of {expected}'
