"""What the launch files of this package are made of: their arguments, and the nodes they start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from myogestic_ros.nodes.launching import Managed, bring_up, managed

__all__ = ['describe']

TRUE_FALSE = ('true', 'false')
CONTROLLER = 'hand_position_controller'


@dataclass(frozen=True)
class _Argument:
    """A launch argument; empty as a default leaves it to the parameter files."""

    default: str
    description: str
    choices: Sequence[str] | None = None


ARGUMENTS = {
    'namespace': _Argument('', 'Namespace of all nodes: one arm, one namespace.'),
    'params_file': _Argument(
        '',
        "Parameter file whose values hold over those of the package's own; arguments that are "
        'given hold over both. Empty: none.',
    ),
    'use_sim_time': _Argument('false', 'Whether to take the time from /clock.', TRUE_FALSE),
    'autostart': _Argument(
        'true',
        'Whether the nodes come up by themselves, one after the other; otherwise they wait, '
        'unconfigured, for `ros2 lifecycle set`.',
        TRUE_FALSE,
    ),
    'log_level': _Argument(
        'info', 'Least serious messages to show.', ('debug', 'info', 'warn', 'error', 'fatal')
    ),
    'respawn': _Argument(
        'true',
        'Whether a driver, recorder or pipeline that dies is started again after 2 s: the driver '
        'streams again, the others come back idle. Bridge and hand are never started again.',
        TRUE_FALSE,
    ),
    'source': _Argument(
        '',
        'Where samples come from: synthetic, replay, or a source that another package offers. '
        'Empty: as the parameter files say (synthetic).',
    ),
    'path': _Argument(
        '',
        'What is played: a session, or a recording in CSV or NPZ (sets source:=replay).',
    ),
    'rate': _Argument(
        '', 'Speed at which it is played: 1 as recorded, 0 as fast as possible. Empty: 1.'
    ),
    'session_dir': _Argument(
        '',
        'Folder of the recorded sessions. Empty: sessions, in a namespace <namespace>/sessions.',
    ),
    'decoder': _Argument(
        '',
        'Decoder: path of a .py file, name of a module, or a name under which a package offers '
        'one. Empty: as the parameter files say (Hudgins features with LDA).',
    ),
    'model': _Argument('', 'Model to load at the start: its name in model_dir. Empty: none.'),
    'model_dir': _Argument(
        '', 'Folder of the models. Empty: models, in a namespace <namespace>/models.'
    ),
    'predict': _Argument(
        'false', 'Whether the pipeline predicts from the start; it needs a model.', TRUE_FALSE
    ),
    'hand': _Argument(
        'sim',
        'What the bridge drives: sim, the simulated hand, which is started, too; controller, a '
        'controller of ros2_control, which is not; none: there is neither bridge nor hand.',
        ('sim', 'controller', 'none'),
    ),
    'controller': _Argument(
        '',
        'Name of the controller of ros2_control, relative to the namespace. Empty: the simulated '
        f'hand, or with hand:=controller {CONTROLLER}.',
    ),
    'output': _Argument(
        '',
        'What the bridge publishes: position, velocity, trajectory or joint_state. Empty: as the '
        'parameter files say (position).',
    ),
    'mapping': _Argument(
        '',
        'YAML file that says what predictions mean for the joints. Empty: as the parameter files '
        "say (the simulated hand's).",
    ),
    'urdf': _Argument(
        '',
        "Description of the hand, whose joint limits hold. Empty: the simulated hand's; for a "
        'controller the limits of the mapping.',
    ),
    'robot_state': _Argument(
        'false',
        'Whether to start robot_state_publisher, too (its package has to be installed).',
        TRUE_FALSE,
    ),
    'rviz': _Argument(
        'false', 'Whether to show the hand in RViz; starts robot_state_publisher.', TRUE_FALSE
    ),
}

COMMON = ('namespace', 'params_file', 'use_sim_time', 'autostart', 'log_level')
TAKES = {
    'driver': ('respawn', 'source', 'path', 'rate'),
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
        Names of the nodes, in the order in which they come up: see `TAKES`. Of bridge and hand
        together the argument ``hand`` decides.
    **changed : str
        Defaults of arguments that are others here.
    """
    both = {'bridge', 'hand'} <= set(parts)
    names = [*COMMON, *(name for part in parts for name in TAKES[part])]
    names += ['hand'] if both else []
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
    left_out = {'sim': (), 'controller': ('hand',), 'none': ('hand', 'bridge')}[hand]
    nodes = [PARTS[part](context) for part in parts if part not in left_out]
    actions = bring_up(nodes, given['autostart'] == 'true')
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
    return managed(context, 'pipeline', parameters, active=active, respawn=True)


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
