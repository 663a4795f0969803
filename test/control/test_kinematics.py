"""Forward kinematics, and the URDF of this package's hand."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import yaml
from support.paths import ROOT

from myogestic_ros.control.kinematics import read_kinematics
from myogestic_ros.control.urdf import read_joint_limits
from myogestic_ros.core.errors import ControlError

HAND = ROOT / 'urdf' / 'hand.urdf'

JOINTS = {
    'thumb_rotation': (0.0, 1.4),
    'thumb_flexion': (0.0, 1.2),
    'index_flexion': (0.0, 1.57),
    'middle_flexion': (0.0, 1.57),
    'ring_flexion': (0.0, 1.57),
    'little_flexion': (0.0, 1.57),
    'wrist_flexion': (-1.0, 1.0),
    'wrist_rotation': (-1.5, 1.5),
}

ARM = """<robot name="arm">
  <material name="red"><color rgba="1 0 0 1"/></material>
  <link name="tip"/>
  <link name="upper"><visual>
    <origin xyz="0 0 0.5"/><geometry><cylinder radius="0.1" length="1"/></geometry>
    <material name="red"/></visual></link>
  <link name="base"/>
  <link name="lower"/>
  <joint name="slide" type="prismatic"><parent link="lower"/><child link="tip"/>
    <axis xyz="0 0 2"/><mimic joint="elbow" multiplier="0.5" offset="1"/></joint>
  <joint name="elbow" type="revolute"><parent link="upper"/><child link="lower"/>
    <origin xyz="0 0 1"/><axis xyz="0 1 0"/></joint>
  <joint name="foot" type="fixed"><parent link="base"/><child link="upper"/>
    <origin xyz="1 2 3" rpy="0 0 1.5707963267948966"/></joint>
</robot>"""


def at(poses, link, point=(0.0, 0.0, 0.0)):
    """Return the position of a point of a link, shape (3,), m."""
    return (poses[link] @ [*point, 1.0])[:3]


def test_poses_of_links_in_any_order(tmp_path):
    (tmp_path / 'arm.urdf').write_text(ARM)
    arm = read_kinematics(tmp_path / 'arm.urdf')
    assert arm.root == 'base'
    assert [(s.link, s.kind, s.sizes, s.colour) for s in arm.shapes] == [
        ('upper', 'cylinder', (0.1, 1.0), (1.0, 0.0, 0.0))
    ]
    assert at(arm.poses({}), 'tip') == pytest.approx([1, 2, 5])
    poses = arm.poses({'elbow': math.pi / 2})  # x of the upper arm is y of the base
    assert at(poses, 'lower') == pytest.approx([1, 2, 4])
    assert at(poses, 'tip') == pytest.approx([1, 2 + 1 + math.pi / 4, 4])


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (('<robot', '<robot><'), 'is not XML'),
        (('<link name="lower"/>', ''), 'do not form one tree'),
        (('<link name="base"/>', '<link name="base"/><link name="other"/>'), 'base, other'),
        (('type="revolute"', 'type="floating"'), 'elbow has the unsupported type floating'),
        (('xyz="0 1 0"', 'xyz="0 1"'), 'expected three numbers'),
        (('radius="0.1"', 'radius="thin"'), 'thin'),
        (('name="elbow" type', 'type'), 'name'),
        (('<parent link="upper"/>', '<parent link="tip"/>'), 'do not form one tree'),
    ],
)
def test_invalid_urdf_is_refused_with_the_reason(tmp_path, change, reason):
    file = tmp_path / 'arm.urdf'
    file.write_text(ARM.replace(*change))
    with pytest.raises(ControlError, match=reason):
        read_kinematics(file)
    with pytest.raises(ControlError, match='cannot be read'):
        read_kinematics(tmp_path / 'nowhere.urdf')


def test_hand_urdf_matches_its_generator(tmp_path):
    script = tmp_path / 'make_hand.py'
    script.write_text((ROOT / 'urdf' / 'make_hand.py').read_text())
    subprocess.run([sys.executable, str(script)], check=True)
    assert (tmp_path / 'hand.urdf').read_text() == HAND.read_text()


def test_hand_urdf_has_the_documented_joints():
    limits = read_joint_limits(HAND)
    assert {name: (j.lower, j.upper) for name, j in limits.items()} == JOINTS
    assert all(0 < joint.velocity < 10 for joint in limits.values())
    parameters = yaml.safe_load((ROOT / 'config' / 'hand.yaml').read_text())
    assert parameters['/**']['ros__parameters']['joints'] == list(JOINTS)


def test_flexion_closes_the_fingers_and_the_thumb_opposes():
    hand = read_kinematics(HAND)
    fingers = ('index', 'middle', 'ring', 'little')
    opened = hand.poses({})
    for finger in fingers:  # z to the fingertips, x out of the palm
        closed = hand.poses({f'{finger}_flexion': 1.57})
        link = f'{finger}_distal'
        assert at(closed, link)[0] > at(opened, link)[0] + 0.02
        assert at(closed, link)[2] < at(opened, link)[2] - 0.05
        still = [name for name in opened if not name.startswith(finger)]
        assert all(np.allclose(opened[name], closed[name]) for name in still)
    opposed = hand.poses({'thumb_rotation': 1.4})
    assert at(opposed, 'thumb_distal')[0] > at(opened, 'thumb_distal')[0] + 0.02
    bent = hand.poses({'thumb_flexion': 1.2})
    assert at(bent, 'thumb_distal')[1] < at(opened, 'thumb_distal')[1] - 0.01
    assert at(hand.poses({'wrist_flexion': 1.0}), 'palm', (0, 0, 0.1))[0] > 0.05
    # Pronation turns the thumb of a right hand, whose palm faces x, toward the palm's side.
    assert at(hand.poses({'wrist_rotation': 1.5}), 'palm', (0, 0.1, 0))[0] > 0.05


def test_thumb_and_index_meet_in_a_pinch():
    hand = read_kinematics(HAND)
    mapping = yaml.safe_load((ROOT / 'config' / 'mappings' / 'hand.yaml').read_text())
    postures = mapping['postures']
    poses = hand.poses({**postures['rest'], **postures['pinch']})
    tips = at(poses, 'index_distal', (0, 0, 0.014)), at(poses, 'thumb_distal', (0, 0, 0.018))
    assert np.linalg.norm(tips[0] - tips[1]) < 0.0185  # the sum of their radii
