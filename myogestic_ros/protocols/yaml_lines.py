"""A YAML file that people write: what it says, and in which line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.core.errors import ProtocolError

__all__ = ['Lines', 'read_yaml']

LARGEST = 2**20
"""A file of more bytes was not written by hand; its aliases could unfold to anything."""


class Lines:
    """The line of every key and every item of a YAML file.

    Parameters
    ----------
    root : yaml.Node
        The file's content.
    """

    def __init__(self, root: yaml.Node) -> None:
        self._lines: dict[tuple[Hashable, ...], int] = {}
        self._seen: set[int] = set()  # an alias leads to the same node again
        self.twice: list[str] = []
        self._note(root, ())

    def _note(self, node: yaml.Node, place: tuple[Hashable, ...]) -> None:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._note(item, (*place, number))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                line, name = key.start_mark.line + 1, (*place, key.value)
                if name in self._lines:
                    self.twice.append(
                        f'line {line}: {key.value} stands already in line {self._lines[name]}.'
                    )
                    continue
                self._lines[name] = line
                self._note(value, name)

    def of(self, *place: Hashable) -> str:
        """Return ``'line 7'`` for a key or item, or for what it would stand in."""
        while place and place not in self._lines:
            place = place[:-1]
        return f'line {self._lines[place]}'


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """Return the fields in a YAML file and where they stand.

    Raises
    ------
    ProtocolError
        When it cannot be read, is no YAML, holds no fields, or one of them twice.
    """
    try:
        with path.open('rb') as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ProtocolError(f'{path} is larger than 1 MiB; expected a protocol in YAML.')
        text = raw.decode()
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        told = error.strerror or str(error)
        raise ProtocolError(f'Protocol {path} cannot be read: {told}.') from error
    except UnicodeDecodeError as error:
        raise ProtocolError(f'Protocol {path} is no text in UTF-8.') from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        told = ' '.join(str(error).split())
        raise ProtocolError(f'Protocol {path} is no YAML: {told}') from error
    if root is None or not isinstance(values, dict):
        raise ProtocolError(
            f'Protocol {path} holds no fields; expected lines such as `classes: [fist, open]`.'
        )
    lines = Lines(root)
    if lines.twice:
        raise ProtocolError(f'Protocol {path} is not right:\n  ' + '\n  '.join(lines.twice))
    return values, lines
