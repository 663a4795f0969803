"""Description of a session: subject, classes, device, software."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ['INFO_RECORD', 'RECOVERED', 'SessionInfo']

KEY = 'myogestic_ros'
INFO_RECORD = KEY
"""Name of the MCAP metadata record with the session info, at the start of a recording."""
RECOVERED = 'recovered'
"""Key in ``extra`` of the message of a repair."""


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
        """Return the info as strings by name, the format of rosbag2's ``custom_data``."""
        return {
            f'{KEY}.class_names': json.dumps(list(self.class_names)),
            f'{KEY}.subject': self.subject,
            f'{KEY}.protocol': self.protocol,
            f'{KEY}.device': self.device,
            f'{KEY}.software': json.dumps(self.software),
            f'{KEY}.started': self.started,
            f'{KEY}.extra': json.dumps(self.extra),
            f'{KEY}.complete': json.dumps(self.complete),
        }

    @classmethod
    def from_custom_data(cls, data: object) -> SessionInfo:
        """Return the info in a bag's ``custom_data``; missing or malformed entries are empty."""
        known = data if isinstance(data, dict) else {}

        def text(name: str) -> str:
            value = known.get(f'{KEY}.{name}')
            return value if isinstance(value, str) else ''

        def parse(name: str) -> object:
            try:
                return json.loads(text(name))
            except (ValueError, RecursionError):
                return None

        names = parse('class_names')
        return cls(
            class_names=tuple(map(str, names)) if isinstance(names, list) else (),
            subject=text('subject'),
            protocol=text('protocol'),
            device=text('device'),
            software=_to_strings(parse('software')),
            started=text('started'),
            extra=_to_strings(parse('extra')),
            complete=parse('complete') is not False,
        )


def _to_strings(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
