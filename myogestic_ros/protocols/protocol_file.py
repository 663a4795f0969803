"""Read protocol files (YAML), and report all errors with their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ProtocolError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.untrusted import shown
from myogestic_ros.core.yaml_file import YamlDocument, YamlError, read_yaml
from myogestic_ros.protocols.protocol import Cue, Protocol
from myogestic_ros.protocols.ramp import SHAPES, Ramp

__all__ = ['CUES', 'PROTOCOL', 'RAMP', 'RAMPS', 'read_protocol']

MAX_BYTES = 2**20
MAX_CUES = 1000
MAX_DURATION_S = 24 * 3600.0

PROTOCOL = (
    Parameter('name', '', "Name of the protocol; '' for the name of the file."),
    Parameter(
        'kind',
        'cues',
        'Kind of the cues: contractions to hold, or targets to follow.',
        choices=('cues', 'ramps'),
    ),
    Parameter('repetitions', 3, 'Number of repetitions of each cue.', minimum=1, maximum=1000),
    Parameter('countdown', 3.0, 'Time before the first step, s.', minimum=0, maximum=3600),
    Parameter('prepare', 0.0, 'Time before each cue, s.', minimum=0, maximum=3600),
    Parameter('rest', 2.0, 'Time after each cue, s.', minimum=0, maximum=3600),
    Parameter('order', 'fixed', 'Order of the cues.', choices=('fixed', 'random')),
    Parameter('seed', 0, 'Seed of the random order.', minimum=0, maximum=2**31 - 1),
)
"""Fields of every protocol."""

CUES = (
    Parameter('classes', [], 'Class names; the order gives the class indices.'),
    Parameter('hold', 3.0, 'Duration of each contraction, s.', minimum=0.1, maximum=3600),
    Parameter('rest_class', '', "Class of the time after each cue; '' for no class."),
)
"""Further fields of a protocol of kind ``cues``."""

RAMPS = (Parameter('ramps', [], 'Target trajectories.'),)
"""Further fields of a protocol of kind ``ramps``."""

RAMP = (
    Parameter('name', '', 'Name of the ramp, also its class name.'),
    Parameter('shape', 'trapezoid', 'Shape of the trajectory.', choices=SHAPES),
    Parameter('cycles', 1, 'Number of cycles.', minimum=1, maximum=1000),
    Parameter('rise', 2.0, 'Time from 0 to the amplitude, s.', minimum=0.05, maximum=3600),
    Parameter('plateau', 3.0, 'Time at the amplitude, s.', minimum=0, maximum=3600),
    Parameter('fall', 2.0, 'Time from the amplitude back to 0, s.', minimum=0.05, maximum=3600),
    Parameter('period', 4.0, 'Duration of one cycle, s.', minimum=0.1, maximum=3600),
)
"""Fields of a ramp, in addition to ``amplitudes``, which maps each DoF to its amplitude."""

TRAPEZOID_FIELDS, WAVE_FIELDS = {'rise', 'plateau', 'fall'}, {'period'}


def read_protocol(path: Path) -> Protocol:
    """Read a protocol file.

    Parameters
    ----------
    path : Path
        YAML file of at most 1 MiB.

    Raises
    ------
    ProtocolError
        If the file cannot be read or is invalid. The message lists all errors with their lines.
    """
    values, document = _load(path)
    errors: list[str] = []
    kind = values.get('kind', 'cues')
    tables = (*PROTOCOL, *(RAMPS if kind == 'ramps' else CUES))
    found = _check_fields(values, tables, document, (), errors)
    cues: list[Cue] = []
    if kind == 'ramps':
        names = _add_ramps(cues, values.get('ramps', []), document, errors)
    else:
        names = _add_classes(cues, values, found, document, errors)
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
    if not errors:
        errors += _check_duration(protocol, document)
    if errors:
        errors.sort(key=lambda error: int(error.split()[1].rstrip(':')))
        raise ProtocolError(f'Protocol {path} is invalid:\n  ' + '\n  '.join(errors))
    return protocol


def _load(path: Path) -> tuple[dict[str, Any], YamlDocument]:
    """Return the fields of a protocol file, and the document for their lines."""
    try:
        document = read_yaml(path, MAX_BYTES)
    except YamlError as error:
        raise ProtocolError(f'Protocol {path} {error}.') from error
    if not isinstance(document.content, dict):
        raise ProtocolError(
            f'Protocol {path} has no fields; expected lines such as `classes: [fist, open]`.'
        )
    if document.duplicates:
        lines = '\n  '.join(f'{duplicate}.' for duplicate in document.duplicates)
        raise ProtocolError(f'Protocol {path} is invalid:\n  {lines}')
    return document.content, document


def _check_fields(
    values: Mapping[str, Any],
    table: Sequence[Parameter],
    document: YamlDocument,
    place: tuple[Any, ...],
    errors: list[str],
    *,
    other_names: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the value of each parameter; the default if it is missing or invalid."""
    rows = {row.name: row for row in table}
    for name in values:
        if name not in rows and name not in other_names:
            known = ', '.join([*rows, *other_names])
            errors.append(
                f'{document.line_of(*place, name)}: {name} is unknown, expected {known}.'
            )
    found = {}
    for name, row in rows.items():
        value = values.get(name, row.default)
        error = row.validation_error(value)
        if error is None and isinstance(row.default, list) and not isinstance(value, list):
            error = f'{name}: got {shown(value)}, expected a list'
        if error is not None:
            errors.append(f'{document.line_of(*place, name)}: {error}.')
        found[name] = row.default if error is not None else value
    return found


