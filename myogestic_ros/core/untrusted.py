"""Bound and clean values that come from the ROS graph or from files of others."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ['MAX_NAME', 'clean_name', 'parse_json', 'printable', 'shown']

MAX_NAME = 100
"""Largest number of characters of a name (class, channel, stream, device); longer ones are cut."""

BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
"""Characters that change the direction of the text after them."""

ESCAPES = {
    code: f'\\x{code:02x}' if code < 0x100 else f'\\u{code:04x}'
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *BIDI, *range(0xD800, 0xE000))
}
"""Control characters and lone surrogates, with the text that replaces them.

A terminal executes escape sequences in the text that it prints: they move the cursor, change the
title, or write to the clipboard.
"""

MULTILINE = {code: text for code, text in ESCAPES.items() if chr(code) not in '\n\t'}


def printable(text: str, *, multiline: bool = False) -> str:
    r"""Return a text with its control characters replaced by visible escapes, such as ``\x1b``.

    Parameters
    ----------
    text : str
        Any text.
    multiline : bool
        Keep line feeds and tabs.
    """
    if text.isprintable():
        return text
    return text.translate(MULTILINE if multiline else ESCAPES)


def clean_name(text: str, max_length: int = MAX_NAME) -> str:
    """Return a name without control characters and with at most ``max_length`` characters.

    A longer name is cut; a digest at its end keeps different names different.
    """
    if len(text) <= max_length:
        cleaned = printable(text)
        if len(cleaned) <= max_length:
            return cleaned
    digest = hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]
    return f'{printable(text[:max_length])[: max_length - 9]}…{digest}'


def shown(value: object, max_length: int = 200) -> str:
    """Return the ``repr`` of a value for a message, cut if it is long."""
    text = repr(value[: 2 * max_length] if isinstance(value, str) else value)
    return text if len(text) <= max_length else f'{text[:max_length]}…'


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If the text is not valid JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError('it is nested too deeply') from None
