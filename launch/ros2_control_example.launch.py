"""Example for ros2_control: drive the hand on mock hardware, with all nodes of this package.

Requires ros2_control (ros-$ROS_DISTRO-ros2-control and ros-$ROS_DISTRO-ros2-controllers). Starts the
controller manager with config/ros2_control/controllers.yaml, and bringup.launch.py with
hand:=controller.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(get_package_share_directory('myogestic_ros'))
CONTROLLERS = str(SHARE / 'config' / 'ros2_control' / 'controllers.yaml')


def robot_description():
    """Return the URDF of the hand with its <ros2_control> element."""
    robot = ET.parse(SHARE / 'urdf' / 'hand.urdf').getroot()
    robot.append(ET.parse(SHARE / 'urdf' / 'hand.ros2_control.xml').getroot())
    return ET.tostring(robot, encoding='unicode')


def spawner(controller, *arguments):
    """Return the spawner of a controller, which also activates it without --inactive."""
    return Node(
        package='controller_manager',
        executable='spawner',
        namespace=LaunchConfiguration('namespace'),
        arguments=[controller, *arguments],
        output='screen',
    )


def generate_launch_description():
    common = {'namespace': LaunchConfiguration('namespace'), 'output': 'screen'}
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='Namespace of all nodes. Use one namespace per arm.',
            ),
            Node(
                package='robot_state_publisher',
                executable='robot_state_publisher',
                parameters=[{'robot_description': robot_description()}],
                **common,
            ),
            Node(
                package='controller_manager',
                executable='ros2_control_node',
                parameters=[CONTROLLERS],
                remappings=[('~/robot_description', 'robot_description')],
                **common,
            ),
            spawner('joint_state_broadcaster'),
            spawner('hand_position_controller'),
            spawner('hand_trajectory_controller', '--inactive'),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'bringup.launch.py')),
                launch_arguments={'hand': 'controller'}.items(),
            ),
        ]
    )
