"""Parsing and validation of mapping files and URDF limits."""

from __future__ import annotations

import pytest
import yaml
from support.paths import ROOT

from myogestic_ros.control.mapping_file import SETTINGS, parse_mapping, read_mapping
from myogestic_ros.control.urdf import JointLimits, joint_limits, read_joint_limits
from myogestic_ros.core.errors import ControlError

FILE = ROOT / 'config' / 'mappings' / 'hand.yaml'
SMALL = """
joints: {a: {lower: 0, upper: 2}, b: {lower: -1, upper: 1, velocity: 0.5}}
limits: {velocity: 3, acceleration: 20}
postures: {rest: {a: 0.5, b: 0}, fist: {a: 2}}
"""


def small(**changes):
    return parse_mapping({**yaml.safe_load(SMALL), **changes})


def errors(content, urdf=None):
    with pytest.raises(ControlError) as caught:
        parse_mapping(content, urdf, 'm.yaml')
    text = str(caught.value)
    assert text.startswith('The mapping m.yaml is invalid: ')
    return text.removeprefix('The mapping m.yaml is invalid: ').removesuffix('.').split('; ')


def test_default_mapping_has_a_posture_for_each_class_of_the_sources():
    mapping = read_mapping(FILE)
    for label in (
        *('rest', 'fist', 'open', 'pinch', 'point', 'flexion', 'extension'),
        *('radial', 'ulnar', 'pronation', 'supination'),
    ):
        assert mapping.posture_for(label) is not None, label
    assert mapping.joint_names[:2] == ('thumb_rotation', 'thumb_flexion')
    assert len(mapping.joints) == 8
    content = yaml.safe_load(FILE.read_text())
    assert {row.name for row in SETTINGS} <= content.keys()  # it documents every setting
    read_mapping(FILE, {j.name: JointLimits(j.lower, j.upper, 9.0) for j in mapping.joints})


def test_limits_come_from_joint_common_limits_and_urdf():
    mapping = small()
    assert [(j.velocity, j.acceleration) for j in mapping.joints] == [(3.0, 20.0), (0.5, 20.0)]
    content = yaml.safe_load(SMALL)
    content['joints'] = {'a': None, 'b': {'upper': 0.5}}
    urdf = {'a': JointLimits(0.0, 2.0, 1.5), 'b': JointLimits(-1.0, 1.0, float('inf'))}
    joints = parse_mapping(content, urdf).joints
    assert (joints[0].lower, joints[0].upper, joints[0].velocity) == (0.0, 2.0, 1.5)
    assert (joints[1].lower, joints[1].upper, joints[1].velocity) == (-1.0, 0.5, 3.0)


def test_normalised_postures_and_class_aliases():
    mapping = small(
        unit='normalised',
        postures={'rest': {'a': 0.5, 'b': 0.5}, 'fist': {'a': 1}},
        classes={'close': 'fist'},
    )
    assert mapping.postures == {'rest': {'a': 1.0, 'b': 0.0}, 'fist': {'a': 2.0}}
    assert mapping.posture_for('close') == 'fist'
    assert mapping.posture_for('nothing') is None


def test_every_error_is_reported():
    found = errors(
        {
            'mode': 'dance',
            'speeds': 1,
            'rest_speed': 2.0,
            'speed': 'extra:',
            'undecided': 3,
            'still': [1],
            'joints': {
                'a': {'lower': 1, 'upper': 0, 'velocity': 1, 'acceleration': 1},
                'b': {'lower': 0, 'upper': 1, 'velocity': float('nan'), 'speed': 1},
                'c': {'lower': 0},
                'd': 3,
                False: {},
            },
            'postures': {'fist': {'a': 7, 'z': 1, 'c': 'x'}, 'open': [1]},
            'classes': {'k': 'nothing', 'l': ['fist']},
            'dofs': {
                'x': {'control': 'jump', 'joints': {'a': 2.0, 'q': 1}},
                'y': {'control': 'velocity', 'dead_zone': 1.0, 'joints': {'a': 1.0}},
                'z': {},
                'w': 1,
            },
        }
    )
    text = '\n'.join(found)
    for part in (
        "mode: got 'dance', expected one of posture, velocity, proportional",
        'speeds: unknown',
        'rest_speed: got 2.0, expected 0.01 to 1',
        "speed: got 'extra:', expected constant, confidence or extra:<key>",
        'undecided: got 3, expected a string',
        'still: got 1, expected the name of a class',
        'joints: a: lower is 1 and upper is 0',
        'joints: b: velocity: got nan',
        'joints: b: speed: unknown',
        'joints: c: no upper, velocity, acceleration',
        'joints: d: got 3, expected the limits of the joint',
        'joints: the name False must be quoted',
        "postures: there is no 'rest'",
        "postures: fist: there is no joint 'z'",
        "postures: fist: c: got 'x', expected a number",
        'postures: open: got [1]',
        "classes: k: got 'nothing', expected the name of a posture",
        "classes: l: got ['fist']",
        "dofs: x: control: got 'jump'",
        'dofs: x: a: got 2, expected a weight',
        "dofs: x: there is no joint 'q'",
        'dofs: y: dead_zone: got 1.0',
        'dofs: z: no joints',
        'dofs: w: got 1',
        'dofs: a is moved by position and by velocity',
    ):
        assert part in text, part


