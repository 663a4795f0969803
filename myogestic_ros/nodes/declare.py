"""Tables of parameters as ROS parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterType,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from myogestic_ros.core.parameters import Parameter

__all__ = ['declare', 'faults', 'values']


def declare(node: Node, table: Iterable[Parameter], prefix: str = '') -> None:
    """Declare every row that is not declared yet as ``<prefix><name>``.

    A whole number is taken for a decimal parameter too (``rate:=4``), as people write it.
    """
    for row in table:
        name = prefix + row.name
        if node.has_parameter(name):
            continue
        override = node._parameter_overrides.get(name)
        integer = override is not None and override.type_ == RosParameter.Type.INTEGER
        if isinstance(row.default, float) and integer:
            value = RosParameter(name, RosParameter.Type.DOUBLE, float(override.value))
            node._parameter_overrides[name] = value
        node.declare_parameter(name, row.default, describe(row))


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


def faults(parameters: Iterable[RosParameter], rows: dict[str, Parameter]) -> list[str]:
    """Return what is wrong with parameters that are about to be set, every fault."""
    found = []
    for parameter in parameters:
        row = rows.get(parameter.name)
        if row is None or parameter.type_ == ParameterType.PARAMETER_NOT_SET:
            continue
        value = parameter.value
        if isinstance(row.default, list):
            continue
        fault = row.fault(value)
        if fault is not None:
            found.append(fault)
    return found
