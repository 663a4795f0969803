"""Reading a mapping from YAML, checked whole: every fault at once."""

from __future__ import annotations

import math
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

from myogestic_ros.control.joint import Joint
from myogestic_ros.control.mapping import REST, Dof, Mapping
from myogestic_ros.control.mapping_tables import DOF, LIMITS, SETTINGS
from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import ControlError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.yaml_file import YamlError, read_yaml

__all__ = ['parse_mapping', 'read_mapping']

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
        When it cannot be read, or is not right; it names every fault.
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
    faults: list[str] | None = None,
) -> Mapping:
    """Return the mapping that the content of a file describes; see `read_mapping`.

    Parameters
    ----------
    content : object
        What YAML made of it.
    urdf : mapping of str to JointLimits, optional
        Limits of the hand's URDF.
    name : str
        What to call it in an error.
    faults : list of str, optional
        What is known to be wrong already.
    """
    parser = _Parser(urdf, list(faults or ()))
    mapping = parser.parse(content)
    if mapping is None or parser.faults:
        raise ControlError(f'The mapping {name} is not right: {"; ".join(parser.faults)}.')
    return mapping


class _Parser:
    """One reading; what is wrong gathers in `faults`."""

    def __init__(self, urdf: Map[str, JointLimits] | None, faults: list[str]) -> None:
        self.urdf = urdf
        self.faults = faults
        self.joints: dict[str, Joint] = {}

    def parse(self, content: Any) -> Mapping | None:
        if not isinstance(content, dict):
            self.faults.append('it holds no fields, expected `name: value` lines')
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
                self.faults.append(f'classes: {label} takes {posture!r}, which is no posture')
        for label in values['still'] if isinstance(values['still'], list) else ():
            if not isinstance(label, str):
                self.faults.append(f'still: got {label!r}, expected names of classes')
        if self.faults:
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
        """Return a part of the file that maps names to something; empty when it is not there."""
        section = content.get(key)
        if section is None:
            return {}
        if not isinstance(section, dict):
            self.faults.append(f'{where}{key}: got {section!r}, expected `name: value` pairs')
            return {}
        for name in section:
            if not isinstance(name, str):  # YAML takes on, off, yes and no for truth values
                self.faults.append(f'{where}{key}: the name {name!r} has to be put into quotes')
        return {name: value for name, value in section.items() if isinstance(name, str)}

    def _check(self, table: tuple[Parameter, ...], values: Map[Any, Any], where: str) -> None:
        named = {str(key): value for key, value in values.items()}
        self.faults += [f'{where}{fault}' for fault in check_values(table, named)]

    # -- joints -------------------------------------------------------------------------------

    def _read_joints(self, section: dict[str, Any], common: dict[str, Any]) -> None:
        if not section:
            self.faults.append('joints: there are none, expected the joints of the hand')
        self._check(LIMITS, common, 'limits: ')
        for name, value in section.items():
            where = f'joints: {name}: '
            given = {} if value is None else value
            if not isinstance(given, dict):
                self.faults.append(f'{where}got {given!r}, expected its limits')
                continue
            before = len(self.faults)
            self._check(LIMITS, given, where)
            if len(self.faults) == before:
                self._read_joint(name, given, common, where)

    def _read_joint(
        self, name: str, given: dict[str, Any], common: dict[str, Any], where: str
    ) -> None:
        known: dict[str, float] = {}
        if self.urdf is not None and name not in self.urdf:
            self.faults.append(f'{where}the URDF has no joint of that name that moves')
        elif self.urdf is not None:
            limits = self.urdf[name]
            known = {'lower': limits.lower, 'upper': limits.upper, 'velocity': limits.velocity}
            known = {key: value for key, value in known.items() if math.isfinite(value)}
        for key, bound in known.items():
            beyond = given.get(key, bound) - bound
            if beyond < 0 if key == 'lower' else beyond > 0:
                self.faults.append(f"{where}{key} {given[key]:g} is beyond the URDF's {bound:g}")
        usual = {key: value for key, value in common.items() if isinstance(value, (int, float))}
        for key in known.keys() & usual.keys():
            usual[key] = (max if key == 'lower' else min)(usual[key], known[key])
        values = {**known, **usual, **given}
        missing = [row.name for row in LIMITS if row.name not in values]
        if missing:
            self.faults.append(
                f'{where}no {", ".join(missing)}; expected here, under limits, or in the URDF'
            )
            return
        joint = Joint(name, **{row.name: float(values[row.name]) for row in LIMITS})
        if not joint.lower < joint.upper:
            self.faults.append(
                f'{where}lower is {joint.lower:g} and upper {joint.upper:g}, expected more'
            )
        self.joints[name] = joint

    # -- postures -----------------------------------------------------------------------------

    def _postures(self, section: dict[str, Any], unit: Any) -> dict[str, dict[str, float]]:
        postures = {name: self._posture(name, v, unit) for name, v in section.items()}
        missing = self.joints.keys() - postures.get(REST, {}).keys()
        if REST not in section:
            self.faults.append(f"postures: there is no '{REST}', where the hand goes in trouble")
        elif missing and isinstance(section[REST], dict):
            left = ', '.join(
                name for name in self.joints if name in missing - section[REST].keys()
            )
            if left:
                self.faults.append(f'postures: {REST}: no {left}, expected every joint')
        return postures

    def _posture(self, name: str, given: Any, unit: Any) -> dict[str, float]:
        where = f'postures: {name}: '
        if given is not None and not isinstance(given, dict):
            self.faults.append(f'{where}got {given!r}, expected `joint: position` pairs')
            return {}
        posture: dict[str, float] = {}
        for joint_name, value in (given or {}).items():
            number = self._number(value, f'{where}{joint_name}: ')
            joint = self.joints.get(joint_name)
            if joint is None:
                self._unknown(joint_name, where)
            elif number is not None:
                low, high = (0.0, 1.0) if unit == 'normalised' else (joint.lower, joint.upper)
                if not low <= number <= high:
                    self.faults.append(
                        f'{where}{joint_name}: got {number:g}, expected {low:g} to {high:g}'
                    )
                if unit == 'normalised':
                    number = joint.lower + number * (joint.upper - joint.lower)
                posture[joint_name] = number
        return posture

    def _unknown(self, joint_name: Any, where: str) -> None:
        if self.joints:
            self.faults.append(
                f'{where}there is no joint {joint_name!r}; it has {", ".join(self.joints)}'
            )

    def _number(self, value: Any, where: str) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.faults.append(f'{where}got {value!r}, expected a number')
            return None
        return float(value)

    # -- degrees of freedom -------------------------------------------------------------------

    def _dof(self, name: str, given: Any) -> Dof:
        where = f'dofs: {name}: '
        if not isinstance(given, dict):
            self.faults.append(f'{where}got {given!r}, expected control, joints …')
            return Dof(False, {})
        settings = {key: value for key, value in given.items() if key != 'joints'}
        self._check(DOF, settings, where)
        values = {**defaults(DOF), **settings}
        weights: dict[str, float] = {}
        for joint_name, value in self._section(given, 'joints', where).items():
            weight = self._number(value, f'{where}{joint_name}: ')
            if joint_name not in self.joints:
                self._unknown(joint_name, where)
            elif weight is not None and not (-1.0 <= weight <= 1.0 and weight):
                self.faults.append(
                    f'{where}{joint_name}: got {weight:g}, expected a weight of -1 to 1, not 0'
                )
            weights[joint_name] = weight or 0.0
        if not weights:
            self.faults.append(f'{where}it moves no joints, expected `joint: weight` pairs')
        return Dof(
            values['control'] == 'velocity', weights, values['one_way'], values['dead_zone']
        )

    def _check_dofs(self, dofs: dict[str, Dof], mode: Any) -> None:
        if mode == 'proportional' and not dofs:
            self.faults.append('dofs: there are none, expected some in mode proportional')
        both = {
            joint: {dof.velocity for dof in dofs.values() if joint in dof.weights}
            for joint in self.joints
        }
        for joint, kinds in both.items():
            if len(kinds) > 1:
                self.faults.append(
                    f'dofs: {joint} is moved by position and by velocity, expected one of them'
                )

    def _check_speed(self, speed: Any) -> None:
        if not isinstance(speed, str):
            return  # said already
        key = speed.removeprefix('extra:')
        if speed not in ('constant', 'confidence') and (key == speed or not key):
            self.faults.append(
                f'speed: got {speed!r}, expected constant, confidence or extra:<key>'
            )
