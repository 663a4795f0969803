"""The command ``myogestic``."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import myogestic_ros
from myogestic_ros.cli.console import console

__all__ = ['app', 'main']

COMMANDS = ('sessions', 'train', 'evaluate', 'replay')
"""Each a module beside this one, with a function of its name, or an ``app`` of several."""


class _Commands(TyperGroup):
    """Import a command when it is asked for: who lists sessions need not wait for scikit-learn."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f'myogestic_ros.cli.{cmd_name}')
        group = getattr(module, 'app', None)
        if group is None:
            group = typer.Typer(**LOOKS)
            group.command()(getattr(module, cmd_name))
        command = get_command(group)
        command.name = cmd_name
        return command


LOOKS: dict[str, Any] = {
    'add_completion': False,
    'rich_markup_mode': 'markdown',
    'pretty_exceptions_enable': False,
}

app = typer.Typer(
    cls=_Commands,
    name='myogestic',
    help='Sessions, decoders and predictions, without a running graph.',
    no_args_is_help=True,
    **LOOKS,
)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f'myogestic_ros {myogestic_ros.__version__}')
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option('--version', callback=_version, is_eager=True, help='Print the version.'),
    ] = False,
) -> None:
    """Sessions, decoders and predictions, without a running graph."""


def main(args: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    try:
        result = app(args, standalone_mode=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return result if isinstance(result, int) else 0


if __name__ == '__main__':
    raise SystemExit(main())
