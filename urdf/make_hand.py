"""Write ``hand.urdf``, the simulated hand: ``python3 urdf/make_hand.py``.

A right hand of plain shapes. In the zero posture it is open and flat: z points from the forearm
to the fingertips, x out of the palm, y to the thumb's side. Lengths in m, angles in rad. Each
finger has one joint that moves it and two that mimic it, as the tendons of a prosthesis do.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

COLOURS = {
    'shell': (0.20, 0.23, 0.28, 1.0),
    'palm': (0.88, 0.89, 0.91, 1.0),
    'phalanx': (0.88, 0.89, 0.91, 1.0),
    'tip': (0.95, 0.55, 0.22, 1.0),
    'joint': (0.30, 0.34, 0.40, 1.0),
}
DENSITY = 600.0
"""Of every shape, kg/m³: what makes the hand weigh about as much as a prosthetic one."""

FINGERS = {
    # knuckle: y, z, spread (rad, to the thumb's side); lengths of the three phalanges; radius
    'index': (0.0300, 0.0880, 0.070, (0.0430, 0.0250, 0.0180), 0.0088),
    'middle': (0.0095, 0.0930, 0.015, (0.0470, 0.0290, 0.0190), 0.0090),
    'ring': (-0.0110, 0.0895, -0.040, (0.0440, 0.0270, 0.0185), 0.0086),
    'little': (-0.0305, 0.0800, -0.100, (0.0350, 0.0200, 0.0160), 0.0076),
}
FLEXION_RAD = 1.57
MIDDLE_FOLLOWS = 1.10
"""A finger's middle joint turns so much more than its knuckle, its last one so much less."""
TIP_FOLLOWS = 0.65
THUMB_ROTATION_RAD, THUMB_FLEXION_RAD = 1.4, 1.2
THUMB_TIP_FOLLOWS = 0.9
WRIST_FLEXION_RAD, WRIST_ROTATION_RAD = 1.0, 1.5
SPEED_RAD_S, EFFORT_NM = 4.0, 2.0


def numbers(*values: float) -> str:
    """Return numbers as URDF writes them."""
    return ' '.join(f'{value:.10g}' for value in values)


class Hand:
    """The document as it grows, link by link."""

    def __init__(self) -> None:
        self.robot = ET.Element('robot', name='hand')
        for name, colour in COLOURS.items():
            material = ET.SubElement(self.robot, 'material', name=name)
            ET.SubElement(material, 'color', rgba=numbers(*colour))

    def link(self, name: str, *shapes: tuple) -> None:
        """Add a link of shapes: (kind, sizes, position, roll-pitch-yaw, material)."""
        link = ET.SubElement(self.robot, 'link', name=name)
        for role in ('visual', 'collision'):
            for kind, sizes, position, angles, material in shapes:
                part = ET.SubElement(link, role)
                ET.SubElement(part, 'origin', xyz=numbers(*position), rpy=numbers(*angles))
                ET.SubElement(ET.SubElement(part, 'geometry'), kind, sizes)
                if role == 'visual':
                    ET.SubElement(part, 'material', name=material)
        masses = [DENSITY * volume(kind, sizes) for kind, sizes, *_ in shapes]
        centre = [
            sum(m * shape[2][axis] for m, shape in zip(masses, shapes, strict=True)) / sum(masses)
            for axis in range(3)
        ]
        # As a solid ball of the same mass and volume: enough for a simulator to be stable.
        mass = sum(masses)
        moment = 0.4 * mass * (3 * mass / DENSITY / (4 * math.pi)) ** (2 / 3)
        inertial = ET.SubElement(link, 'inertial')
        ET.SubElement(inertial, 'origin', xyz=numbers(*(round(c, 6) for c in centre)))
        ET.SubElement(inertial, 'mass', value=f'{mass:.4g}')
        same = dict.fromkeys(('ixx', 'iyy', 'izz'), f'{moment:.3g}')
        ET.SubElement(inertial, 'inertia', {**same, 'ixy': '0', 'ixz': '0', 'iyz': '0'})

    def joint(
        self,
        name: str,
        parent: str,
        child: str,
        position: tuple,
        axis: tuple,
        limits: tuple,
        angles: tuple = (0, 0, 0),
        mimics: tuple | None = None,
    ) -> None:
        """Add a revolute joint; ``mimics``: (joint, multiplier)."""
        joint = ET.SubElement(self.robot, 'joint', name=name, type='revolute')
        ET.SubElement(joint, 'parent', link=parent)
        ET.SubElement(joint, 'child', link=child)
        ET.SubElement(joint, 'origin', xyz=numbers(*position), rpy=numbers(*angles))
        ET.SubElement(joint, 'axis', xyz=numbers(*axis))
        scale = mimics[1] if mimics else 1.0
        lower, upper = limits
        ET.SubElement(
            joint,
            'limit',
            lower=numbers(lower),
            upper=numbers(upper),
            velocity=numbers(SPEED_RAD_S * scale),
            effort=numbers(EFFORT_NM),
        )
        if mimics:
            ET.SubElement(joint, 'mimic', joint=mimics[0], multiplier=numbers(scale), offset='0')

    def text(self) -> str:
        """Return the document."""
        ET.indent(self.robot)
        head = '<?xml version="1.0"?>\n<!-- Written by make_hand.py; change it there. -->\n'
        return head + ET.tostring(self.robot, encoding='unicode') + '\n'


