"""Find, hash and compile message definitions, in the format that bags embed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from myogestic_ros.core.errors import SessionError

__all__ = ['MessageDefinition', 'message_definition', 'typestore']

SEPARATOR = '=' * 80


@dataclass(frozen=True, slots=True)
class MessageDefinition:
    """Message type: its name, the text of its definition, and its type hash (RIHS01)."""

    msgtype: str
    text: str
    type_hash: str


def _share_folders() -> list[Path]:
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    return [Path(prefix, 'share') for prefix in prefixes if prefix]


def _find_file(msgtype: str) -> Path | None:
    package, _, name = msgtype.partition('/msg/')
    candidates = [share / package / 'msg' / f'{name}.msg' for share in _share_folders()]
    if package == 'myogestic_ros':  # not installed: running from the source tree
        candidates.append(Path(__file__).resolve().parents[3] / 'msg' / f'{name}.msg')
    return next((file for file in candidates if file.is_file()), None)


def _full_name(field_type: str, package: str) -> str | None:
    """Return the message type of a field; None for a primitive type."""
    base = field_type.split('[')[0]
    parts = base.split('/')
    if len(parts) > 1:
        return f'{parts[0]}/msg/{parts[-1]}'
    return f'{package}/msg/{base}' if base[:1].isupper() else None


def _referenced_types(text: str, package: str) -> list[str]:
    found = []
    for line in text.splitlines():
        words = line.split('#')[0].split()
        if len(words) >= 2 and (name := _full_name(words[0], package)) is not None:
            found.append(name)
    return found


@functools.cache
def message_definition(msgtype: str) -> MessageDefinition:
    """Return the definition of a message type, including the definitions of its field types.

    Parameters
    ----------
    msgtype : str
        Full name, for example ``myogestic_ros/msg/EmgFrame``.

    Raises
    ------
    SessionError
        If the definition is not installed.
    """
    texts: dict[str, str] = {}
    pending = [msgtype]
    while pending:
        name = pending.pop(0)
        if name in texts:
            continue
        file = _find_file(name)
        if file is None:
            raise SessionError(
                f"No definition of message type '{name}' found; install its package and source "
                f'its workspace (AMENT_PREFIX_PATH).'
            )
        texts[name] = file.read_text()
        pending += _referenced_types(texts[name], name.split('/')[0])
    own = texts.pop(msgtype)
    parts = [own] + [
        f'{SEPARATOR}\nMSG: {name.replace("/msg/", "/")}\n{text}' for name, text in texts.items()
    ]
    text = '\n'.join(parts)
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(text, msgtype))
    return MessageDefinition(msgtype, text, store.hash_rihs01(msgtype))


def typestore(definitions: dict[str, str]) -> Typestore:
    """Return a type store with the standard types of ROS 2 and the given ones; do not modify it.

    Parameters
    ----------
    definitions : dict of str to str
        Text of the definition by message type, as embedded in a bag. If a text is missing or
        cannot be parsed, the installed definition is used.

    Raises
    ------
    SessionError
        If the definition of a type is neither given nor installed.
    """
    return _typestore(tuple(sorted(definitions.items())))


@functools.lru_cache(maxsize=16)
def _typestore(definitions: tuple[tuple[str, str], ...]) -> Typestore:
    """Cache stores, so that the types of similar sessions are compiled once."""
    try:
        store = _build_store(definitions)
        for msgtype, _ in definitions:
            store.get_msgdef(msgtype)  # raises if a field type is missing
    except (KeyError, TypesysError):  # damaged texts, or another definition language
        return _build_store([(msgtype, '') for msgtype, _ in definitions])
    return store


def _build_store(definitions: Iterable[tuple[str, str]]) -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY)
    for msgtype, text in definitions:
        known = text or ('' if msgtype in store.types else message_definition(msgtype).text)
        if known:
            types = get_types_from_msg(known, msgtype)
            # Keep the standard types: a bag may embed an equivalent definition with another text.
            store.register({name: t for name, t in types.items() if name not in store.types})
    return store
