"""The launch files: arguments, order, reasons for a failure, restart and clean end."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ament_index_python.packages import get_package_share_directory
from support.graph import PATIENCE_S, set_domain
from support.installed_source import WAITING, install_source
from support.paths import ROOT
from support.processes import alive, until

pytestmark = pytest.mark.processes

FILES = sorted(path.name for path in (ROOT / 'launch').glob('*.launch.py'))
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
file, *arguments = sys.argv[1:]
included = IncludeLaunchDescription(
    PythonLaunchDescriptionSource(file), launch_arguments=[a.split(':=') for a in arguments]
)
service = LaunchService(noninteractive=True)  # as `ros2 launch` without a terminal
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""

have = [importlib.util.find_spec(name) is not None for name in ('launch', 'launch_ros')]
needs_launch = pytest.mark.skipif(not all(have), reason='launch or launch_ros is not installed')


class Launch:
    """A running launch file."""

    def __init__(self, folder, file, *arguments):
        self.output = folder / f'{len(list(folder.glob("*.txt")))}.txt'
        with self.output.open('w') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-c', LAUNCH, str(ROOT / 'launch' / file), *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, ROS_LOG_DIR=str(folder / 'log')),
            )

    @property
    def text(self):
        """Output so far."""
        return self.output.read_text()

    def pids(self, node):
        """Return the process ids of a node, in the order of their start."""
        lines = [line for line in self.text.splitlines() if f'[{node}-' in line]
        return [int(li.rpartition('[')[2].strip(']')) for li in lines if 'started with pid' in li]

    def wait(self, words):
        """Wait until the output contains a text."""
        end = time.monotonic() + 2 * PATIENCE_S  # several nodes, one after the other
        while words not in self.text:
            assert time.monotonic() < end, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.05)

    def end(self):
        """Send SIGINT and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)


@contextmanager
def launched(folder, file, *arguments):
    """Start a launch file in a folder and end it at the exit of the context."""
    launch = Launch(folder, file, *arguments)
    try:
        yield launch
    finally:
        if launch.process.poll() is None:
            launch.end()


@needs_launch
@pytest.mark.parametrize('file', FILES)
def test_every_argument_is_described(file):
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    source = PythonLaunchDescriptionSource(str(ROOT / 'launch' / file))
    description = source.try_get_launch_description_without_context()
    arguments = [e for e in description.entities if isinstance(e, DeclareLaunchArgument)]
    names = [argument.name for argument in arguments]
    assert len(names) == len(set(names))
    assert 'namespace' in names
    for argument in arguments:
        assert re.fullmatch(r'[A-Z].*\.( Valid choices are: .*)?', argument.description)
    if file == 'bringup.launch.py':
        assert set(names) >= {
            *('namespace', 'params_file', 'use_sim_time', 'autostart', 'log_level'),
            *('source', 'decoder', 'model', 'hand'),
        }


@needs_launch
def test_two_namespaces_come_up_and_end_cleanly(tmp_path):
    import rclpy
    from sensor_msgs.msg import JointState
    from std_srvs.srv import Trigger

    from myogestic_ros.msg import BridgeStatus, EmgFrame
    from myogestic_ros.nodes.common import qos

    set_domain()
    with (
        launched(tmp_path, 'bringup.launch.py', 'namespace:=left') as left,
        launched(tmp_path, 'bringup.launch.py', 'namespace:=right') as right,
    ):
        for launch in (left, right):
            launch.wait('All nodes are up.')
        order = [left.text.index(f'{n} is ') for n in ('driver', 'recorder', 'pipeline', 'bridge')]
        assert order == sorted(order)
        rclpy.init()
        node = rclpy.create_node('test')
        got: dict[str, list] = {}
        for arm in ('left', 'right'):
            for kind, topic, profile in (
                (EmgFrame, f'/{arm}/emg', qos.EMG),
                (JointState, f'/{arm}/joint_states', qos.JOINT_STATES),
                (BridgeStatus, f'/{arm}/bridge/status', qos.STATUS),
            ):
                got[topic] = []
                node.create_subscription(kind, topic, got[topic].append, profile)
        arm = node.create_client(Trigger, '/left/bridge/arm')
        end = time.monotonic() + PATIENCE_S
        armed = None
        while not (all(got.values()) and armed is not None and armed.done()):
            assert time.monotonic() < end, {topic: len(came) for topic, came in got.items()}
            if armed is None and arm.service_is_ready() and all(got.values()):
                armed = arm.call_async(Trigger.Request())
            rclpy.spin_once(node, timeout_sec=0.1)
        assert armed.result().success, armed.result().message
        while not got['/left/bridge/status'][-1].armed:
            assert time.monotonic() < end
            rclpy.spin_once(node, timeout_sec=0.1)
        assert not any(status.armed for status in got['/right/bridge/status'])
        node.destroy_node()
        rclpy.shutdown()
        for launch in (left, right):
            assert launch.end() == 0, launch.text
            assert launch.text.count('process has finished cleanly') == 5, launch.text
            assert 'is ignored' not in launch.text
            nodes = ('driver', 'recorder', 'pipeline', 'hand', 'bridge')
            assert not any(alive(pid) for name in nodes for pid in launch.pids(name))


