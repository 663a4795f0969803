"""What the commands share: where they print, and how they end when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from myogestic_ros.core.errors import MyoGesticError

__all__ = ['console', 'errors', 'report_errors']

console = Console(highlight=False)
"""Results."""

errors = Console(stderr=True, highlight=False)
"""Everything else, so that results can be piped."""


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an error of ours as a sentence and end with exit code 1; no traceback."""
    try:
        yield
    except MyoGesticError as error:
        errors.print(str(error), style='red', markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except BrokenPipeError:  # the reader of our output has seen enough
        raise typer.Exit(0) from None
