"""Directive ``ros-interfaces``: the messages, services or actions of a folder, from their files.

A comment above a field describes the field and the uncommented ones after it; the comment at the
beginning of a file describes the interface.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
KINDS = {'msg': 'message', 'srv': 'service', 'action': 'action'}
PARTS = {
    'msg': ('Fields',),
    'srv': ('Request', 'Response'),
    'action': ('Goal', 'Result', 'Feedback'),
}
STAMP = re.compile(r'^stamp: (?P<text>.+)$')


@dataclass
class Row:
    """Fields that share a comment."""

    names: list[str]
    type_name: str
    default: str
    text: str


@dataclass
class Part:
    """The fields and constants of a message, or of one part of a service or action."""

    text: str = ''
    rows: list[Row] = field(default_factory=list)
    constants: dict[str, list[str]] = field(default_factory=dict)


def read_part(lines: list[str], *, begins_file: bool) -> Part:
    """Parse the lines of one part; ``begins_file`` says that its first comment is the file's."""
    part = Part()
    comment: list[str] = []
    for line in map(str.strip, lines):
        if line.startswith('#'):
            comment.append(line[1:].strip())
        elif not line:
            if comment and begins_file and not part.rows and not part.text:
                part.text = ' '.join(comment)
            comment = []
        else:
            add_line(part, line.split('#', 1)[0].strip(), ' '.join(comment))
            comment = []
    return part


def add_line(part: Part, line: str, text: str) -> None:
    """Add one field or constant to a part."""
    constant = re.match(r'(\S+)\s+([A-Z][A-Z0-9_]*)\s*=\s*(.+)', line)
    if constant:
        if text:  # described once, above the constants of a field
            part.constants['text'] = [text]
        part.constants.setdefault('values', []).append(f'`{constant[2]}` = `{constant[3]}`')
        return
    type_name, name, *default = line.split(None, 2)
    values = part.constants.pop('values', [])
    text = ' '.join([*part.constants.pop('text', []), text]).strip()
    if values:
        text = f'{text} Constants: {", ".join(values)}.'.strip()
    if not text and part.rows and part.rows[-1].type_name != 'std_msgs/Header':
        part.rows[-1].names.append(name)
        if type_name != part.rows[-1].type_name:
            part.rows[-1].type_name += f', {type_name}'
        return
    part.rows.append(Row([name], type_name, ''.join(default), text))


def to_markdown(path: Path, kind: str, level: int) -> list[str]:
    """Return the description of one interface as lines of Markdown."""
    sections: list[list[str]] = [[]]
    for line in path.read_text().splitlines():
        if line.strip() == '---':
            sections.append([])
        else:
            sections[-1].append(line)
    lines = [f'{"#" * level} {path.stem}', '']
    for number, (title, section) in enumerate(zip(PARTS[kind], sections, strict=True)):
        part = read_part(section, begins_file=number == 0)
        if part.text:
            lines += [part.text, '']
        if number == 0:
            lines += [f'`myogestic_ros/{kind}/{path.stem}`', '']
        if kind != 'msg':
            lines += [f'**{title}**' + ('' if part.rows else ': empty.'), '']
        if part.rows:
            lines += ['| field | type | default | meaning |', '|---|---|---|---|']
            for row in part.rows:
                names = ', '.join(f'`{name}`' for name in row.names)
                default = f'`{row.default}`' if row.default else ''
                text = STAMP.sub(r'Stamp: \g<text>', row.text).replace('|', '\\|')
                lines.append(f'| {names} | `{row.type_name}` | {default} | {text} |')
            lines.append('')
    return lines


class RosInterfaces(SphinxDirective):
    """``{ros-interfaces} msg``: a section for each file of the folder, in alphabetical order."""

    required_arguments = 1

    def run(self) -> list[Node]:
        kind = self.arguments[0]
        lines: list[str] = []
        for path in sorted((ROOT / kind).glob(f'*.{kind}')):
            self.env.note_dependency(str(path))
            lines += to_markdown(path, kind, level=3)
        return self.parse_text_to_nodes('\n'.join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive('ros-interfaces', RosInterfaces)
    return {'parallel_read_safe': True}
