"""A console that shows names from files and from the graph without executing escape sequences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from myogestic_ros.core.untrusted import printable

__all__ = ['PrintableConsole']


class PrintableConsole(Console):
    """Console that replaces control characters in texts; its own styles are not changed.

    Names in sessions, recordings and models may contain escape sequences.
    """

    def render_str(self, text: str, **kwargs: Any) -> Text:
        """Return a text to render; see `rich.console.Console.render_str`."""
        return super().render_str(printable(text, multiline=True), **kwargs)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render an object; see `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                text = printable(segment.text, multiline=True)
                yield Segment(text, segment.style)
            else:
                yield segment
