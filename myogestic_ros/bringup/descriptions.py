"""What the launch files of this package are made of: their arguments, and the nodes they start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch_ros.actions import Node

from myogestic_ros.bringup.arguments import ARGUMENTS, CONTROLLER
from myogestic_ros.bringup.managed_nodes import Managed, bring_up, managed

__all__ = ['describe']

COMMON = ('namespace', 'params_file', 'use_sim_time', 'autostart', 'log_level')
TAKES = {
    'driver': ('respawn', 'source', 'path', 'rate'),
    'player': ('session', 'rate', 'player'),
    'cues': ('protocol',),
    'recorder': ('respawn', 'session_dir'),
    'pipeline': ('respawn', 'decoder', 'model', 'predict', 'session_dir', 'model_dir'),
    'hand': ('urdf', 'robot_state', 'rviz'),
    'bridge': ('controller', 'output', 'mapping', 'urdf'),
}
"""The arguments of each part, besides those that all have."""


def describe(*parts: str, **changed: str) -> LaunchDescription:
    """Return the description of a launch file.

    Parameters
    ----------
    *parts : str
        Names of the nodes, in the order in which they come up: see `TAKES`; a player is a driver
        that plays a session. Of bridge and hand together the argument ``hand`` decides, of cues
        beside others the argument ``cues``.
    **changed : str
        Defaults of arguments that are others here.
    """
    both = {'bridge', 'hand'} <= set(parts)
    names = [*COMMON, *(name for part in parts for name in TAKES[part])]
    names += ['hand'] if both else []
    names += ['cues'] if 'cues' in parts and len(parts) > 1 else []
    wanted = [name for name in ARGUMENTS if name in names]
    return LaunchDescription(
        [
            *(_declaration(name, changed.get(name)) for name in wanted),
            OpaqueFunction(function=partial(_start, parts=parts)),
        ]
    )


def _declaration(name: str, default: str | None) -> DeclareLaunchArgument:
    row = ARGUMENTS[name]
    return DeclareLaunchArgument(
        name,
        default_value=row.default if default is None else default,
        description=row.description,
        choices=list(row.choices) if row.choices else None,
    )


def _start(context: LaunchContext, parts: Sequence[str]) -> list[Any]:
    given = context.launch_configurations
    hand = given.get('hand', 'sim')
    left_out = {'sim': [], 'controller': ['hand'], 'none': ['hand', 'bridge']}[hand]
    left_out += ['cues'] if given.get('cues', 'true') == 'false' else []
    then = []
    if given.get('player') == 'rosbag2':
        left_out.append('player')
        given['use_sim_time'] = 'true'
        then.append(_rosbag2(context))
    nodes = [PARTS[part](context) for part in parts if part not in left_out]
    actions = bring_up(nodes, given['autostart'] == 'true', then)
    if 'hand' in parts and hand == 'sim':
        actions += _shown(context)
    return actions


def _driver(context: LaunchContext) -> Managed:
    given = context.launch_configurations
    parameters: dict[str, Any] = {
        'source': given['source'] or ('replay' if given['path'] else ''),
        'replay.path': given['path'],
        'replay.rate': _number('rate', given['rate']),
    }
    return managed(context, 'driver', parameters, active=True, respawn=True)


def _player(context: LaunchContext) -> Managed:
    given = context.launch_configurations
    parameters = {
        'source': 'replay',
        'replay.path': _session(context),
        'replay.rate': _number('rate', given['rate']),
    }
    return managed(context, 'driver', parameters, active=True)


def _rosbag2(context: LaunchContext) -> ExecuteProcess:
    rate = _number('rate', context.launch_configurations['rate']) or 1.0
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'play', _session(context), '--clock', '--rate', str(rate)],
        output='screen',
    )


def _session(context: LaunchContext) -> str:
    session = context.launch_configurations['session']
    if not session:
        raise RuntimeError('session: there is nothing to play; give session:=path.')
    return session


def _cues(context: LaunchContext) -> Managed:
    return managed(context, 'cues', {'protocol': context.launch_configurations['protocol']})


def _recorder(context: LaunchContext) -> Managed:
    parameters = {'session_dir': _folder(context, 'session_dir', 'sessions')}
    return managed(context, 'recorder', parameters, respawn=True)


def _pipeline(context: LaunchContext) -> Managed:
    given = context.launch_configurations
    parameters = {
        'decoder': given['decoder'],
        'model': given['model'],
        'session_dir': _folder(context, 'session_dir', 'sessions'),
        'model_dir': _folder(context, 'model_dir', 'models'),
    }
    active = given['predict'] == 'true'
    # One that predicted would do so again, and move a hand that nobody expects to move.
    return managed(context, 'pipeline', parameters, active=active, respawn=not active)


def _hand(context: LaunchContext) -> Managed:
    parameters = {'urdf': context.launch_configurations['urdf']}
    return managed(context, 'hand', parameters, active=True)


def _bridge(context: LaunchContext) -> Managed:
    given = context.launch_configurations
    simulated = given.get('hand', 'sim') == 'sim'
    controller = given['controller'] or ('' if simulated else CONTROLLER)
    parameters = {
        'mapping': given['mapping'],
        'urdf': given['urdf'] or (str(_share('urdf/hand.urdf')) if simulated else ''),
        'output': given['output'],
        'controller': controller or 'hand',
    }
    if controller:
        last = 'joint_trajectory' if given['output'] == 'trajectory' else 'commands'
        parameters['output_topic'] = f'{controller}/{last}'
    return managed(context, 'bridge', parameters, active=True)


PARTS: dict[str, Callable[[LaunchContext], Managed]] = {
    'driver': _driver,
    'player': _player,
    'cues': _cues,
    'recorder': _recorder,
    'pipeline': _pipeline,
    'hand': _hand,
    'bridge': _bridge,
}


def _shown(context: LaunchContext) -> list[Node]:
    """Return what makes the hand visible, as far as it is wanted."""
    given = context.launch_configurations
    rviz = given['rviz'] == 'true'
    if not rviz and given['robot_state'] != 'true':
        return []
    for package in ('robot_state_publisher', *(('rviz2',) if rviz else ())):
        try:
            get_package_prefix(package)
        except PackageNotFoundError:
            raise RuntimeError(
                f'The package {package} is not installed; on Ubuntu: '
                f'apt install ros-$ROS_DISTRO-{package.replace("_", "-")}'
            ) from None
    description = Path(given['urdf'] or _share('urdf/hand.urdf')).expanduser().read_text('utf-8')
    common: dict[str, Any] = {'namespace': given['namespace'], 'output': 'screen'}
    sim_time = {'use_sim_time': given['use_sim_time'] == 'true'}
    nodes = [
        Node(
            package='robot_state_publisher',
            executable='robot_state_publisher',
            parameters=[{'robot_description': description, **sim_time}],
            **common,
        )
    ]
    if rviz:
        arguments = ['-d', str(_share('rviz/hand.rviz'))]
        nodes.append(
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=arguments,
                parameters=[sim_time],
                **common,
            )
        )
    return nodes


def _share(name: str) -> Path:
    return Path(get_package_share_directory('myogestic_ros'), name)


def _folder(context: LaunchContext, argument: str, name: str) -> str:
    """Return a folder as an argument gives it, or one of the namespace's own."""
    given = context.launch_configurations
    namespace = given['namespace'].strip('/')
    return given[argument] or (f'{namespace}/{name}' if namespace else '')


def _number(name: str, text: str) -> float | str:
    try:
        return float(text) if text else ''
    except ValueError:
        raise RuntimeError(f'{name}: got {text!r}, expected a number.') from None
