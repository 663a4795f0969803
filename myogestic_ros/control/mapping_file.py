"""Read a mapping from YAML and report every error at once."""

from __future__ import annotations

import math
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

from myogestic_ros.control.joint import Joint
from myogestic_ros.control.mapping import REST, Dof, Mapping
from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.untrusted import shown
from myogestic_ros.core.yaml_file import YamlError, read_yaml

__all__ = ['SETTINGS', 'parse_mapping', 'read_mapping']

SETTINGS = (
    Parameter(
        'mode',
        'posture',
        'Control mode.',
        choices=('posture', 'velocity', 'proportional'),
    ),
    Parameter('unit', 'radian', 'Unit of the postures.', choices=('radian', 'normalised')),
    Parameter(
        'rest_speed',
        0.5,
        "Fraction of each joint's speed limit at which the hand goes to rest by itself.",
        minimum=0.01,
        maximum=1.0,
    ),
    Parameter(
        'debounce', 0.0, 'Time for which a class must be decided, s.', minimum=0.0, maximum=5.0
    ),
    Parameter(
        'hold', 0.0, 'Minimum time for which a posture is kept, s.', minimum=0.0, maximum=5.0
    ),
    Parameter(
        'min_probability',
        0.0,
        'A class with a smaller probability counts as undecided.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter('undecided', 'hold', 'Effect of an undecided prediction.', choices=('hold', 'rest')),
    Parameter(
        'speed', 'confidence', 'Speed in mode velocity: constant, confidence or extra:<key>.'
    ),
    Parameter('still', [REST], 'Classes during which no joint moves, in mode velocity.'),
    Parameter(
        'dof_limit',
        2.0,
        'Largest valid magnitude of a degree of freedom.',
        minimum=1.0,
        maximum=1e6,
    ),
)
"""Top-level fields of a mapping file."""

LIMITS = (
    Parameter('lower', 0.0, 'Lower limit, rad.', minimum=-1e3, maximum=1e3),
    Parameter('upper', 0.0, 'Upper limit, rad.', minimum=-1e3, maximum=1e3),
    Parameter('velocity', 1.0, 'Speed limit, rad/s.', minimum=1e-3, maximum=1e3),
    Parameter('acceleration', 1.0, 'Acceleration limit, rad/s².', minimum=1e-3, maximum=1e6),
)
"""Fields of one joint."""

DOF = (
    Parameter('control', 'position', 'Meaning of the value.', choices=('position', 'velocity')),
    Parameter('one_way', False, 'True: negative values count as 0.'),
    Parameter(
        'dead_zone', 0.0, 'Values with a smaller magnitude count as 0.', minimum=0.0, maximum=0.9
    ),
)
"""Fields of one degree of freedom, except its joints."""

SECTIONS = ('joints', 'limits', 'postures', 'classes', 'dofs')


def read_mapping(path: Path, urdf: Map[str, JointLimits] | None = None) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    path : Path
        The file.
    urdf : mapping of str to JointLimits, optional
        Limits of the hand's URDF.

    Raises
    ------
    ControlError
        If the file cannot be read, or is invalid; the message lists every error.
    """
    try:
        document = read_yaml(path)
    except YamlError as error:
        raise ControlError(f'The mapping {path} {error}.') from error
    return parse_mapping(document.content, urdf, str(path), document.duplicates)


def parse_mapping(
    content: Any,
    urdf: Map[str, JointLimits] | None = None,
    name: str = '',
    errors: list[str] | None = None,
) -> Mapping:
    """Return the mapping of a parsed YAML file; see `read_mapping`.

    Parameters
    ----------
    content : object
        Content of the file as parsed by YAML.
    urdf : mapping of str to JointLimits, optional
        Limits of the hand's URDF.
    name : str
        Name of the file for error messages.
    errors : list of str, optional
        Errors found before, for example duplicate keys.
    """
    parser = _Parser(urdf, list(errors or ()))
    mapping = parser.parse(content)
    if mapping is None:
        raise ControlError(f'The mapping {name} is invalid: {"; ".join(parser.errors)}.')
    return mapping


class _Parser:
    """Parser of one file; collects all errors in `errors`."""

    def __init__(self, urdf: Map[str, JointLimits] | None, errors: list[str]) -> None:
        self.urdf = urdf
        self.errors = errors
        self.joints: dict[str, Joint] = {}

    def parse(self, content: Any) -> Mapping | None:
        if not isinstance(content, dict):
            self.errors.append('it has no fields, expected `name: value` lines')
            return None
        sections = {key: self._section(content, key) for key in SECTIONS}
        settings = {key: value for key, value in content.items() if key not in SECTIONS}
        self._check(SETTINGS, settings, '')
        values = {**defaults(SETTINGS), **settings}
        self._read_joints(sections['joints'], sections['limits'])
        postures = self._postures(sections['postures'], values['unit'])
        dofs = {key: self._dof(key, value) for key, value in sections['dofs'].items()}
        self._check_dofs(dofs, values['mode'])
        self._check_speed(values['speed'])
        for label, posture in sections['classes'].items():
            if not isinstance(posture, str) or posture not in postures:
                self.errors.append(
                    f'classes: {label}: got {shown(posture)}, expected the name of a posture'
                )
        for label in values['still'] if isinstance(values['still'], list) else ():
            if not isinstance(label, str):
                self.errors.append(f'still: got {shown(label)}, expected the name of a class')
        if self.errors:
            return None
        return Mapping(
            joints=tuple(self.joints.values()),
            postures=postures,
            classes=sections['classes'],
            mode=values['mode'],
            dofs=dofs,
            rest_speed=float(values['rest_speed']),
            debounce_s=float(values['debounce']),
            hold_s=float(values['hold']),
            min_probability=float(values['min_probability']),
            undecided=values['undecided'],
            speed=values['speed'],
            still=tuple(values['still']),
            dof_limit=float(values['dof_limit']),
        )

    def _section(self, content: dict[Any, Any], key: str, where: str = '') -> dict[str, Any]:
        """Return a section of the file that maps names to values; empty if it is missing."""
        section = content.get(key)
        if section is None:
            return {}
        if not isinstance(section, dict):
            self.errors.append(f'{where}{key}: got {shown(section)}, expected `name: value` pairs')
            return {}
        for name in section:
            if not isinstance(name, str):  # YAML reads on, off, yes and no as booleans
                self.errors.append(f'{where}{key}: the name {shown(name)} must be quoted')
        return {name: value for name, value in section.items() if isinstance(name, str)}

    def _check(self, table: tuple[Parameter, ...], values: Map[Any, Any], where: str) -> None:
        named = {str(key): value for key, value in values.items()}
        self.errors += [f'{where}{error}' for error in check_values(table, named)]

    # -- joints -------------------------------------------------------------------------------

    def _read_joints(self, section: dict[str, Any], common: dict[str, Any]) -> None:
        if not section:
            self.errors.append('joints: got none, expected the joints of the hand')
        self._check(LIMITS, common, 'limits: ')
        for name, value in section.items():
            where = f'joints: {name}: '
            given = {} if value is None else value
            if not isinstance(given, dict):
                self.errors.append(f'{where}got {shown(given)}, expected the limits of the joint')
                continue
            before = len(self.errors)
            self._check(LIMITS, given, where)
            if len(self.errors) == before:
                self._read_joint(name, given, common, where)

    def _read_joint(
        self, name: str, given: dict[str, Any], common: dict[str, Any], where: str
    ) -> None:
        known: dict[str, float] = {}
        if self.urdf is not None and name not in self.urdf:
            self.errors.append(f'{where}the URDF has no movable joint of that name')
        elif self.urdf is not None:
            limits = self.urdf[name]
            known = {'lower': limits.lower, 'upper': limits.upper, 'velocity': limits.velocity}
            known = {key: value for key, value in known.items() if math.isfinite(value)}
        for key, bound in known.items():
            excess = given.get(key, bound) - bound
            if excess < 0 if key == 'lower' else excess > 0:
                self.errors.append(
                    f'{where}{key} {given[key]:g} is outside the limit of the URDF, {bound:g}'
                )
        shared = {key: value for key, value in common.items() if isinstance(value, (int, float))}
        for key in known.keys() & shared.keys():
            shared[key] = (max if key == 'lower' else min)(shared[key], known[key])
        values = {**known, **shared, **given}
        missing = [row.name for row in LIMITS if row.name not in values]
        if missing:
            self.errors.append(
                f'{where}no {", ".join(missing)}; give it here, under limits, or in the URDF'
            )
            return
        joint = Joint(name, **{row.name: float(values[row.name]) for row in LIMITS})
        if not joint.lower < joint.upper:
            self.errors.append(
                f'{where}lower is {joint.lower:g} and upper is {joint.upper:g}, expected lower < upper'
            )
        self.joints[name] = joint

    # -- postures -----------------------------------------------------------------------------

    def _postures(self, section: dict[str, Any], unit: Any) -> dict[str, dict[str, float]]:
        postures = {name: self._posture(name, v, unit) for name, v in section.items()}
        missing = self.joints.keys() - postures.get(REST, {}).keys()
        if REST not in section:
            self.errors.append(
                f"postures: there is no '{REST}', to which the hand goes on an error"
            )
        elif missing and isinstance(section[REST], dict):
            left = ', '.join(
                name for name in self.joints if name in missing - section[REST].keys()
            )
            if left:
                self.errors.append(
                    f'postures: {REST}: no position of {left}, expected every joint'
                )
        return postures

    def _posture(self, name: str, given: Any, unit: Any) -> dict[str, float]:
        where = f'postures: {name}: '
        if given is not None and not isinstance(given, dict):
            self.errors.append(f'{where}got {shown(given)}, expected `joint: position` pairs')
            return {}
        posture: dict[str, float] = {}
        for joint_name, value in (given or {}).items():
            number = self._number(value, f'{where}{joint_name}: ')
            joint = self.joints.get(joint_name)
            if joint is None:
                self._add_unknown_joint(joint_name, where)
            elif number is not None:
                low, high = (0.0, 1.0) if unit == 'normalised' else (joint.lower, joint.upper)
                if not low <= number <= high:
                    self.errors.append(
                        f'{where}{joint_name}: got {number:g}, expected {low:g} to {high:g}'
                    )
                if unit == 'normalised':
                    number = joint.lower + number * (joint.upper - joint.lower)
                posture[joint_name] = number
        return posture

    def _add_unknown_joint(self, joint_name: Any, where: str) -> None:
        if self.joints:
            self.errors.append(
                f'{where}there is no joint {shown(joint_name)}; it has {", ".join(self.joints)}'
            )

    def _number(self, value: Any, where: str) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.errors.append(f'{where}got {shown(value)}, expected a number')
            return None
        return float(value)

    # -- degrees of freedom -------------------------------------------------------------------

    def _dof(self, name: str, given: Any) -> Dof:
        where = f'dofs: {name}: '
        if not isinstance(given, dict):
            self.errors.append(
                f'{where}got {shown(given)}, expected the fields control and joints'
            )
            return Dof(False, {})
        settings = {key: value for key, value in given.items() if key != 'joints'}
        self._check(DOF, settings, where)
        values = {**defaults(DOF), **settings}
        weights: dict[str, float] = {}
        for joint_name, value in self._section(given, 'joints', where).items():
            weight = self._number(value, f'{where}{joint_name}: ')
            if joint_name not in self.joints:
                self._add_unknown_joint(joint_name, where)
            elif weight is not None and not (-1.0 <= weight <= 1.0 and weight):
                self.errors.append(
                    f'{where}{joint_name}: got {weight:g}, expected a weight from -1 to 1, not 0'
                )
            weights[joint_name] = weight or 0.0
        if not weights:
            self.errors.append(f'{where}no joints, expected `joint: weight` pairs')
        return Dof(
            values['control'] == 'velocity', weights, values['one_way'], values['dead_zone']
        )

    def _check_dofs(self, dofs: dict[str, Dof], mode: Any) -> None:
        if mode == 'proportional' and not dofs:
            self.errors.append('dofs: got none, expected at least one in mode proportional')
        kinds_of = {
            joint: {dof.velocity for dof in dofs.values() if joint in dof.weights}
            for joint in self.joints
        }
        for joint, kinds in kinds_of.items():
            if len(kinds) > 1:
                self.errors.append(
                    f'dofs: {joint} is moved by position and by velocity, expected only one of them'
                )

    def _check_speed(self, speed: Any) -> None:
        if not isinstance(speed, str):
            return  # reported by _check
        key = speed.removeprefix('extra:')
        if speed not in ('constant', 'confidence') and (key == speed or not key):
            self.errors.append(
                f'speed: got {shown(speed)}, expected constant, confidence or extra:<key>'
            )
