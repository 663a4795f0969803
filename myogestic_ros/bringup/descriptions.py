"""Launch descriptions of this package: arguments and nodes."""

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
from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo, OpaqueFunction
from launch_ros.actions import Node

from myogestic_ros.bringup.arguments import ARGUMENTS, CONTROLLER
from myogestic_ros.bringup.managed_nodes import LaunchedNode, bring_up, managed_node
from myogestic_ros.bringup.network import configure_network

__all__ = ['describe']

COMMON = (
    'namespace',
    'params_file',
    'use_sim_time',
    'autostart',
    'log_level',
    'localhost_only',
    'udp_only',
)
NODE_ARGUMENTS = {
    'driver': ('respawn', 'source', 'path', 'rate'),
    'player': ('session', 'rate', 'player'),
    'cues': ('protocol',),
    'recorder': ('respawn', 'session_dir'),
    'pipeline': (
        'respawn',
        'decoder',
        'model',
        'predict',
        'session_dir',
        'model_dir',
        'model_key',
    ),
    'hand': ('urdf', 'robot_state', 'rviz'),
    'bridge': ('controller', 'output', 'mapping', 'urdf'),
}
"""Arguments of each node, besides `COMMON`. The player is a driver that replays a session."""


def describe(*names: str, **defaults: str) -> LaunchDescription:
    """Return the description of a launch file.

    Parameters
    ----------
    *names : str
        Nodes in the order in which they are brought up, of `NODE_ARGUMENTS`. The argument ``hand``
        selects bridge and hand if both are named; the argument ``cues`` selects the cues node if
        others are named, too.
    **defaults : str
        Defaults of arguments that differ from `ARGUMENTS`.
    """
    arguments = [*COMMON, *(argument for name in names for argument in NODE_ARGUMENTS[name])]
    arguments += ['hand'] if {'bridge', 'hand'} <= set(names) else []
    arguments += ['cues'] if 'cues' in names and len(names) > 1 else []
    return LaunchDescription(
        [
            *(
                _declaration(argument, defaults.get(argument))
                for argument in ARGUMENTS
                if argument in arguments
            ),
            OpaqueFunction(function=partial(_start, names=names)),
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


def _start(context: LaunchContext, names: Sequence[str]) -> list[Any]:
    given = context.launch_configurations
    network = configure_network(given['localhost_only'] == 'true', given['udp_only'] == 'true')
    hand = given.get('hand', 'sim')
    excluded = {'sim': [], 'controller': ['hand'], 'none': ['hand', 'bridge']}[hand]
    excluded += ['cues'] if given.get('cues', 'true') == 'false' else []
    then = []
    if given.get('player') == 'rosbag2':
        excluded.append('player')
        given['use_sim_time'] = 'true'
        then.append(_rosbag2(context))
    nodes = [NODES[name](context) for name in names if name not in excluded]
    actions = bring_up(nodes, given['autostart'] == 'true', then)
    if 'hand' in names and hand == 'sim':
        actions += _visualization(context)
    return [LogInfo(msg=network), *actions]


def _driver(context: LaunchContext) -> LaunchedNode:
    given = context.launch_configurations
    parameters: dict[str, Any] = {
        'source': given['source'] or ('replay' if given['path'] else ''),
        'replay.path': given['path'],
        'replay.rate': _number('rate', given['rate']),
    }
    return managed_node(context, 'driver', parameters, active=True, respawn=True)


def _player(context: LaunchContext) -> LaunchedNode:
    given = context.launch_configurations
    parameters = {
        'source': 'replay',
        'replay.path': _session(context),
        'replay.rate': _number('rate', given['rate']),
    }
    return managed_node(context, 'driver', parameters, active=True)


def _rosbag2(context: LaunchContext) -> ExecuteProcess:
    rate = _number('rate', context.launch_configurations['rate']) or 1.0
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'play', _session(context), '--clock', '--rate', str(rate)],
        output='screen',
    )


def _session(context: LaunchContext) -> str:
    session = context.launch_configurations['session']
    if not session:
        raise RuntimeError('session: no session to replay; give session:=<path>.')
    return session


def _cues(context: LaunchContext) -> LaunchedNode:
    return managed_node(context, 'cues', {'protocol': context.launch_configurations['protocol']})


def _recorder(context: LaunchContext) -> LaunchedNode:
    parameters = {'session_dir': _folder(context, 'session_dir', 'sessions')}
    return managed_node(context, 'recorder', parameters, respawn=True)


def _pipeline(context: LaunchContext) -> LaunchedNode:
    given = context.launch_configurations
    parameters = {
        'decoder': given['decoder'],
        'model': given['model'],
        'session_dir': _folder(context, 'session_dir', 'sessions'),
        'model_dir': _folder(context, 'model_dir', 'models'),
        'model_key': given['model_key'],
    }
    active = given['predict'] == 'true'
    # A restarted pipeline would predict again and move the hand unexpectedly.
    return managed_node(context, 'pipeline', parameters, active=active, respawn=not active)


def _hand(context: LaunchContext) -> LaunchedNode:
    parameters = {'urdf': context.launch_configurations['urdf']}
    return managed_node(context, 'hand', parameters, active=True)


def _bridge(context: LaunchContext) -> LaunchedNode:
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
    return managed_node(context, 'bridge', parameters, active=True)


NODES: dict[str, Callable[[LaunchContext], LaunchedNode]] = {
    'driver': _driver,
    'player': _player,
    'cues': _cues,
    'recorder': _recorder,
    'pipeline': _pipeline,
    'hand': _hand,
    'bridge': _bridge,
}


def _visualization(context: LaunchContext) -> list[Node]:
    """Return robot_state_publisher and RViz, as far as the arguments ask for them."""
    given = context.launch_configurations
    rviz = given['rviz'] == 'true'
    if not rviz and given['robot_state'] != 'true':
        return []
    for package in ('robot_state_publisher', *(('rviz2',) if rviz else ())):
        try:
            get_package_prefix(package)
        except PackageNotFoundError:
            raise RuntimeError(
                f'The package {package} is not installed; on Ubuntu, install it with: '
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
    """Return the folder of an argument, or by default a folder of the namespace."""
    given = context.launch_configurations
    namespace = given['namespace'].strip('/')
    return given[argument] or (f'{namespace}/{name}' if namespace else '')


def _number(name: str, text: str) -> float | str:
    try:
        return float(text) if text else ''
    except ValueError:
        raise RuntimeError(f'{name}: got {text!r}, expected a number.') from None
