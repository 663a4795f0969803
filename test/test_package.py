"""Contents of an installation, by pip or by colcon."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from ament_index_python import get_package_prefix, get_package_share_directory, get_resources
from support.paths import ROOT

import myogestic_ros

EXECUTABLES = ('driver', 'recorder', 'pipeline', 'cues', 'bridge', 'hand', 'demo', 'myogestic')
INTERFACES = sorted(
    (path.suffix[1:], path.stem)
    for kind in ('msg', 'srv', 'action')
    for path in ROOT.glob(f'{kind}/*.*')
)

PARTS = {
    'msg': (),
    'srv': ('Request', 'Response', 'Event'),
    'action': ('Goal', 'Result', 'Feedback'),
}
INSTALLED_BY_PIP = Path(get_package_prefix('myogestic_ros')) == Path(sys.prefix)


def message_classes(kind: str, name: str) -> list[type]:
    """Return the message classes of an interface: itself, or its parts."""
    interface = getattr(importlib.import_module(f'myogestic_ros.{kind}'), name)
    return [getattr(interface, part) for part in PARTS[kind]] or [interface]


@pytest.mark.parametrize(('kind', 'name'), INTERFACES)
def test_every_interface_has_its_type_support(kind: str, name: str) -> None:
    for message in message_classes(kind, name):
        message()
    interface = getattr(importlib.import_module(f'myogestic_ros.{kind}'), name)
    importlib.import_module('rclpy.type_support').check_for_type_support(interface)


@pytest.mark.parametrize(('kind', 'name'), INTERFACES)
def test_every_field_has_a_comment(kind: str, name: str) -> None:
    """A comment describes all fields below it, up to the next empty line or ---."""
    uncommented = []
    commented = False
    for line in (ROOT / kind / f'{name}.{kind}').read_text(encoding='utf-8').splitlines():
        if line.strip() in ('', '---'):
            commented = False
        elif '#' in line:
            commented = True
        elif not commented:
            uncommented.append(line)
    assert not uncommented, '\n'.join(uncommented)


@pytest.mark.parametrize(('kind', 'name'), INTERFACES)
def test_type_stub_declares_every_field(kind: str, name: str) -> None:
    stubs = {}
    for message in message_classes(kind, name):
        file = Path(sys.modules[message.__module__].__file__ or '').with_suffix('.pyi')
        classes = [n for n in ast.parse(file.read_text()).body if isinstance(n, ast.ClassDef)]
        stubs |= {node.name: node.body for node in classes}
        fields = message.get_fields_and_field_types()  # type: ignore[attr-defined]
        assert declared(stubs[message.__name__]) >= set(fields)
    assert name in stubs
    assert {*declared(stubs[name])} >= set(PARTS[kind])


def declared(body: list[ast.stmt]) -> set[str]:
    """Return the attributes and properties that the body of a class declares."""
    targets = [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return {node.name for node in body if isinstance(node, ast.FunctionDef)} | {
        target.id for target in targets if isinstance(target, ast.Name)
    }


def test_type_stubs_declare_constants_with_their_values() -> None:
    from myogestic_ros.msg import BridgeStatus

    file = Path(sys.modules[BridgeStatus.__module__].__file__ or '').with_suffix('.pyi')
    assert f"    IDLE: Final = '{BridgeStatus.IDLE}'" in file.read_text().splitlines()


def test_emg_frame_is_unchanged_by_serialization() -> None:
    from rclpy.serialization import deserialize_message, serialize_message

    from myogestic_ros.msg import EmgFrame

    sent = EmgFrame()
    sent.header.frame_id = 'forearm'
    assert deserialize_message(serialize_message(sent), EmgFrame) == sent


def test_package_is_registered_in_the_ament_index() -> None:
    assert 'myogestic_ros' in get_resources('packages')
    assert 'myogestic_ros' in get_resources('rosidl_interfaces')


@pytest.mark.parametrize('folder', ['launch', 'config', 'examples', 'urdf', 'rviz'])
def test_installed_files_equal_those_in_the_source(folder: str) -> None:
    installed = Path(get_package_share_directory('myogestic_ros'))
    for path in (ROOT / folder).rglob('*'):
        if path.is_file() and '__pycache__' not in path.parts:
            assert (installed / path.relative_to(ROOT)).read_text() == path.read_text()


@pytest.mark.parametrize('name', EXECUTABLES)
def test_executables_of_ros2_run_print_their_help(name: str) -> None:
    """Those of pip run in their environment even where it is not activated."""
    program = Path(get_package_prefix('myogestic_ros'), 'lib', 'myogestic_ros', name)
    assert os.access(program, os.X_OK)
    environment = dict(os.environ)
    if INSTALLED_BY_PIP:
        environment['PATH'] = os.defpath
    result = subprocess.run(
        [program, '--help'], env=environment, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.skipif(not INSTALLED_BY_PIP, reason='only pip installs console scripts')
def test_console_scripts_are_the_executables_of_ros2_run() -> None:
    scripts = {e.name for e in entry_points(group='console_scripts')}
    assert {f'myogestic-{name}' for name in EXECUTABLES if name != 'myogestic'} <= scripts
    assert 'myogestic' in scripts


def test_version_is_the_same_in_all_files() -> None:
    manifest = ET.parse(ROOT / 'package.xml').getroot()
    project = re.search(r"^version = '(.+)'$", (ROOT / 'pyproject.toml').read_text(), re.MULTILINE)
    assert project
    assert myogestic_ros.__version__ == manifest.findtext('version') == project[1]


def test_maintainer_address_is_accepted_by_the_ros_tools() -> None:
    maintainer = ET.parse(ROOT / 'package.xml').getroot().find('maintainer')
    assert maintainer is not None
    assert re.fullmatch(r'[\w.-]+@[\w-]+(\.[\w-]+)+', maintainer.get('email', ''))


@pytest.mark.parametrize('name', myogestic_ros.__all__)
def test_public_name_can_be_imported(name: str) -> None:
    assert getattr(myogestic_ros, name) is not None
    assert name in dir(myogestic_ros)


def test_public_names_are_complete() -> None:
    """Decoder files import these names."""
    assert set(myogestic_ros.__all__) >= {
        *('Pipeline', 'PipelineState', 'StreamSpec', 'TrainingData'),
        *('iter_aligned_windows', 'iter_labeled_windows'),
        *('load_pickle', 'report_progress', 'save_pickle'),
    }


def test_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match='no_such_thing'):
        _ = myogestic_ros.no_such_thing


def test_importing_a_message_does_not_import_scipy() -> None:
    code = (
        'import sys; from myogestic_ros.msg import EmgFrame; '
        'sys.exit(any(m in sys.modules for m in ("scipy", "sklearn", "matplotlib")))'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_package_has_a_py_typed_marker() -> None:
    assert (Path(myogestic_ros.__file__).parent / 'py.typed').is_file()
