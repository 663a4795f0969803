"""Load YAML files; report duplicate keys and the line of each value."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

__all__ = ['YamlDocument', 'YamlError', 'check_size', 'parse_yaml', 'read_yaml']

MAX_BYTES = 4 * 2**20
"""Largest file, bytes."""
MAX_DEPTH = 100
"""Largest number of levels: the parser calls itself for each."""
MAX_VALUES = 100_000
"""Largest number of values after aliases are expanded: nested aliases grow exponentially."""
MAX_CHARACTERS = 16 * 2**20
"""Largest number of characters of all values after aliases are expanded."""

STARTS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)

MERGE = 'tag:yaml.org,2002:merge'
"""Tag of the key ``<<``, which may occur several times and is no key of the result."""


class YamlError(ValueError):
    """A file that cannot be read or is not valid YAML.

    The message is a predicate without a full stop, to be put after the name of the file:
    ``is not valid YAML: line 3: …``.
    """


@dataclass(frozen=True)
class YamlDocument:
    """Content of a YAML file.

    Attributes
    ----------
    content : object
        Dicts, lists and scalars, as `yaml.safe_load` returns them. Of a duplicate key it holds
        the last value.
    duplicates : list of str
        One sentence without a full stop per duplicate key, with the lines of both.
    root : yaml.Node or None
        Parsed nodes, for `line_of`; None for an empty file.
    """

    content: Any
    duplicates: list[str]
    root: yaml.Node | None

    def line_of(self, *path: Hashable) -> str:
        """Return the line of a key or list item, as in ``'line 7'``.

        Parameters
        ----------
        path : hashable
            Keys and list indices that lead to it. If it does not exist, the line of the nearest
            enclosing key is returned.
        """
        node, line = self.root, 1 if self.root is None else self.root.start_mark.line + 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return f'line {line}'


def read_yaml(path: Path, max_bytes: int = MAX_BYTES) -> YamlDocument:
    """Load a YAML file.

    Parameters
    ----------
    path : Path
        File with one document, in UTF-8.
    max_bytes : int
        Refuse larger files.

    Raises
    ------
    YamlError
        If the file cannot be read, is too large or is not valid YAML.
    """
    try:
        with path.open('rb') as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise YamlError(f'cannot be read: {error.strerror or error}') from error
    if len(raw) > max_bytes:
        raise YamlError(f'is larger than {max_bytes / 2**20:g} MiB')
    try:
        return parse_yaml(raw.decode('utf-8-sig'))
    except UnicodeDecodeError as error:
        raise YamlError('is not UTF-8 text') from error


def parse_yaml(text: str) -> YamlDocument:
    """Load a YAML document from text.

    Raises
    ------
    YamlError
        If it is not valid YAML, is too large when its aliases are expanded, is nested too deeply,
        or a key is not a name or number.
    """
    loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        check_size(text)
        root = yaml.compose(text, Loader=loader)
        duplicates: list[str] = []
        if root is None:
            return YamlDocument(None, duplicates, None)
        _check(root, duplicates, set(), set())
        return YamlDocument(SafeConstructor().construct_document(root), duplicates, root)
    except yaml.MarkedYAMLError as error:
        raise YamlError(f'is not valid YAML: {_reason(error, text)}') from error
    except RecursionError as error:
        raise YamlError('is not valid YAML: it is nested too deeply') from error
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise YamlError(f'is not valid YAML: {" ".join(str(error).split())}') from error


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return what the parser reports, with the line."""
    reason = error.problem or ''
    last = max(1, len(text.splitlines()))  # the end of a file is reported as the line after it
    if error.context and error.context_mark is not None:
        reason += f' ({error.context} from line {min(error.context_mark.line + 1, last)})'
    mark = error.problem_mark or error.context_mark
    return reason if mark is None else f'line {min(mark.line + 1, last)}: {reason}'