def volume(kind: str, sizes: dict) -> float:
    """Return the volume of a shape, m³."""
    if kind == 'box':
        return math.prod(float(size) for size in sizes['size'].split())
    radius = float(sizes['radius'])
    if kind == 'sphere':
        return 4 / 3 * math.pi * radius**3
    return math.pi * radius**2 * float(sizes['length'])


def ball(radius: float, position: tuple, material: str) -> tuple:
    """Return a sphere."""
    return 'sphere', {'radius': numbers(radius)}, position, (0, 0, 0), material


def box(size: tuple, position: tuple, material: str, angles: tuple = (0, 0, 0)) -> tuple:
    """Return a box."""
    return 'box', {'size': numbers(*size)}, position, angles, material


def rod(radius: float, start: tuple, end: tuple, material: str) -> tuple:
    """Return a cylinder between two points."""
    along = [b - a for a, b in zip(start, end, strict=True)]
    length = math.hypot(*along)
    # Roll, then pitch, takes z to the direction of the rod.
    roll = math.asin(max(-1.0, min(1.0, -along[1] / length)))
    pitch = math.atan2(along[0], along[2])
    middle = tuple(round((a + b) / 2, 6) for a, b in zip(start, end, strict=True))
    sizes = {'radius': numbers(radius), 'length': numbers(round(length, 6))}
    return 'cylinder', sizes, middle, (round(roll, 6), round(pitch, 6), 0), material


def capsule(radius: float, start: tuple, end: tuple, material: str) -> tuple:
    """Return a rod with a ball at each end."""
    return (
        rod(radius, start, end, material),
        ball(radius, start, material),
        ball(radius, end, material),
    )


def axle(radius: float, width: float, material: str = 'joint') -> tuple:
    """Return the axle of a joint that turns about y."""
    return (
        'cylinder',
        {'radius': numbers(radius), 'length': numbers(width)},
        (0, 0, 0),
        (
            round(math.pi / 2, 6),
            0,
            0,
        ),
        material,
    )


def phalanx(radius: float, length: float, material: str) -> tuple:
    """Return the shapes of a phalanx that begins at its joint and points along z."""
    return (
        axle(radius * 0.98, radius * 2.08),
        rod(radius * 0.90, (0, 0, radius * 0.5), (0, 0, length - radius * 0.5), material),
        ball(radius * 0.90, (0, 0, length - radius * 0.5), material),
    )


def palm(hand: Hand) -> None:
    """Add the palm: one ray to each knuckle, a plate behind them, the ball of the thumb."""
    shapes: list = [box((0.014, 0.062, 0.060), (-0.001, 0.000, 0.046), 'palm')]
    for name, (y, z, _, _, radius) in FINGERS.items():
        thick = radius * 1.22
        root = 0.55 if name != 'little' else 0.62
        shapes += capsule(thick, (0, y * root, 0.018), (0, y, z - radius * 1.1), 'palm')
    shapes += capsule(0.0155, (0.004, 0.019, 0.022), (0.003, 0.0245, 0.044), 'palm')
    shapes += capsule(0.0120, (0.004, -0.0165, 0.020), (0.003, -0.0250, 0.050), 'palm')
    hand.link('palm', *shapes)


