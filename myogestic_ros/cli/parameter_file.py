"""Read ROS parameter files without a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.parameters import Parameter, check_values
from myogestic_ros.core.yaml_file import YamlDocument, YamlError, read_yaml

__all__ = ['read_parameters']

PARAMETERS = 'ros__parameters'


def read_parameters(file: Path, node: str, table: Iterable[Parameter]) -> dict[str, Any]:
    """Return the parameters that a ROS parameter file sets for a node.

    Parameters
    ----------
    file : Path
        YAML with sections such as ``/**`` or ``pipeline``, each with ``ros__parameters``. Of a
        parameter that several sections set, the last value counts.
    node : str
        Name of the node.
    table : iterable of Parameter
        Parameters to read; others in the file are ignored.

    Raises
    ------
    MyoGesticError
        If the file cannot be read, holds a duplicate key, or values are invalid; the message
        lists all errors, with their lines.
    """
    table = tuple(table)
    names = {row.name for row in table}
    try:
        document = read_yaml(file)
    except YamlError as error:
        raise MyoGesticError(f'The parameter file {file} {error}.') from error
    if document.duplicates:
        raise MyoGesticError(f'The parameter file {file}: {"; ".join(document.duplicates)}.')
    found: dict[str, Any] = {}
    lines: dict[str, str] = {}
    for section, parameters in _sections(file, node, document):
        if str(section) == '/**' or str(section).split('/')[-1] == node:
            for path in _paths(parameters):
                name = '.'.join(map(str, path))
                if name in names:
                    found[name] = _value_at(parameters, path)
                    lines[name] = document.line_of(section, PARAMETERS, *path)
    errors = [
        f'{lines[name]}: {error}'
        for name, value in found.items()
        for error in check_values(table, {name: value})
    ]
    if errors:
        raise MyoGesticError(f'The parameter file {file}: {"; ".join(errors)}.')
    return found


def _sections(file: Path, node: str, document: YamlDocument) -> Iterator[tuple[Any, Any]]:
    """Yield the name and the parameters of each section of a parameter file."""
    content = {} if document.content is None else document.content
    expected = f"expected YAML with sections such as '{node}:', each with '{PARAMETERS}:'"
    if not isinstance(content, Mapping):
        raise MyoGesticError(f'{file} is no parameter file; {expected}.')
    for section, parameters in content.items():
        if not isinstance(parameters, Mapping) or not isinstance(
            parameters.get(PARAMETERS), Mapping
        ):
            line = document.line_of(section)
            raise MyoGesticError(f"{file} is no parameter file: {line}: '{section}'; {expected}.")
        yield section, parameters[PARAMETERS]


def _paths(values: Mapping[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to each value: ``post: {dead_zone: 0.1}`` as (post, dead_zone)."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((name, *path) for path in _paths(value))
        else:
            yield (name,)


def _value_at(values: Mapping[Any, Any], path: tuple[Any, ...]) -> Any:
    value: Any = values
    for name in path:
        value = value[name]
    return value
