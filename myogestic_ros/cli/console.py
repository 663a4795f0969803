"""Consoles and error handling of all commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.reporting.printable_console import PrintableConsole

__all__ = ['console', 'errors', 'report_errors']

console = PrintableConsole(highlight=False)
"""Standard output, for results."""

errors = PrintableConsole(stderr=True, highlight=False)
"""Standard error, for everything else, so that results can be piped."""


@contextmanager
def report_errors() -> Iterator[None]:
    """Print a `MyoGesticError` without traceback and exit with code 1."""
    try:
        yield
    except MyoGesticError as error:
        errors.print(str(error), style='red', markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except BrokenPipeError:  # the reader of a pipe has closed it
        raise typer.Exit(0) from None
