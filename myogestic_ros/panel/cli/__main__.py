"""The command ``myogestic``."""

from __future__ import annotations

from typing import Annotated

import typer

import myogestic_ros
from myogestic_ros.panel.cli import sessions
from myogestic_ros.panel.cli.replay import replay
from myogestic_ros.panel.cli.terminal import console
from myogestic_ros.panel.cli.train import train

__all__ = ['app', 'main']

app = typer.Typer(
    name='myogestic',
    help='Sessions, decoders and predictions, without a running graph.',
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode='markdown',
    pretty_exceptions_enable=False,
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


# Each group of commands is a module beside this one, and is added here in one line.
app.add_typer(sessions.app)
app.command()(replay)
app.command()(train)


def main(args: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    try:
        result = app(args, standalone_mode=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return result if isinstance(result, int) else 0


if __name__ == '__main__':
    raise SystemExit(main())
