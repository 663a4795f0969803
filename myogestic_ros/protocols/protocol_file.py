"""Reading a protocol: a YAML file that says which cues, or what is wrong with it, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ProtocolError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.yaml_file import YamlDocument, YamlError, read_yaml
from myogestic_ros.protocols.protocol import Cue, Protocol
from myogestic_ros.protocols.ramp import SHAPES, Ramp

__all__ = ['CUES', 'PROTOCOL', 'RAMP', 'read_protocol']

MAX_BYTES = 2**20
MOST_CUES = 1000
LONGEST_S = 24 * 3600.0

PROTOCOL = (
    Parameter('name', '', "What it is called; '': as the file."),
    Parameter('kind', 'cues', 'What the cues ask for.', choices=('cues', 'ramps')),
    Parameter('repetitions', 3, 'How often each cue is given.', minimum=1, maximum=1000),
    Parameter('countdown', 3.0, 'Time before everything, s.', minimum=0, maximum=3600),
    Parameter('prepare', 0.0, 'Time before each cue, s.', minimum=0, maximum=3600),
    Parameter('rest', 2.0, 'Time after each cue, s.', minimum=0, maximum=3600),
    Parameter('order', 'fixed', 'Order of the cues.', choices=('fixed', 'random')),
    Parameter('seed', 0, 'Another seed, another order.', minimum=0, maximum=2**31 - 1),
)
"""What every protocol has."""

CUES = (
    Parameter('classes', [], 'Names of the classes.'),
    Parameter('hold', 3.0, 'How long each is held, s.', minimum=0.1, maximum=3600),
    Parameter('rest_class', '', "Class of the time after each cue; '': of none."),
)
"""What it has besides when its cues are contractions to hold."""

RAMPS = (Parameter('ramps', [], 'Targets to follow.'),)
"""What it has besides when its cues are targets to follow."""

RAMP = (
    Parameter('name', '', 'What it is called; its class.'),
    Parameter('shape', 'trapezoid', 'Its shape.', choices=SHAPES),
    Parameter('cycles', 1, 'How many follow one another.', minimum=1, maximum=1000),
    Parameter('rise', 2.0, 'Time from 0 to the amplitude, s.', minimum=0.05, maximum=3600),
    Parameter('plateau', 3.0, 'Time at the amplitude, s.', minimum=0, maximum=3600),
    Parameter('fall', 2.0, 'Time back to 0, s.', minimum=0.05, maximum=3600),
    Parameter('period', 4.0, 'Length of one cycle, s.', minimum=0.1, maximum=3600),
)
"""What a ramp has, besides its ``amplitudes``: the degrees of freedom, and how far each goes."""

OF_TRAPEZOIDS, OF_WAVES = {'rise', 'plateau', 'fall'}, {'period'}


def read_protocol(path: Path) -> Protocol:
    """Return the protocol in a file.

    Raises
    ------
    ProtocolError
        When it cannot be read, or is not right; all its faults are named, each with its line.
    """
    values, document = _load(path)
    faults: list[str] = []
    kind = values.get('kind', 'cues')
    tables = (*PROTOCOL, *(RAMPS if kind == 'ramps' else CUES))
    found = _checked(values, tables, document, (), faults)
    cues: list[Cue] = []
    if kind == 'ramps':
        names = _add_ramps(cues, values.get('ramps', []), document, faults)
    else:
        names = _add_classes(cues, values, found, document, faults)
    protocol = Protocol(
        name=found['name'] or path.stem,
        cues=tuple(cues),
        class_names=tuple(names),
        repetitions=found['repetitions'],
        countdown_s=float(found['countdown']),
        prepare_s=float(found['prepare']),
        rest_s=float(found['rest']),
        order=found['order'],
        seed=found['seed'],
        rest_class=found.get('rest_class', ''),
    )
    if not faults:
        faults += _too_long(protocol, document)
    if faults:
        faults.sort(key=lambda fault: int(fault.split()[1].rstrip(':')))
        raise ProtocolError(f'Protocol {path} is not right:\n  ' + '\n  '.join(faults))
    return protocol


def _load(path: Path) -> tuple[dict[str, Any], YamlDocument]:
    """Return the fields of a protocol file, and the document for their lines."""
    try:
        document = read_yaml(path, MAX_BYTES)
    except YamlError as error:
        raise ProtocolError(f'Protocol {path} {error}.') from error
    if not isinstance(document.content, dict):
        raise ProtocolError(
            f'Protocol {path} holds no fields; expected lines such as `classes: [fist, open]`.'
        )
    if document.duplicates:
        lines = '\n  '.join(f'{duplicate}.' for duplicate in document.duplicates)
        raise ProtocolError(f'Protocol {path} is not right:\n  {lines}')
    return document.content, document


def _checked(
    values: Mapping[str, Any],
    table: Sequence[Parameter],
    document: YamlDocument,
    place: tuple[Any, ...],
    faults: list[str],
    *,
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the value of every row, the default where it is missing or wrong."""
    rows = {row.name: row for row in table}
    for name in values:
        if name not in rows and name not in also:
            known = ', '.join([*rows, *also])
            faults.append(
                f'{document.line_of(*place, name)}: {name} is unknown, expected {known}.'
            )
    found = {}
    for name, row in rows.items():
        value = values.get(name, row.default)
        fault = row.validation_error(value)
        if fault is None and isinstance(row.default, list) and not isinstance(value, list):
            fault = f'{name}: got {value!r}, expected a list'
        if fault is not None:
            faults.append(f'{document.line_of(*place, name)}: {fault}.')
        found[name] = row.default if fault is not None else value
    return found


