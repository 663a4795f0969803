"""Description of a session: subject, classes, device, software."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from myogestic_ros.core.signals import MAX_CLASSES
from myogestic_ros.core.untrusted import clean_name, parse_json, printable

__all__ = ['INFO_RECORD', 'RECOVERED', 'SessionInfo']

KEY = 'myogestic_ros'
INFO_RECORD = KEY
"""Name of the MCAP metadata record with the session info, at the start of a recording."""
RECOVERED = 'recovered'
"""Key in ``extra`` of the message of a repair."""

MAX_TEXT = 1000
"""Largest number of characters of subject, protocol and device; longer texts are cut."""
MAX_EXTRA = 2**20
"""Largest number of characters of further information; longer texts are cut."""
MAX_ENTRIES = 100
"""Largest number of entries of ``software`` and ``extra``; more are dropped."""


@dataclass(frozen=True)
class SessionInfo:
    """Description of a session, stored in the bag's ``custom_data``.

    Attributes
    ----------
    class_names : tuple of str
        Names of the classes; the index of a label is an index of this tuple.
    subject, protocol, device : str
        Identifier of the subject, name of the protocol, name of the device; may be empty.
    software : dict of str to str
        Versions of the recording software, by package name.
    started : str
        Start of the recording, ISO 8601 with UTC offset; empty in bags of other recorders.
    extra : dict of str to str
        Further information, by name.
    complete : bool
        True if the recording was stopped, False if it was interrupted.
    """

    class_names: tuple[str, ...] = ()
    subject: str = ''
    protocol: str = ''
    device: str = ''
    software: dict[str, str] = field(default_factory=dict)
    started: str = ''
    extra: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    @property
    def finished(self) -> bool:
        """True if the recording was stopped, or was interrupted and has been repaired."""
        return self.complete or RECOVERED in self.extra

    def to_custom_data(self) -> dict[str, str]:
        """Return the info as strings by name, the format of rosbag2's ``custom_data``.

        Names and texts come from the ROS graph: they are bounded and free of control characters,
        so that the metadata can always be read.
        """
        return {
            f'{KEY}.class_names': json.dumps(_names(self.class_names)),
            f'{KEY}.subject': clean_name(self.subject, MAX_TEXT),
            f'{KEY}.protocol': clean_name(self.protocol, MAX_TEXT),
            f'{KEY}.device': clean_name(self.device, MAX_TEXT),
            f'{KEY}.software': json.dumps(_to_strings(self.software)),
            f'{KEY}.started': self.started,
            f'{KEY}.extra': json.dumps(_to_strings(self.extra)),
            f'{KEY}.complete': json.dumps(self.complete),
        }

    @classmethod
    def from_custom_data(cls, data: object) -> SessionInfo:
        """Return the info in a bag's ``custom_data``; missing or malformed entries are empty."""
        known = data if isinstance(data, dict) else {}

        def text(name: str) -> str:
            value = known.get(f'{KEY}.{name}')
            return clean_name(value, MAX_TEXT) if isinstance(value, str) else ''

        def parse(name: str) -> object:
            value = known.get(f'{KEY}.{name}')
            try:
                return parse_json(value) if isinstance(value, str) else None
            except ValueError:
                return None

        names = parse('class_names')
        return cls(
            class_names=tuple(_names(names)) if isinstance(names, list) else (),
            subject=text('subject'),
            protocol=text('protocol'),
            device=text('device'),
            software=_to_strings(parse('software')),
            started=text('started'),
            extra=_to_strings(parse('extra')),
            complete=parse('complete') is not False,
        )


def _names(names: Iterable[object]) -> list[str]:
    return [clean_name(str(name)) for name in islice(names, MAX_CLASSES)]


def _to_strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        clean_name(str(key), MAX_TEXT): printable(str(text)[:MAX_EXTRA], multiline=True)
        for key, text in islice(value.items(), MAX_ENTRIES)
    }