def check_size(text: str) -> None:
    """Check the size and the depth of a YAML document before it is loaded.

    Raises
    ------
    YamlError
        If it is nested too deeply, or is too large when its aliases are expanded: a document of 500
        bytes may expand to gigabytes.
    yaml.YAMLError
        If it is not valid YAML.
    """
    loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    counter = _SizeCounter()
    try:
        for event in yaml.parse(text, loader):
            counter.add(event)
    except yaml.MarkedYAMLError as error:
        if 'nesting depth' not in (error.problem or ''):
            raise
        # LibYAML has a limit of its own, and reads ahead of the events.
        raise YamlError(_too_deep(error.problem_mark)) from error


class _SizeCounter:
    """Count the values and characters of a document while its events are parsed."""

    def __init__(self) -> None:
        self._anchors: dict[str | None, tuple[int, int]] = {}  # values and characters below it
        self._open: list[tuple[str | None, int, int]] = [(None, 0, 0)]

    def add(self, event: Any) -> None:
        if isinstance(event, STARTS):
            self._open.append((event.anchor, 1, 0))
            if len(self._open) > MAX_DEPTH + 1:
                raise YamlError(_too_deep(event.start_mark))
        elif isinstance(event, ENDS):
            self._count(event, *self._open.pop())
        elif isinstance(event, yaml.ScalarEvent):
            self._count(event, event.anchor, 1, len(event.value))
        elif isinstance(event, yaml.AliasEvent):
            self._count(event, None, *self._anchors.get(event.anchor, (1, 0)))

    def _count(self, event: Any, anchor: str | None, values: int, characters: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = values, characters
        above, values_before, characters_before = self._open[-1]
        values, characters = values_before + values, characters_before + characters
        self._open[-1] = above, values, characters
        if values > MAX_VALUES or characters > MAX_CHARACTERS:
            limit = f'{MAX_VALUES} values or {MAX_CHARACTERS} characters'
            raise YamlError(f'{_at(event)}: it has more than {limit} with aliases expanded')


def _too_deep(mark: Any) -> str:
    return f'is not valid YAML: line {mark.line + 1}: it is nested deeper than {MAX_DEPTH} levels'


def _at(event: Any) -> str:
    return f'is not valid YAML: line {event.start_mark.line + 1}'


def _check(node: yaml.Node, duplicates: list[str], checked: set[int], above: set[int]) -> None:
    """Find duplicate keys below a node, and aliases that contain themselves."""
    if id(node) in above:
        raise YamlError(f'is not valid YAML: {_line(node)}: an alias contains itself')
    if id(node) in checked:  # an alias refers to the node that it names
        return
    above.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(item, duplicates, checked, above)
    elif isinstance(node, yaml.MappingNode):
        first: dict[Hashable, str] = {}
        for key_node, value_node in node.value:
            if key_node.tag != MERGE:
                key = _key(key_node)
                if key in first:
                    duplicates.append(
                        f"{_line(key_node)}: duplicate key '{key}', first given in {first[key]}"
                    )
                first.setdefault(key, _line(key_node))
            _check(value_node, duplicates, checked, above)
    above.discard(id(node))
    checked.add(id(node))


def _key(node: yaml.Node) -> Hashable:
    """Return the Python value of a key."""
    if isinstance(node, yaml.ScalarNode):
        key = SafeConstructor().construct_object(node)
        if isinstance(key, str | int | float | bool | None):
            return key
    raise YamlError(f'is not valid YAML: {_line(node)}: expected a name or number as the key')


def _line(node: yaml.Node) -> str:
    return f'line {node.start_mark.line + 1}'


def _child(node: yaml.Node | None, step: Hashable) -> tuple[yaml.Node, int] | None:
    """Return the child of a node at a key or index, and the line where it starts."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        if 0 <= step < len(node.value):
            return node.value[step], node.value[step].start_mark.line + 1
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in reversed(node.value):  # the last of duplicates is in force
            if key_node.tag != MERGE and _key(key_node) == step:
                return value_node, key_node.start_mark.line + 1
    return None
