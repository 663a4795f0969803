"""Directive ``command-line``: the commands of a Typer application, with arguments and options."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command


def commands(command: Any, name: str, parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, command, context) of a command and of those below it."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    yield context.command_path, command, context
    if hasattr(command, 'list_commands'):
        for child in command.list_commands(context):
            yield from commands(command.get_command(context, child), child, context)


def value_name(parameter: Any, context: Any) -> str:
    """Return the placeholder of a value, such as ``<float>``; empty for a flag.

    Typer 0.16 and older stand on click, newer ones bring a parser of their own.
    """
    if getattr(parameter, 'is_flag', False) or getattr(parameter, 'is_bool_flag', False):
        return ''
    if hasattr(parameter, 'display_type'):
        return str(parameter.display_type(context))
    return f'<{parameter.type.name}>'


def row(parameter: Any, context: Any) -> str:
    """Return the row of a table for one argument or option."""
    value = value_name(parameter, context).replace('|', '\\|')
    if parameter.param_type_name == 'argument':
        names = f'`{parameter.name.upper()}` {value}'
    else:
        options = ', '.join(f'`{name}`' for name in [*parameter.opts, *parameter.secondary_opts])
        names = f'{options} {value}'
    text = ' '.join((getattr(parameter, 'help', None) or '').split())
    text = text.replace('|', '\\|').replace('<', '\\<')
    default = parameter.default
    if parameter.required:
        text += ' Required.'
    elif default not in (None, False, '', (), []) and not callable(default):
        text += f' Default: `{default}`.'
    return f'| {names.replace("<", chr(92) + "<").strip()} | {text.strip()} |'


def to_markdown(application: Any, name: str) -> list[str]:
    """Return the description of every command as lines of Markdown."""
    lines: list[str] = []
    for path, command, context in commands(get_command(application), name):
        level = 2 + path.count(' ')
        usage = ' '.join([path, *command.collect_usage_pieces(context)])
        lines += [f'{"#" * level} {path}', '', inspect.cleandoc(command.help or ''), '']
        lines += ['```text', usage, '```', '']
        rows = [row(p, context) for p in command.params if not getattr(p, 'hidden', False)]
        if rows:
            lines += ['| argument or option | meaning |', '|---|---|', *rows, '']
    return lines


class CommandLine(SphinxDirective):
    """``{command-line} package.module:app name``: a section for each command."""

    required_arguments = 2

    def run(self) -> list[Node]:
        module, attribute = self.arguments[0].split(':')
        application = getattr(importlib.import_module(module), attribute)
        lines = to_markdown(application, self.arguments[1])
        return self.parse_text_to_nodes('\n'.join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive('command-line', CommandLine)
    return {'parallel_read_safe': True}
