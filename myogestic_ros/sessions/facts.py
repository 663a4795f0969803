"""What a session is about: the facts that go with its samples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ['SessionFacts']

KEY = 'myogestic_ros'


@dataclass(frozen=True)
class SessionFacts:
    """Facts of a session, kept in the bag's ``custom_data``.

    Attributes
    ----------
    class_names : tuple of str
        A label's index points into it.
    subject, protocol, device : str
        Who, after which plan, with what; empty when not given.
    software : dict of str to str
        Version of each piece of software that recorded it.
    complete : bool
        Whether the recording was ended in order.
    """

    class_names: tuple[str, ...] = ()
    subject: str = ''
    protocol: str = ''
    device: str = ''
    software: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    def to_custom_data(self) -> dict[str, str]:
        """Return the facts as rosbag2 keeps them: strings by name."""
        return {
            f'{KEY}.class_names': json.dumps(list(self.class_names)),
            f'{KEY}.subject': self.subject,
            f'{KEY}.protocol': self.protocol,
            f'{KEY}.device': self.device,
            f'{KEY}.software': json.dumps(self.software),
            f'{KEY}.complete': json.dumps(self.complete),
        }

    @classmethod
    def from_custom_data(cls, data: dict[str, str] | None) -> SessionFacts:
        """Return the facts in a bag; what is missing or was written by others stays empty."""
        data = data or {}

        def parsed(name: str, default: object) -> object:
            try:
                return json.loads(data[f'{KEY}.{name}'])
            except (KeyError, ValueError, TypeError):
                return default

        names, software = parsed('class_names', []), parsed('software', {})
        return cls(
            class_names=tuple(map(str, names)) if isinstance(names, list) else (),
            subject=data.get(f'{KEY}.subject', ''),
            protocol=data.get(f'{KEY}.protocol', ''),
            device=data.get(f'{KEY}.device', ''),
            software=software if isinstance(software, dict) else {},
            complete=parsed('complete', True) is not False,
        )