@needs_launch
@pytest.mark.parametrize(
    ('file', 'arguments', 'reason'),
    [
        (
            'pipeline.launch.py',
            ['decoder:=/nowhere.py'],
            "pipeline could not be configured: There is no decoder file '/nowhere.py'",
        ),
        ('pipeline.launch.py', ['model:=2026'], 'pipeline could not be configured: There is no '),
        ('driver.launch.py', ['path:=/nowhere.npz'], 'driver could not be activated: '),
        ('driver.launch.py', ['params_file:=/nowhere.yaml'], 'there is no file /nowhere.yaml'),
        ('driver.launch.py', ['rate:=fast'], "rate: got 'fast', expected a number"),
        ('driver.launch.py', ['rate:=-1'], 'driver ended with exit code 2 before it was up'),
    ],
)
def test_node_failure_ends_the_launch_with_the_reason(tmp_path, file, arguments, reason):
    set_domain()
    with launched(tmp_path, file, *arguments) as launch:
        assert launch.process.wait(PATIENCE_S) == 1, launch.text
        assert reason in launch.text
        for node in ('driver', 'pipeline'):
            assert not any(alive(pid) for pid in launch.pids(node))


@needs_launch
def test_launch_states_and_confines_the_network(tmp_path, monkeypatch):
    set_domain()
    names = ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS', 'FASTDDS_BUILTIN_TRANSPORTS')
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with launched(tmp_path, 'hand.launch.py', 'udp_only:=true') as launch:
        launch.wait('the nodes talk to every computer that multicast reaches')
        launch.wait('localhost_only:=true confines them.')
        launch.wait('hand is active. All nodes are up.')
        process = Path(f'/proc/{launch.pids("hand")[0]}')
        variables = (process / 'environ').read_bytes().split(b'\0')
        assert b'FASTDDS_BUILTIN_TRANSPORTS=UDPv4' in variables
        assert '/dev/shm/fast' not in (process / 'maps').read_text()
        assert launch.end() == 0, launch.text
    with launched(tmp_path, 'hand.launch.py', 'localhost_only:=true') as launch:
        launch.wait('the nodes talk to processes of this computer only')
        launch.wait('hand is active. All nodes are up.')
        environment = Path(f'/proc/{launch.pids("hand")[0]}/environ').read_bytes().split(b'\0')
        assert b'ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST' in environment
        assert launch.end() == 0, launch.text
    arguments = ['localhost_only:=true', 'udp_only:=true']
    with launched(tmp_path, 'hand.launch.py', *arguments) as launch:
        assert launch.process.wait(PATIENCE_S) == 1, launch.text
        assert 'udp_only: got true, but it has no effect' in launch.text


@needs_launch
def test_bringup_waits_for_the_device(tmp_path, monkeypatch):
    install_source(tmp_path, monkeypatch, WAITING, late='Listening')
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / 'own.yaml').write_text(f'/**: {{ros__parameters: {{late.port: {port}}}}}')
    set_domain()
    arguments = ['source:=late', 'params_file:=own.yaml', 'hand:=none']
    with launched(tmp_path, 'bringup.launch.py', *arguments) as launch:
        launch.wait('driver is active. Waiting for the device: switch it on (listening on port')
        assert 'recorder is' not in launch.text
        with socket.create_connection(('127.0.0.1', port)):
            launch.wait('All nodes are up.')
        assert launch.end() == 0, launch.text


@needs_launch
def test_killed_driver_is_restarted_and_killed_bridge_is_not(tmp_path):
    set_domain()
    (tmp_path / 'own.yaml').write_text('/**: {ros__parameters: {synthetic.channels: 3}}')
    with (
        launched(tmp_path, 'driver.launch.py', 'params_file:=own.yaml') as driver,
        launched(tmp_path, 'bridge.launch.py') as bridge,
    ):
        driver.wait('driver is active')
        bridge.wait('bridge is active')
        os.kill(driver.pids('driver')[0], signal.SIGKILL)
        os.kill(bridge.pids('bridge')[0], signal.SIGKILL)
        until(lambda: driver.text.count('driver is active') == 2, PATIENCE_S)
        assert len(driver.pids('driver')) == 2
        until(lambda: 'process has died' in bridge.text, PATIENCE_S)
        assert bridge.process.wait(PATIENCE_S) == 0  # no process is left
        assert len(bridge.pids('bridge')) == 1
        assert driver.end() == 0


@needs_launch
def test_launch_file_of_the_docs_works(tmp_path):
    page = (ROOT / 'docs' / 'how-to' / 'launch.md').read_text()
    code = re.search(r'<!-- test: own.launch.py -->\n```python\n(.*?)```', page, re.DOTALL)
    (tmp_path / 'own.launch.py').write_text(code[1])
    set_domain()
    with launched(tmp_path, tmp_path / 'own.launch.py') as launch:
        launch.wait('pipeline is ready (inactive). All nodes are up.')
        assert launch.end() == 0, launch.text


@needs_launch
def test_nodes_stay_unconfigured_without_autostart(tmp_path):
    set_domain()
    with launched(tmp_path, 'hand.launch.py', 'autostart:=false', 'log_level:=debug') as launch:
        launch.wait('started with pid')
        with pytest.raises(subprocess.TimeoutExpired):
            launch.process.wait(3)
        assert launch.end() == 0
        assert 'is active' not in launch.text


def test_ros2_control_example_has_the_joints_of_the_hand():
    share = Path(get_package_share_directory('myogestic_ros'))
    content = yaml.safe_load((share / 'config' / 'ros2_control' / 'controllers.yaml').read_text())
    hand = yaml.safe_load((share / 'config' / 'hand.yaml').read_text())
    joints = hand['/**']['ros__parameters']['joints']
    hardware = ET.parse(share / 'urdf' / 'hand.ros2_control.xml').getroot()
    assert hardware.tag == 'ros2_control'
    assert [joint.get('name') for joint in hardware.findall('joint')] == joints
    manager = content['/**/controller_manager']['ros__parameters']
    for name in ('hand_position_controller', 'hand_trajectory_controller'):
        assert 'type' in manager[name]
        assert content[f'/**/{name}']['ros__parameters']['joints'] == joints
