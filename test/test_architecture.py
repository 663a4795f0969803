"""Who may know whom: the arrows of the house point down, and ROS stays at the rim."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import myogestic_ros

SOURCE = Path(myogestic_ros.__file__).parent
ALLOWED = {
    'core': {'core'},
    'sessions': {'core', 'sessions'},
    'sources': {'core', 'sessions', 'sources'},
    'decoding': {'core', 'sessions', 'decoding'},
    'control': {'core', 'sessions', 'control'},
    'nodes': {
        'core',
        'sessions',
        'sources',
        'decoding',
        'control',
        'nodes',
        'msg',
        'srv',
        'action',
    },
    'panel': {
        *('core', 'sessions', 'sources', 'decoding', 'control', 'nodes', 'panel'),
        *('msg', 'srv', 'action'),
    },
}
"""For each room the rooms it may import from."""
WITHOUT_ROS = ('core', 'sessions', 'sources', 'decoding', 'control')
ROS = {'rclpy', 'rcl_interfaces', 'builtin_interfaces', 'ament_index_python', 'std_srvs'}
LONGEST = 300
TOO_LONG: set[str] = set()
"""Modules still longer than that; the list may only shrink."""


def modules() -> list[Path]:
    """Return the modules written by hand."""
    return sorted(
        path
        for path in SOURCE.rglob('*.py')
        if path.relative_to(SOURCE).parts[0] not in ('msg', 'srv', 'action')
    )


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything a module imports, also inside functions."""
    package = ('myogestic_ros', *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = '.'.join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f'{base}.{alias.name}'


def is_ros(name: str) -> bool:
    """Tell whether an imported name belongs to ROS or to the generated messages."""
    top, *rest = name.split('.')
    if top == 'myogestic_ros':
        return bool(rest) and rest[0] in ('msg', 'srv', 'action')
    return top in ROS or top.endswith('_msgs')


@pytest.mark.parametrize('room', ALLOWED)
def test_arrows_point_down(room: str) -> None:
    wrong = [
        f'{path.relative_to(SOURCE)}:{line} imports {name}'
        for path in modules()
        if path.relative_to(SOURCE).parts[0] == room
        for line, name in imported(path)
        if name.startswith('myogestic_ros.') and name.split('.')[1] not in ALLOWED[room]
    ]
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('room', WITHOUT_ROS)
def test_no_ros_below_the_rim(room: str) -> None:
    wrong = [
        f'{path.relative_to(SOURCE)}:{line} imports {name}'
        for path in modules()
        if path.relative_to(SOURCE).parts[0] == room
        for line, name in imported(path)
        if is_ros(name)
    ]
    assert not wrong, '\n'.join(wrong)


def test_every_module_is_in_a_room() -> None:
    rooms = {p.relative_to(SOURCE).parts[0] for p in modules() if p.parent != SOURCE}
    assert rooms <= set(ALLOWED), f'new rooms need a line in ALLOWED: {rooms - set(ALLOWED)}'


@pytest.mark.parametrize(
    'path',
    [
        pytest.param(
            path,
            id='/'.join(path.relative_to(SOURCE).parts),
            marks=pytest.mark.xfail(reason='to be divided')
            if path.relative_to(SOURCE).as_posix() in TOO_LONG
            else (),
        )
        for path in modules()
    ],
)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding='utf-8').splitlines()) <= LONGEST


@pytest.mark.parametrize(
    ('name', 'ros'),
    [
        ('rclpy.node.Node', True),
        ('sensor_msgs.msg', True),
        ('myogestic_ros.msg.EmgFrame', True),
        ('myogestic_ros.core.states', False),
        ('numpy', False),
    ],
)
def test_ros_is_recognised(name: str, ros: bool) -> None:
    assert is_ros(name) is ros