def _add_classes(
    cues: list[Cue],
    values: Mapping[str, Any],
    found: Mapping[str, Any],
    document: YamlDocument,
    faults: list[str],
) -> list[str]:
    given = values.get('classes', [])
    names = _names(found['classes'], document, faults)
    rest = found['rest_class']
    if rest and rest not in names:
        known = ', '.join(filter(None, names)) or 'none'
        faults.append(
            f"{document.line_of('rest_class')}: rest_class: got '{rest}', expected one of the classes: "
            f'{known}.'
        )
    if rest and not found['rest']:
        faults.append(
            f"{document.line_of('rest')}: rest: got 0, expected time for the class of rest, '{rest}'; or "
            f"rest_class: ''."
        )
    hold_s = float(found['hold'])
    cues += [Cue(i, name, hold_s) for i, name in enumerate(names) if name != rest]
    if not cues and isinstance(given, list):
        told = ', '.join(names) or 'none'
        faults.append(
            f'{document.line_of("classes")}: classes: got {told}, expected one to hold, or more.'
        )
    return names


def _names(items: Sequence[Any], document: YamlDocument, faults: list[str]) -> list[str]:
    """Return the names in a list, each of them once."""
    if len(items) > MOST_CUES:
        faults.append(
            f'{document.line_of("classes")}: classes: got {len(items)}, expected at most {MOST_CUES}.'
        )
    names: list[str] = []
    for number, item in enumerate(items):
        place = f'{document.line_of("classes", number)}: classes'
        if not isinstance(item, str) or not item.strip():
            faults.append(f"{place}: got {item!r}, expected a name; in quotes: 'off', '1'.")
            names.append(str(item))
        elif item in names:
            faults.append(f"{place}: '{item}' stands here again, expected each class once.")
        else:
            names.append(item)
    return names


def _add_ramps(
    cues: list[Cue], items: Any, document: YamlDocument, faults: list[str]
) -> list[str]:
    if not isinstance(items, list):
        return []
    if not 0 < len(items) <= MOST_CUES:
        faults.append(
            f'{document.line_of("ramps")}: ramps: got {len(items)}, expected 1 to {MOST_CUES} of them.'
        )
    names: list[str] = []
    for number, item in enumerate(items):
        place = ('ramps', number)
        where = document.line_of(*place)
        if not isinstance(item, dict):
            faults.append(f'{where}: ramps: got {item!r}, expected `name:`, `shape:` and so on.')
            continue
        found = _checked(item, RAMP, document, place, faults, also=['amplitudes'])
        name = found['name']
        if not name:
            faults.append(f'{where}: name: got none, expected a name for this ramp.')
        elif name in names:
            faults.append(f"{where}: name: '{name}' stands here again, expected each once.")
        names.append(name)
        shape = item.get('shape', found['shape'])
        foreign = OF_WAVES if shape == 'trapezoid' else OF_TRAPEZOIDS if shape in SHAPES else set()
        for key in sorted(item.keys() & foreign):
            faults.append(f'{document.line_of(*place, key)}: {key}: a {shape} has none.')
        ramp = Ramp(
            shape=found['shape'],
            amplitudes=_amplitudes(item.get('amplitudes'), document, place, faults),
            rise_s=float(found['rise']),
            plateau_s=float(found['plateau']),
            fall_s=float(found['fall'] if 'fall' in item else found['rise']),
            period_s=float(found['period']),
            cycles=found['cycles'],
        )
        cues.append(Cue(number, name, ramp.duration_s, ramp))
    return names


def _amplitudes(
    value: Any, document: YamlDocument, place: tuple[Any, ...], faults: list[str]
) -> dict[str, float]:
    where = document.line_of(*place, 'amplitudes')
    if not isinstance(value, dict) or not value:
        faults.append(
            f'{where}: amplitudes: got {value!r}, expected degrees of freedom and how far each '
            f'goes: {{wrist: 0.6, grip: -0.3}}.'
        )
        return {}
    found: dict[str, float] = {}
    for name, amplitude in value.items():
        row = Parameter(str(name), 0.0, '', minimum=-1.0, maximum=1.0)
        fault = row.validation_error(amplitude)
        if not isinstance(name, str):
            fault = f'{name!r}: expected the name of a degree of freedom, in quotes'
        if fault is not None:
            faults.append(f'{document.line_of(*place, "amplitudes", name)}: amplitudes: {fault}.')
        else:
            found[name] = float(amplitude)
    return found


def _too_long(protocol: Protocol, document: YamlDocument) -> list[str]:
    given_s = sum(c.hold_s + protocol.prepare_s + protocol.rest_s for c in protocol.cues)
    total_s = protocol.countdown_s + given_s * protocol.repetitions
    if total_s <= LONGEST_S:
        return []
    return [
        f'{document.line_of("repetitions")}: repetitions: got {protocol.repetitions}, which take '
        f'{total_s / 3600:.0f} h; expected a day at most.'
    ]
