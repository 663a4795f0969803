"""What a session is about: the info that go with its samples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ['FACTS', 'RECOVERED', 'SessionInfo']

KEY = 'myogestic_ros'
FACTS = KEY
"""Name of the metadata record in which a recording begins with its info."""
RECOVERED = 'recovered'
"""Name in ``extra`` of what a repair says of a session that was cut."""


@dataclass(frozen=True)
class SessionInfo:
    """Facts of a session, kept in the bag's ``custom_data``.

    Attributes
    ----------
    class_names : tuple of str
        A label's index points into it.
    subject, protocol, device : str
        Who, after which plan, with what; empty when not given.
    software : dict of str to str
        Version of each piece of software that recorded it.
    started : str
        When it was begun, ISO 8601 with the offset from UTC; empty in bags of others.
    extra : dict of str to str
        Whatever else is worth keeping, by name.
    complete : bool
        Whether the recording was ended in order.
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
    def ended(self) -> bool:
        """Whether the recording was ended in order, or was cut and has been repaired since."""
        return self.complete or RECOVERED in self.extra

    def to_custom_data(self) -> dict[str, str]:
        """Return the info as rosbag2 keeps them: strings by name."""
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
        """Return the info in a bag; what is missing or was written by others stays empty."""
        known = data if isinstance(data, dict) else {}

        def text(name: str) -> str:
            value = known.get(f'{KEY}.{name}')
            return value if isinstance(value, str) else ''

        def parsed(name: str) -> object:
            try:
                return json.loads(text(name))
            except ValueError:
                return None

        names = parsed('class_names')
        return cls(
            class_names=tuple(map(str, names)) if isinstance(names, list) else (),
            subject=text('subject'),
            protocol=text('protocol'),
            device=text('device'),
            software=_texts(parsed('software')),
            started=text('started'),
            extra=_texts(parsed('extra')),
            complete=parsed('complete') is not False,
        )


def _texts(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