def _add_classes(
    cues: list[Cue],
    values: Mapping[str, Any],
    found: Mapping[str, Any],
    document: YamlDocument,
    errors: list[str],
) -> list[str]:
    classes = values.get('classes', [])
    names = _names(found['classes'], document, errors)
    rest = found['rest_class']
    if rest and rest not in names:
        known = ', '.join(filter(None, names)) or 'none'
        errors.append(
            f"{document.line_of('rest_class')}: rest_class: got '{rest}', expected one of the "
            f'classes: '
            f'{known}.'
        )
    if rest and not found['rest']:
        errors.append(
            f'{document.line_of("rest")}: rest: got 0, expected a time above 0 s for '
            f"the rest class '{rest}', or "
            f"rest_class: ''."
        )
    hold_s = float(found['hold'])
    cues += [Cue(i, name, hold_s) for i, name in enumerate(names) if name != rest]
    if not cues and isinstance(classes, list):
        names_text = ', '.join(names) or 'none'
        errors.append(
            f'{document.line_of("classes")}: classes: got {names_text}, expected at '
            f'least one class with a cue.'
        )
    return names


def _names(items: Sequence[Any], document: YamlDocument, errors: list[str]) -> list[str]:
    """Return the class names; report invalid and repeated ones."""
    if len(items) > MAX_CUES:
        errors.append(
            f'{document.line_of("classes")}: classes: got {len(items)}, expected at '
            f'most {MAX_CUES}.'
        )
    names: list[str] = []
    for number, item in enumerate(items):
        place = f'{document.line_of("classes", number)}: classes'
        if not isinstance(item, str) or not item.strip():
            errors.append(
                f'{place}: got {shown(item)}, expected a name, in quotes if YAML reads it as '
                f"a value: 'off', '1'."
            )
            names.append(str(item))
        elif item in names:
            errors.append(f"{place}: '{item}' is repeated, expected each class once.")
        else:
            names.append(item)
    return names


def _add_ramps(
    cues: list[Cue], items: Any, document: YamlDocument, errors: list[str]
) -> list[str]:
    if not isinstance(items, list):
        return []
    if not 0 < len(items) <= MAX_CUES:
        errors.append(
            f'{document.line_of("ramps")}: ramps: got {len(items)}, expected 1 to {MAX_CUES}.'
        )
    names: list[str] = []
    for number, item in enumerate(items):
        place = ('ramps', number)
        where = document.line_of(*place)
        if not isinstance(item, dict):
            errors.append(
                f'{where}: ramps: got {shown(item)}, expected a mapping with `name:`, '
                f'`shape:` and so on.'
            )
            continue
        found = _check_fields(item, RAMP, document, place, errors, other_names=['amplitudes'])
        name = found['name']
        if not name:
            errors.append(f'{where}: name: missing, expected a name for this ramp.')
        elif name in names:
            errors.append(f"{where}: name: '{name}' is repeated, expected each name once.")
        names.append(name)
        shape = item.get('shape', found['shape'])
        unused = (
            WAVE_FIELDS if shape == 'trapezoid' else TRAPEZOID_FIELDS if shape in SHAPES else set()
        )
        for key in sorted(item.keys() & unused):
            errors.append(
                f'{document.line_of(*place, key)}: {key}: a {shape} does not have this field.'
            )
        ramp = Ramp(
            shape=found['shape'],
            amplitudes=_amplitudes(item.get('amplitudes'), document, place, errors),
            rise_s=float(found['rise']),
            plateau_s=float(found['plateau']),
            fall_s=float(found['fall'] if 'fall' in item else found['rise']),
            period_s=float(found['period']),
            cycles=found['cycles'],
        )
        cues.append(Cue(number, name, ramp.duration_s, ramp))
    return names


def _amplitudes(
    value: Any, document: YamlDocument, place: tuple[Any, ...], errors: list[str]
) -> dict[str, float]:
    where = document.line_of(*place, 'amplitudes')
    if not isinstance(value, dict) or not value:
        errors.append(
            f'{where}: amplitudes: got {shown(value)}, expected an amplitude for each DoF, such as '
            f'{{wrist: 0.6, grip: -0.3}}.'
        )
        return {}
    found: dict[str, float] = {}
    for name, amplitude in value.items():
        row = Parameter(str(name), 0.0, '', minimum=-1.0, maximum=1.0)
        error = row.validation_error(amplitude)
        if not isinstance(name, str):
            error = f'{shown(name)}: expected the name of a DoF, in quotes'
        if error is not None:
            errors.append(f'{document.line_of(*place, "amplitudes", name)}: amplitudes: {error}.')
        else:
            found[name] = float(amplitude)
    return found


def _check_duration(protocol: Protocol, document: YamlDocument) -> list[str]:
    cycle_s = sum(c.hold_s + protocol.prepare_s + protocol.rest_s for c in protocol.cues)
    total_s = protocol.countdown_s + cycle_s * protocol.repetitions
    if total_s <= MAX_DURATION_S:
        return []
    return [
        f'{document.line_of("repetitions")}: repetitions: got {protocol.repetitions}, which takes '
        f'{total_s / 3600:.0f} h; expected at most 24 h.'
    ]
