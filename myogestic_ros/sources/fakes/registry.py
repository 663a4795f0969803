"""Look up fake devices by name."""

from __future__ import annotations

from importlib import import_module

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.fakes.fake import Fake

__all__ = ['fake_class', 'fake_names']

FAKES = {
    'brainflow': 'cyton:FakeCyton',
    'lsl': 'lsl:FakeLsl',
    'muovi': 'otb:FakeMuovi',
    'muovi_plus': 'otb:FakeMuoviPlus',
    'quattrocento': 'quattrocento:FakeQuattrocento',
    'serial': 'microcontroller:FakeMicrocontroller',
    'sessantaquattro': 'otb:FakeSessantaquattro',
    'syncstation': 'syncstation:FakeSyncStation',
}
"""Module and class of each fake device."""


def fake_names() -> list[str]:
    """Return the names of all fake devices, which are those of the sources, sorted."""
    return sorted(FAKES)


def fake_class(name: str) -> type[Fake]:
    """Return the class of a fake device.

    Raises
    ------
    SourceError
        If there is none of that name, or a library that it needs is not installed.
    """
    if name not in FAKES:
        raise SourceError(
            f"There is no fake device '{name}'; expected one of: {', '.join(fake_names())}."
        )
    module, _, kind = FAKES[name].partition(':')
    found: type[Fake] = getattr(import_module(f'myogestic_ros.sources.fakes.{module}'), kind)
    return found