def finger(hand: Hand, name: str) -> None:
    """Add a finger."""
    y, z, spread, lengths, radius = FINGERS[name]
    flexion = f'{name}_flexion'
    bends = ((f'{flexion}', 1.0), (f'{name}_middle', MIDDLE_FOLLOWS), (f'{name}_tip', TIP_FOLLOWS))
    parent, position, angles = 'palm', (0.0, y, z), (-spread, 0.0, 0.0)
    parts = ('proximal', 'middle', 'distal')
    for part, length, (joint, follows), scale in zip(
        parts, lengths, bends, (1.0, 0.93, 0.86), strict=True
    ):
        child = f'{name}_{part}'
        hand.joint(
            joint,
            parent,
            child,
            position,
            (0, 1, 0),
            (0, round(FLEXION_RAD * follows, 4)),
            angles,
            (flexion, follows) if joint != flexion else None,
        )
        hand.link(
            child, *phalanx(radius * scale, length, 'tip' if part == 'distal' else 'phalanx')
        )
        parent, position, angles = child, (0.0, 0.0, length), (0.0, 0.0, 0.0)


def thumb(hand: Hand) -> None:
    """Add the thumb: it turns about its root to oppose the fingers, and bends."""
    radius = 0.0105
    hand.joint(
        'thumb_rotation',
        'palm',
        'thumb_metacarpal',
        (0.006, 0.0255, 0.026),
        (0, 0.3090, -0.9511),
        (0, THUMB_ROTATION_RAD),
    )
    # Open, the thumb points up and away to its own side.
    lean = 0.80
    reach = (0.004, 0.040 * math.sin(lean), 0.040 * math.cos(lean))
    reach = tuple(round(value, 6) for value in reach)
    hand.link(
        'thumb_metacarpal',
        ball(radius * 1.25, (0, 0, 0), 'joint'),
        *capsule(radius * 1.12, tuple(0.35 * v for v in reach), reach, 'palm'),
    )
    parent, position = 'thumb_metacarpal', reach
    tilt = (round(-lean + 0.15, 6), 0.0, 0.0)
    for part, joint, length, scale in (
        ('proximal', 'thumb_flexion', 0.034, 1.0),
        ('distal', 'thumb_tip', 0.022, 0.92),
    ):
        follows = 1.0 if joint == 'thumb_flexion' else THUMB_TIP_FOLLOWS
        child = f'thumb_{part}'
        hand.joint(
            joint,
            parent,
            child,
            position,
            (1, 0, 0),
            (0, round(THUMB_FLEXION_RAD * follows, 4)),
            tilt,
            ('thumb_flexion', follows) if joint != 'thumb_flexion' else None,
        )
        shapes = list(phalanx(radius * scale, length, 'tip' if part == 'distal' else 'phalanx'))
        kind, sizes, where, _, material = shapes[0]
        shapes[0] = (kind, sizes, where, (0, round(math.pi / 2, 6), 0), material)
        hand.link(child, *shapes)
        parent, position, tilt = child, (0.0, 0.0, length), (0.0, 0.0, 0.0)


def write(path: Path) -> None:
    """Write the hand."""
    hand = Hand()
    hand.link(
        'forearm',
        rod(0.0285, (0, 0, -0.085), (0, 0, -0.022), 'shell'),
        rod(0.0300, (0, 0, -0.088), (0, 0, -0.080), 'joint'),
    )
    hand.joint(
        'wrist_rotation',
        'forearm',
        'wrist',
        (0, 0, -0.014),
        (0, 0, -1),  # positive pronates
        (-WRIST_ROTATION_RAD, WRIST_ROTATION_RAD),
    )
    hand.link(
        'wrist',
        rod(0.0265, (0, 0, -0.008), (0, 0, 0.002), 'joint'),
        ball(0.0205, (0, 0, 0.010), 'joint'),
    )
    hand.joint(
        'wrist_flexion',
        'wrist',
        'palm',
        (0, 0, 0.012),
        (0, 1, 0),
        (-WRIST_FLEXION_RAD, WRIST_FLEXION_RAD),
    )
    palm(hand)
    for name in FINGERS:
        finger(hand, name)
    thumb(hand)
    path.write_text(hand.text(), encoding='utf-8')


if __name__ == '__main__':
    write(Path(__file__).with_name('hand.urdf'))
