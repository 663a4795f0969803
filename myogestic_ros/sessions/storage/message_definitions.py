"""Definitions of message types, as bags carry them."""

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
    """A message type: its name, the text of its definition, and its hash (RIHS01)."""

    msgtype: str
    text: str
    type_hash: str


def _share_folders() -> list[Path]:
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    return [Path(prefix, 'share') for prefix in prefixes if prefix]


def _file_of(msgtype: str) -> Path | None:
    package, _, name = msgtype.partition('/msg/')
    places = [share / package / 'msg' / f'{name}.msg' for share in _share_folders()]
    if package == 'myogestic_ros':  # before it has been installed
        places.append(Path(__file__).resolve().parents[2] / 'msg' / f'{name}.msg')
    return next((place for place in places if place.is_file()), None)


def _full_name(field_type: str, package: str) -> str | None:
    """Return the message type that a field refers to; None for a primitive one."""
    base = field_type.split('[')[0]
    parts = base.split('/')
    if len(parts) > 1:
        return f'{parts[0]}/msg/{parts[-1]}'
    return f'{package}/msg/{base}' if base[:1].isupper() else None


def _references(text: str, package: str) -> list[str]:
    found = []
    for line in text.splitlines():
        words = line.split('#')[0].split()
        if len(words) >= 2 and (name := _full_name(words[0], package)) is not None:
            found.append(name)
    return found


@functools.cache
def message_definition(msgtype: str) -> MessageDefinition:
    """Return the definition of a message type, with those of the types in its fields.

    Parameters
    ----------
    msgtype : str
        For example ``myogestic_ros/msg/EmgFrame``.

    Raises
    ------
    SessionError
        When it is not installed.
    """
    texts: dict[str, str] = {}
    waiting = [msgtype]
    while waiting:
        name = waiting.pop(0)
        if name in texts:
            continue
        file = _file_of(name)
        if file is None:
            raise SessionError(
                f"There is no definition of '{name}'; is its package installed, and its "
                f'environment sourced (AMENT_PREFIX_PATH)?'
            )
        texts[name] = file.read_text()
        waiting += _references(texts[name], name.split('/')[0])
    own = texts.pop(msgtype)
    parts = [own] + [
        f'{SEPARATOR}\nMSG: {name.replace("/msg/", "/")}\n{text}' for name, text in texts.items()
    ]
    text = '\n'.join(parts)
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(text, msgtype))
    return MessageDefinition(msgtype, text, store.hash_rihs01(msgtype))


def typestore(definitions: dict[str, str]) -> Typestore:
    """Return a store that decodes ROS 2's own types and the given ones; not to be changed.

    Parameters
    ----------
    definitions : dict of str to str
        Message type to the text of its definition, as embedded in a bag. A type whose text is
        missing, or cannot be parsed, is looked up among the installed ones.

    Raises
    ------
    SessionError
        When one can be found in neither.
    """
    return _typestore(tuple(sorted(definitions.items())))


@functools.lru_cache(maxsize=16)
def _typestore(definitions: tuple[tuple[str, str], ...]) -> Typestore:
    """Keep stores: sessions of one kind share one, and compile their types once."""
    try:
        store = _registered(definitions)
        for msgtype, _ in definitions:
            store.get_msgdef(msgtype)  # all the types in its fields are there
    except (KeyError, TypesysError):  # the texts are damaged, or of another language
        return _registered([(msgtype, '') for msgtype, _ in definitions])
    return store


def _registered(definitions: Iterable[tuple[str, str]]) -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY)
    for msgtype, text in definitions:
        known = text or ('' if msgtype in store.types else message_definition(msgtype).text)
        if known:
            types = get_types_from_msg(known, msgtype)
            # What ROS ships has not changed; a bag may describe it in other words.
            store.register({name: t for name, t in types.items() if name not in store.types})
    return store
