"""Entry point of the command ``myogestic``."""

from __future__ import annotations

import importlib
from enum import Enum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import myogestic_ros
from myogestic_ros.cli.console import console
from myogestic_ros.core.file_access import FILE_ACCESS, restrict_files

__all__ = ['app', 'main']

COMMANDS = ('sessions', 'train', 'evaluate', 'replay', 'models', 'fake')
"""Names of the subcommands. Each is a module here with a function of that name, or an ``app``."""


class _Commands(TyperGroup):
    """Import the module of a subcommand only when it is used, so that most start fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f'myogestic_ros.cli.{cmd_name}')
        group = getattr(module, 'app', None)
        if group is None:
            group = typer.Typer(**SETTINGS)
            group.command()(getattr(module, cmd_name))
        command = get_command(group)
        command.name = cmd_name
        return command


SETTINGS: dict[str, Any] = {
    'add_completion': False,
    'rich_markup_mode': 'markdown',
    'pretty_exceptions_enable': False,
}

app = typer.Typer(
    cls=_Commands,
    name='myogestic',
    help='Manage sessions, train and evaluate decoders, predict offline.',
    no_args_is_help=True,
    **SETTINGS,
)


class FileAccess(str, Enum):
    """Choices of --file-access, those of the parameter ``file_access``."""

    OWNER = 'owner'
    GROUP = 'group'
    ALL = 'all'


def _print_version(requested: bool) -> None:
    if requested:
        console.print(f'myogestic_ros {myogestic_ros.__version__}')
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            '--version', callback=_print_version, is_eager=True, help='Print the version and exit.'
        ),
    ] = False,
    file_access: Annotated[
        FileAccess, typer.Option(help=FILE_ACCESS.description)
    ] = FileAccess.OWNER,
) -> None:
    """Manage sessions, train and evaluate decoders, predict offline."""
    restrict_files(file_access.value)


def main(args: list[str] | None = None) -> int:
    """Run the command with arguments, by default those of the process; return its exit code."""
    try:
        result = app(args, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return result if isinstance(result, int) else 0


if __name__ == '__main__':
    raise SystemExit(main())
