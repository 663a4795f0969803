"""A ROS parameter file, read without a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.parameters import Parameter, check_values

__all__ = ['read_parameters']


def read_parameters(file: Path, node: str, table: Iterable[Parameter]) -> dict[str, Any]:
    """Return the values that a parameter file gives a node for the rows of a table.

    Parameters
    ----------
    file : Path
        YAML as nodes are started with: sections such as ``/**`` or ``pipeline``, each with
        ``ros__parameters``. The later section wins.
    node : str
        Name of the node.
    table : iterable of Parameter
        What is wanted; other parameters are passed over.

    Raises
    ------
    MyoGesticError
        When it cannot be read, or values do not fit; every fault at once.
    """
    table = tuple(table)
    names = {row.name for row in table}
    try:
        content = yaml.safe_load(file.read_text(encoding='utf-8'))
        sections = {
            str(key): section['ros__parameters'] for key, section in (content or {}).items()
        }
        found = {
            name: value
            for key, section in sections.items()
            if key == '/**' or key.split('/')[-1] == node
            for name, value in _flat(section)
            if name in names
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise MyoGesticError(
            f'{file} is no parameter file ({error!r}); expected YAML with sections such as '
            f"'{node}:', each with 'ros__parameters:'."
        ) from error
    faults = check_values(table, found)
    if faults:
        raise MyoGesticError(f'{file}: {"; ".join(faults)}.')
    return found


def _flat(values: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values: ``post: {dead_zone: 0.1}`` as ``post.dead_zone``."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value
