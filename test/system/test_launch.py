"""The launch file brings the graph up, says what it takes, and ends it cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from graph import PATIENCE_S, set_domain

pytest.importorskip('launch', reason='ROS 2 launch is not installed')
pytest.importorskip('launch_ros', reason='launch_ros is not installed')

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'bringup.launch.py'
LAUNCH = f"""
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [argument.split(':=') for argument in sys.argv[1:]]
included = IncludeLaunchDescription(
    PythonLaunchDescriptionSource({str(FILE)!r}), launch_arguments=arguments
)
service = LaunchService()
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


def test_every_argument_is_described():
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    description = PythonLaunchDescriptionSource(
        str(FILE)
    ).try_get_launch_description_without_context()
    arguments = [e for e in description.entities if isinstance(e, DeclareLaunchArgument)]
    assert {'namespace', 'source', 'decoder', 'model', 'use_sim_time'} <= {
        a.name for a in arguments
    }
    assert all(argument.description.endswith('.') for argument in arguments)


def test_it_comes_up_in_a_namespace_and_ends_cleanly(tmp_path):
    import rclpy
    from myogestic_ros.msg import EmgFrame, PipelineStatus

    from myogestic_ros.nodes import qos

    set_domain()
    process = subprocess.Popen(
        [sys.executable, '-c', LAUNCH, 'namespace:=left'],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(
            os.environ,
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
            ROS_LOG_DIR=str(tmp_path / 'log'),
        ),
    )
    rclpy.init()
    node = rclpy.create_node('test')
    frames: list[EmgFrame] = []
    states: list[str] = []
    node.create_subscription(EmgFrame, '/left/emg', frames.append, qos.EMG)
    node.create_subscription(
        PipelineStatus, '/left/pipeline/status', lambda m: states.append(m.state), qos.STATUS
    )
    end = node.get_clock().now().nanoseconds + int(PATIENCE_S * 1e9)
    while not (frames and 'idle' in states) and node.get_clock().now().nanoseconds < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert frames
    assert 'idle' in states
    assert output.count('process has finished cleanly') == 3, output
    assert 'is ignored' not in output
    assert process.returncode == 0