def test_postures_outside_limits_and_incomplete_rest_are_errors():
    content = yaml.safe_load(SMALL)
    content['postures'] = {'rest': {'a': 0.5}, 'fist': {'a': 2.01}}
    assert errors(content) == [
        'postures: fist: a: got 2.01, expected 0 to 2',
        'postures: rest: no position of b, expected every joint',
    ]


def test_limits_outside_the_urdf_are_errors():
    content = yaml.safe_load(SMALL)
    urdf = {'a': JointLimits(0.1, 1.9, 9.0)}
    assert errors(content, urdf) == [
        'joints: a: lower 0 is outside the limit of the URDF, 0.1',
        'joints: a: upper 2 is outside the limit of the URDF, 1.9',
        'joints: b: the URDF has no movable joint of that name',
    ]


@pytest.mark.parametrize('content', [None, [], 'x', 3])
def test_content_without_fields_is_refused(content):
    assert errors(content) == ['it has no fields, expected `name: value` lines']


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(ControlError, match='cannot be read'):
        read_mapping(tmp_path / 'nothing.yaml')
    file = tmp_path / 'm.yaml'
    file.write_text('a: [')
    with pytest.raises(ControlError, match='is not valid YAML: line 1'):
        read_mapping(file)
    file.write_text(SMALL + 'mode: posture\nmode: velocity\n')
    with pytest.raises(ControlError, match="line 6: duplicate key 'mode', first given in line 5"):
        read_mapping(file)
    file.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ControlError, match='is not UTF-8 text'):
        read_mapping(file)


def test_select_joints_orders_and_validates():
    mapping = small().select_joints(['b'])
    assert mapping.joint_names == ('b',)
    with pytest.raises(ControlError) as caught:
        small().select_joints(['c', 'a', 'a'])
    assert 'no joint c; it has a, b' in str(caught.value)
    assert 'named twice: a' in str(caught.value)
    with pytest.raises(ControlError, match='got no joint'):
        small().select_joints([])


# -- URDF -------------------------------------------------------------------------------------


def urdf(joints):
    return f'<robot name="r"><link name="l"/>{joints}</robot>'


def test_joint_limits_of_a_urdf():
    found = joint_limits(
        urdf(
            '<joint name="a" type="revolute"><limit lower="-1" upper="2" velocity="3" '
            'effort="1"/></joint>'
            '<joint name="b" type="continuous"/>'
            '<joint name="c" type="fixed"/>'
            '<joint name="d" type="revolute"><limit upper="2"/><mimic joint="a"/></joint>'
            '<joint name="e" type="prismatic"><limit upper="2" velocity="0"/></joint>'
        )
    )
    endless = float('inf')
    assert found == {
        'a': JointLimits(-1.0, 2.0, 3.0),
        'b': JointLimits(-endless, endless, endless),
        'e': JointLimits(0.0, 2.0, endless),
    }


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('<robot', 'not XML'),
        ('<xacro:x', 'Expand a xacro file first'),
        ('<sdf/>', 'begins with <sdf>'),
        (urdf('<joint name="a" type="revolute"><limit lower="x"/></joint>'), "lower is 'x'"),
        (urdf('<joint name="a" type="revolute"><limit lower="nan"/></joint>'), "lower is 'nan'"),
        (urdf('<joint name="a" type="revolute"><limit lower="1"/></joint>'), 'above upper 0'),
    ],
)
def test_invalid_urdf_is_refused(text, reason):
    with pytest.raises(ControlError, match=reason):
        joint_limits(text)


def test_missing_urdf_is_refused(tmp_path):
    with pytest.raises(ControlError, match='cannot be read'):
        read_joint_limits(tmp_path / 'hand.urdf')


def test_mapping_example_in_the_docs_is_valid():
    text = (ROOT / 'docs' / 'how-to' / 'drive-a-hand.md').read_text()
    begin = text.index('    mode: posture')
    example = text[begin : text.index('\n\n', begin)]
    mapping = parse_mapping(yaml.safe_load(example))
    assert mapping.posture_for('close') == 'fist'
    assert mapping.joints[1].velocity == 2.0
