"""The limits of joints, as a URDF has them."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from myogestic_ros.core.errors import ControlError

__all__ = ['JointLimits', 'joint_limits', 'read_joint_limits']

MOVING = ('revolute', 'prismatic', 'continuous')


@dataclass(frozen=True, slots=True)
class JointLimits:
    """What a URDF says of a joint; a URDF knows no acceleration.

    Attributes
    ----------
    lower, upper : float
        Limits of its position, rad; infinite for a continuous joint.
    velocity : float
        Limit of its speed, rad/s; infinite when it says none.
    """

    lower: float
    upper: float
    velocity: float


def read_joint_limits(path: Path) -> dict[str, JointLimits]:
    """Return the limits of every joint of a URDF file; see `joint_limits`."""
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f'The URDF {path} cannot be read: {error}.') from error
    return joint_limits(text, str(path))


def joint_limits(text: str, name: str = 'URDF') -> dict[str, JointLimits]:
    """Return the limits of every joint that moves by itself; one that mimics another does not.

    Parameters
    ----------
    text : str
        The URDF.
    name : str
        What to call it in an error.

    Raises
    ------
    ControlError
        When it is no URDF, or a limit is none; it names every fault.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        hint = ' A xacro file has to be expanded first.' if 'xacro' in text else ''
        raise ControlError(f'The {name} is not XML: {error}.{hint}') from error
    if root.tag != 'robot':
        raise ControlError(f"The {name} begins with <{root.tag}>, expected a URDF's <robot>.")
    found: dict[str, JointLimits] = {}
    faults: list[str] = []
    for joint in root.findall('joint'):  # others, as of transmissions, are no children of it
        if joint.get('type') not in MOVING or joint.find('mimic') is not None:
            continue
        called = joint.get('name', '')
        found[called] = _limits(joint, called, faults)
    if faults:
        raise ControlError(f'The {name} has limits that are none: {"; ".join(faults)}.')
    return found


def _limits(joint: ET.Element, called: str, faults: list[str]) -> JointLimits:
    limit = joint.find('limit')
    endless = joint.get('type') == 'continuous'

    def number(key: str, default: float) -> float:
        text = limit.get(key) if limit is not None else None
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            faults.append(f'{called}: {key} is {text!r}, expected a number')
        return value

    # The standard says that a missing bound of a joint with an end is 0.
    lower = -math.inf if endless else number('lower', 0.0)
    upper = math.inf if endless else number('upper', 0.0)
    velocity = number('velocity', math.inf)
    if lower > upper:
        faults.append(f'{called}: lower {lower:g} is above upper {upper:g}')
    # Some write 0 for a speed that they do not know.
    return JointLimits(lower, upper, velocity if velocity > 0 else math.inf)
