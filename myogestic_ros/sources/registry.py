"""Look up sources by name: built-in ones and those of other packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.base import SourceFactory
from myogestic_ros.sources.replay import Replay
from myogestic_ros.sources.synthetic import Synthetic
from myogestic_ros.sources.topic import Topic

__all__ = ['ENTRY_POINT_GROUP', 'device_names', 'source_factory', 'source_names']

ENTRY_POINT_GROUP = 'myogestic_ros.sources'

BUILT_IN: dict[str, SourceFactory] = {
    'replay': Replay,
    'synthetic': Synthetic,
    'topic': Topic,
}
DEVICES = {
    'brainflow': 'brainflow:BrainFlow',
    'lsl': 'lsl:Lsl',
    'muovi': 'muovi:Muovi',
    'muovi_plus': 'muovi_plus:MuoviPlus',
    'quattrocento': 'quattrocento:Quattrocento',
    'serial': 'serial:Serial',
    'sessantaquattro': 'sessantaquattro:Sessantaquattro',
    'syncstation': 'syncstation:SyncStation',
}
"""Module and class of the source of each device, in the folder ``devices``."""


def device_names() -> list[str]:
    """Return the names of the sources of real devices in this package, sorted."""
    return sorted(DEVICES)


def source_names() -> list[str]:
    """Return the names of all installed sources, sorted."""
    offered = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return sorted(offered | set(BUILT_IN) | set(DEVICES))


def source_factory(name: str) -> SourceFactory:
    """Return the factory of a source.

    Raises
    ------
    SourceError
        If there is no source of that name, or its entry point cannot be imported or is not a
        `SourceFactory`.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in DEVICES:
        value = f'myogestic_ros.sources.devices.{DEVICES[name]}'
        return _load(EntryPoint(name, value, ENTRY_POINT_GROUP))
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            return _load(point)
    raise SourceError(
        f"There is no source '{name}'; expected one of: {', '.join(source_names())}."
    )


def _load(point: EntryPoint) -> SourceFactory:
    try:
        factory: SourceFactory = point.load()
    except Exception as error:
        raise SourceError(
            f"Source '{point.name}' ({point.value}) cannot be imported: {error!r}."
        ) from error
    if not callable(factory) or not hasattr(factory, 'PARAMETERS'):
        raise SourceError(
            f"Source '{point.name}' ({point.value}) is not a source: expected a class with "
            f'PARAMETERS; see myogestic_ros.sources.base.SourceFactory.'
        )
    return factory
