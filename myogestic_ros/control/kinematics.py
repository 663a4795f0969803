"""Forward kinematics and visible shapes of a robot, from its URDF."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import ControlError

__all__ = ['Kinematics', 'Shape', 'read_kinematics']

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

ROTATIONAL, PRISMATIC, FIXED = ('revolute', 'continuous'), ('prismatic',), ('fixed',)
SIZES = {'box': ('size',), 'cylinder': ('radius', 'length'), 'sphere': ('radius',)}
GREY = (0.7, 0.7, 0.7)


@dataclass(frozen=True, eq=False)
class Shape:
    """A visible shape of a link.

    Attributes
    ----------
    link : str
        Name of the link.
    kind : str
        ``'box'``, ``'cylinder'`` or ``'sphere'``.
    sizes : tuple of float
        Box: x, y, z; cylinder: radius, length; sphere: radius, m.
    origin : ndarray, shape (4, 4)
        Pose of the shape in the frame of the link.
    colour : tuple of float
        Red, green, blue, 0 to 1.
    """

    link: str
    kind: str
    sizes: tuple[float, ...]
    origin: Array
    colour: Colour


@dataclass(frozen=True, eq=False)
class _Joint:
    """A joint, whose position is ``multiplier * position of driver + offset``."""

    kind: str
    parent: str
    child: str
    origin: Array
    axis: Array
    driver: str
    multiplier: float
    offset: float

    def pose(self, positions: Mapping[str, float]) -> Array:
        """Return the pose of the child link in the parent link, shape (4, 4)."""
        position = positions.get(self.driver, 0.0) * self.multiplier + self.offset
        motion = np.eye(4)
        if self.kind in ROTATIONAL:
            motion[:3, :3] = _rotation(self.axis, position)
        elif self.kind in PRISMATIC:
            motion[:3, 3] = self.axis * position
        return np.asarray(self.origin @ motion)


class Kinematics:
    """A tree of links.

    Attributes
    ----------
    root : str
        Name of the link without a parent.
    shapes : tuple of Shape
        Visible shapes of all links, except meshes.
    """

    def __init__(self, root: str, joints: list[_Joint], shapes: tuple[Shape, ...]) -> None:
        self.root = root
        self.shapes = shapes
        self._joints = joints  # parents before children

    def poses(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Return the pose of every link.

        Parameters
        ----------
        positions : mapping
            Joint positions by name, rad or m; 0 for missing joints. Mimic joints follow.

        Returns
        -------
        dict of str to ndarray, shape (4, 4)
            Pose of each link in the root link.
        """
        found = {self.root: np.eye(4)}
        for joint in self._joints:
            found[joint.child] = found[joint.parent] @ joint.pose(positions)
        return found


def read_kinematics(path: Path) -> Kinematics:
    """Read the kinematics of a URDF file.

    Raises
    ------
    ControlError
        If the file cannot be read, or its links do not form one tree.
    """
    try:
        document = ET.fromstring(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f'The URDF {path} cannot be read: {error}.') from error
    except ET.ParseError as error:
        raise ControlError(f'The URDF {path} is not XML: {error}.') from error
    try:
        joints = [_joint(element) for element in document.findall('joint')]
        colours = {m.get('name', ''): c for m in document.findall('material') if (c := _colour(m))}
        links = {link.attrib['name']: link for link in document.findall('link')}
        shapes = tuple(s for name, e in links.items() for s in _shapes(name, e, colours))
    except (KeyError, ValueError) as error:
        raise ControlError(f'The URDF {path} is invalid: {error}.') from error
    roots = [name for name in links if name not in {joint.child for joint in joints}]
    ordered = _sort_from_root(roots, joints)
    if len(roots) != 1 or len(ordered) != len(joints) or len(links) != len(joints) + 1:
        raise ControlError(
            f'The links of the URDF {path} do not form one tree: {len(links)} links, {len(joints)} '
            f'joints; links without a parent: {", ".join(roots) or "none"}.'
        )
    return Kinematics(roots[0], ordered, shapes)


def _sort_from_root(roots: list[str], joints: list[_Joint]) -> list[_Joint]:
    """Return the joints that are connected to the roots, parents before children."""
    placed, ordered = set(roots), []
    while ready := [j for j in joints if j.parent in placed and j.child not in placed]:
        ordered += ready
        placed |= {joint.child for joint in ready}
    return ordered


def _joint(element: ET.Element) -> _Joint:
    name, kind = element.attrib['name'], element.attrib['type']
    if kind not in (*ROTATIONAL, *PRISMATIC, *FIXED):
        raise ValueError(f'joint {name} has the unsupported type {kind}')
    ends = [element.find(role) for role in ('parent', 'child')]
    parent, child = (end.attrib['link'] if end is not None else '' for end in ends)
    axis = _vector(element.find('axis'), 'xyz', (1.0, 0.0, 0.0))
    mimic = element.find('mimic')
    given = mimic.attrib if mimic is not None else {'joint': name}
    return _Joint(
        kind,
        parent,
        child,
        _origin(element),
        axis / max(1e-12, float(np.linalg.norm(axis))),
        given['joint'],
        float(given.get('multiplier', 1.0)),
        float(given.get('offset', 0.0)),
    )


def _shapes(name: str, link: ET.Element, colours: Mapping[str, Colour]) -> list[Shape]:
    found = []
    for visual in link.findall('visual'):
        material = visual.find('material')
        colour = GREY
        if material is not None:
            colour = _colour(material) or colours.get(material.get('name', ''), GREY)
        for kind, sizes in SIZES.items():
            for shape in visual.findall(f'geometry/{kind}'):
                values = tuple(float(v) for size in sizes for v in shape.attrib[size].split())
                found.append(Shape(name, kind, values, _origin(visual), colour))
    return found


def _colour(material: ET.Element) -> Colour | None:
    colour = material.find('color')
    if colour is None:
        return None
    red, green, blue, *_ = (float(value) for value in colour.attrib['rgba'].split())
    return red, green, blue


def _vector(element: ET.Element | None, name: str, default: Colour) -> Array:
    text = element.get(name) if element is not None else None
    values = np.array([float(v) for v in text.split()] if text else default)
    if values.shape != (3,):
        raise ValueError(f'{name}={text!r}, expected three numbers')
    return values


def _origin(element: ET.Element) -> Array:
    """Return the pose in the element's ``<origin>``, shape (4, 4)."""
    origin = element.find('origin')
    angles = _vector(origin, 'rpy', (0.0, 0.0, 0.0))
    roll, pitch, yaw = (_rotation(a, float(r)) for a, r in zip(np.eye(3), angles, strict=True))
    frame = np.eye(4)
    frame[:3, :3] = yaw @ pitch @ roll
    frame[:3, 3] = _vector(origin, 'xyz', (0.0, 0.0, 0.0))
    return frame


def _rotation(axis: Array, angle: float) -> Array:
    """Return the matrix of a rotation about a unit axis, shape (3, 3), by Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
