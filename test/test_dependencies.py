"""package.xml declares every import of the package for rosdep."""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET

from support.paths import ROOT

KEYS = {
    'lz4': 'mcap-ros2-support',  # mcap depends on it, and on zstandard
    'mcap': 'mcap-ros2-support',
    'rosbags': 'python3-rosbags-pip',
    'sklearn': 'python3-sklearn',
    'threadpoolctl': 'python3-sklearn',  # has no rosdep key; scikit-learn depends on it
    'yaml': 'python3-yaml',
    'zstandard': 'mcap-ros2-support',
    **{
        name: f'python3-{name}'
        for name in ('joblib', 'matplotlib', 'numpy', 'rich', 'scipy', 'typer')
    },
}
"""The rosdep key of each Python import; the key of a ROS package is its name."""


OPTIONAL = {'cryptography', 'distributed'}
"""Not declared; the import error names the package to install."""


def imported() -> set[str]:
    """Return the top-level names that the package and the launch files import."""
    names: set[str] = set()
    for folder in ('myogestic_ros', 'launch'):
        for path in (ROOT / folder).rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split('.')[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.split('.')[0])
    return names - set(sys.stdlib_module_names) - {'myogestic_ros'} - OPTIONAL


def test_every_import_is_declared_for_rosdep() -> None:
    manifest = ET.parse(ROOT / 'package.xml').getroot()
    declared = {e.text for tag in ('depend', 'exec_depend') for e in manifest.iter(tag)}
    missing = {name: KEYS.get(name, name) for name in imported()}
    missing = {name: key for name, key in missing.items() if key not in declared}
    assert not missing, f'imported, not in package.xml: {missing}'
