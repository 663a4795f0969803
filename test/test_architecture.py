"""Imports between packages point down, and only the outer packages import ROS."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import myogestic_ros

SOURCE = Path(myogestic_ros.__file__).parent
BELOW = {
    'core': (),
    'sessions': ('core',),
    'protocols': ('sessions', 'core'),
    'control': ('protocols', 'sessions', 'core'),
    'decoding': ('protocols', 'sessions', 'core'),
    'reporting': ('control', 'decoding', 'protocols', 'sessions', 'core'),
    'sources': ('protocols', 'sessions', 'core'),
    'nodes': ('reporting', 'control', 'decoding', 'sources', 'protocols', 'sessions', 'core'),
}
"""For each package without a user interface, the packages it may import."""
OUTER = ('panel', 'cli', 'demo', 'bringup')
"""Packages that start the rest; they may import everything below."""
ALLOWED = {
    **{name: {name, *below} for name, below in BELOW.items()},
    **{name: {*OUTER, *BELOW} for name in OUTER},
}
for name in ('nodes', *OUTER):
    ALLOWED[name] |= {'msg', 'srv', 'action'}
WITH_ROS = ('nodes', *OUTER)
"""Packages that may import rclpy and messages."""
ROS = {'rclpy', 'rcl_interfaces', 'builtin_interfaces', 'ament_index_python', 'std_srvs'}


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


@pytest.mark.parametrize('package', ALLOWED)
def test_imports_point_down(package: str) -> None:
    wrong = [
        f'{path.relative_to(SOURCE)}:{line} imports {name}'
        for path in modules()
        if path.relative_to(SOURCE).parts[0] == package
        for line, name in imported(path)
        if name.startswith('myogestic_ros.') and name.split('.')[1] not in ALLOWED[package]
    ]
    assert not wrong, '\n'.join(wrong)


def test_only_the_outer_packages_import_ros() -> None:
    wrong = [
        f'{path.relative_to(SOURCE)}:{line} imports {name}'
        for path in modules()
        if path.relative_to(SOURCE).parts[0] not in WITH_ROS
        for line, name in imported(path)
        if is_ros(name)
    ]
    assert not wrong, '\n'.join(wrong)


def test_every_package_has_a_floor() -> None:
    packages = {p.relative_to(SOURCE).parts[0] for p in modules() if p.parent != SOURCE}
    assert packages <= set(ALLOWED), (
        f'new packages need a line in ALLOWED: {packages - set(ALLOWED)}'
    )


def module_of(name: str, names: set[str]) -> str | None:
    """Return the module of this package that an imported name lies in."""
    while name and name not in names:
        name = name.rpartition('.')[0]
    return name or None


@pytest.mark.parametrize('unit', ['file', 'folder'])
def test_no_import_cycles(unit: str) -> None:
    def node(module: str) -> str:
        return module if unit == 'file' else module.rpartition('.')[0]

    names = {
        '.'.join(('myogestic_ros', *path.relative_to(SOURCE).with_suffix('').parts)): path
        for path in modules()
        if path.name != '__init__.py' and path.parent != SOURCE
    }
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        for _, other in imported(path):
            module = module_of(other, set(names))
            if module is not None and node(module) != node(name):
                graph.setdefault(node(name), set()).add(node(module))
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, with the cycle


@pytest.mark.parametrize(
    ('name', 'ros'),
    [
        ('rclpy.node.Node', True),
        ('sensor_msgs.msg', True),
        ('myogestic_ros.msg.EmgFrame', True),
        ('myogestic_ros.core.pipeline.states', False),
        ('numpy', False),
    ],
)
def test_ros_is_recognised(name: str, ros: bool) -> None:
    assert is_ros(name) is ros
