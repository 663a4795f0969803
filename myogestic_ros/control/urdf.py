"""Joint limits from a URDF."""

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
    """Limits of a joint in a URDF, which has no acceleration limits.

    Attributes
    ----------
    lower, upper : float
        Position limits, rad; infinite for a continuous joint.
    velocity : float
        Speed limit, rad/s; infinite if the URDF gives none.
    """

    lower: float
    upper: float
    velocity: float


def read_joint_limits(path: Path) -> dict[str, JointLimits]:
    """Return the limits of every movable joint of a URDF file; see `joint_limits`."""
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f'The URDF {path} cannot be read: {error}.') from error
    return joint_limits(text, str(path))


def joint_limits(text: str, name: str = 'URDF') -> dict[str, JointLimits]:
    """Return the limits of every movable joint, except joints that mimic another.

    Parameters
    ----------
    text : str
        Content of the URDF.
    name : str
        Name of the URDF for error messages.

    Raises
    ------
    ControlError
        If the text is not a URDF, or has invalid limits; the message lists every error.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        hint = ' Expand a xacro file first.' if 'xacro' in text else ''
        raise ControlError(f'The {name} is not XML: {error}.{hint}') from error
    if root.tag != 'robot':
        raise ControlError(f"The {name} begins with <{root.tag}>, expected a URDF's <robot>.")
    found: dict[str, JointLimits] = {}
    errors: list[str] = []
    # Only direct children of <robot>: a <joint> inside a <transmission> is a reference.
    for joint in root.findall('joint'):
        if joint.get('type') not in MOVING or joint.find('mimic') is not None:
            continue
        joint_name = joint.get('name', '')
        found[joint_name] = _limits(joint, joint_name, errors)
    if errors:
        raise ControlError(f'The {name} has invalid joint limits: {"; ".join(errors)}.')
    return found


def _limits(joint: ET.Element, joint_name: str, errors: list[str]) -> JointLimits:
    limit = joint.find('limit')
    continuous = joint.get('type') == 'continuous'

    def number(key: str, default: float) -> float:
        text = limit.get(key) if limit is not None else None
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            errors.append(f'{joint_name}: {key} is {text!r}, expected a number')
        return value

    # By the URDF specification, a missing bound of a revolute or prismatic joint is 0.
    lower = -math.inf if continuous else number('lower', 0.0)
    upper = math.inf if continuous else number('upper', 0.0)
    velocity = number('velocity', math.inf)
    if lower > upper:
        errors.append(f'{joint_name}: lower {lower:g} is above upper {upper:g}')
    # Some URDFs give 0 for an unknown speed limit.
    return JointLimits(lower, upper, velocity if velocity > 0 else math.inf)
