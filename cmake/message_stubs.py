"""Generate type stubs (``.pyi``) for the Python classes of the messages.

rosidl generates Python classes without type annotations. These stubs give editors and type
checkers the fields, their types and their comments. CMakeLists.txt runs this script while it
builds::

    python3 message_stubs.py <package> <output folder> <interface file> ...

It writes ``<output folder>/{msg,srv,action}/_<name>.pyi``, beside whose installed counterparts
rosidl puts ``_<name>.py``, and an ``__init__.pyi`` for each of these folders.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from rosidl_adapter.parser import Type, parse_message_string

PARTS = {'msg': ('',), 'srv': ('Request', 'Response'), 'action': ('Goal', 'Result', 'Feedback')}
SCALARS = {'bool': 'bool', 'byte': 'bytes', 'string': 'str', 'wstring': 'str'}
IMPORTS = """\
from array import array
from collections.abc import Sequence
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
"""


def module_name(interface: str) -> str:
    """Return the name of the module that rosidl generates: EmgFrame is in _emg_frame."""
    words = re.sub(r'(.)([A-Z][a-z]+)', r'\1_\2', interface)
    return '_' + re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', words).lower()


def scalar_type(field: Type) -> str:
    """Return the Python type of one element of a field."""
    if field.pkg_name:
        return str(field.type)
    if field.type.startswith('float'):
        return 'float'
    return SCALARS.get(field.type, 'int')


def field_types(field: Type) -> tuple[str, str]:
    """Return the Python types that reading a field gives and that assigning it accepts."""
    element = scalar_type(field)
    if not field.is_array:
        return element, element
    if field.pkg_name or field.type in SCALARS:
        return f'list[{element}]', f'Sequence[{element}]'
    if field.is_fixed_size_array():
        numbers = f'NDArray[np.{"uint8" if field.type == "char" else field.type}]'
        return numbers, f'{numbers} | Sequence[{element}]'
    return f'array[{element}]', f'Sequence[{element}]'


def comments(definition: str) -> dict[str, str]:
    """Return the comment of each field; it holds for all fields up to the next empty line."""
    found: dict[str, str] = {}
    lines: list[str] = []
    in_fields = False
    for line in definition.splitlines():
        code, _, comment = line.partition('#')
        words = code.split()
        if comment and not words:
            lines = [comment.strip()] if in_fields else [*lines, comment.strip()]
            in_fields = False
        elif not words:
            lines, in_fields = [], False
        else:
            text = comment.strip() or '\n'.join(lines)
            found[words[1].partition('=')[0]] = text
            in_fields = True
    return found


def docstring(text: str, indent: str) -> list[str]:
    """Return the lines of a docstring, or none when there is no text."""
    if not text:
        return []
    quoted = text.replace('\\', '\\\\').replace('"""', "'''")
    lines = f'"""{quoted}{" " if quoted.endswith(chr(34)) else ""}"""'.splitlines()
    return [indent + line if line else '' for line in lines]


def field_lines(name: str, reads: str, accepts: str, comment: str = '') -> list[str]:
    """Return the declaration of one field: an attribute, or a property with two types."""
    if reads == accepts:
        return [f'    {name}: {reads}', *docstring(comment, '    ')]
    return [
        '    @property',
        f'    def {name}(self) -> {reads}:',
        *(docstring(comment, '        ') or ['        ...']),
        f'    @{name}.setter',
        f'    def {name}(self, value: {accepts}) -> None: ...',
    ]


def class_lines(package: str, name: str, definition: str) -> tuple[list[str], set[str]]:
    """Return the stub of one message class and the import lines it needs."""
    message = parse_message_string(package, name, definition)
    comment = comments(definition)
    head = definition.lstrip('\n').split('\n\n', 1)[0].splitlines()
    about = '\n'.join(line[1:].strip() for line in head if line.startswith('#'))
    lines = [f'class {name}:']
    if all(line.startswith('#') for line in head):
        lines += docstring(about, '    ')
    for constant in message.constants:
        lines += [f'    {constant.name}: Final = {constant.value!r}']
    for field in message.fields:
        lines += field_lines(field.name, *field_types(field.type), comment[field.name])
    arguments = [f'{field.name}: {field_types(field.type)[1]} = ...' for field in message.fields]
    lines += [
        '    SLOT_TYPES: ClassVar[tuple[Any, ...]]',
        f'    def __init__(self, *, {", ".join([*arguments, "check_fields: bool = ..."])}) -> None: ...',
        '    @classmethod',
        '    def get_fields_and_field_types(cls) -> dict[str, str]: ...',
    ]
    used = {
        f'from {field.type.pkg_name}.msg import {field.type.type}'
        for field in message.fields
        if field.type.pkg_name
    }
    return lines, used


def event_lines(name: str) -> list[str]:
    """Return the stub of the class that service introspection publishes."""
    lines = [f'class {name}_Event:', '    info: ServiceEventInfo']
    for part in PARTS['srv']:
        message = f'{name}_{part}'
        lines += field_lines(part.lower(), f'list[{message}]', f'Sequence[{message}]')
    return lines


def interface_stub(package: str, path: Path) -> tuple[str, list[str]]:
    """Return the stub of one interface file and the names of the classes in it."""
    kind, name = path.suffix[1:], path.stem
    parts = PARTS[kind]
    definitions = re.split(r'^---$', path.read_text(encoding='utf-8'), flags=re.MULTILINE)
    names = [f'{name}_{part}' if part else name for part in parts]
    imports: set[str] = set()
    lines: list[str] = []
    for class_name, definition in zip(names, definitions, strict=True):
        body, used = class_lines(package, class_name, definition)
        lines += ['', *body]
        imports |= used
    if kind == 'srv':
        imports.add('from service_msgs.msg import ServiceEventInfo')
        lines += ['', *event_lines(name)]
        parts, names = (*parts, 'Event'), [*names, f'{name}_Event']
    if kind != 'msg':
        lines += ['', f'class {name}:']
        lines += [f'    {part}: TypeAlias = {name}_{part}' for part in parts]
        names.append(name)
    if kind == 'action':
        lines += ['    Impl: Any']
    return IMPORTS + '\n'.join([*sorted(imports), *lines, '']), names


def write_stubs(package: str, output: Path, interfaces: Iterable[Path]) -> None:
    """Write one stub for each interface and one for each folder of them."""
    exported: dict[str, list[str]] = {}
    for path in sorted(interfaces):
        folder = output / path.suffix[1:]
        folder.mkdir(parents=True, exist_ok=True)
        stub, names = interface_stub(package, path)
        module = module_name(path.stem)
        (folder / f'{module}.pyi').write_text(stub, encoding='utf-8')
        exported.setdefault(folder.name, []).extend(
            f'from {package}.{folder.name}.{module} import {name} as {name}\n' for name in names
        )
    for kind, lines in exported.items():
        (output / kind / '__init__.pyi').write_text(''.join(lines), encoding='utf-8')


if __name__ == '__main__':
    write_stubs(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
