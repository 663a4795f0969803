"""The arguments of this package's launch files, as a table: each is described once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ['ARGUMENTS', 'CONTROLLER', 'Argument']

TRUE_FALSE = ('true', 'false')
CONTROLLER = 'hand_position_controller'


@dataclass(frozen=True)
class Argument:
    """A launch argument; empty as a default leaves it to the parameter files."""

    default: str
    description: str
    choices: Sequence[str] | None = None


ARGUMENTS = {
    'namespace': Argument('', 'Namespace of all nodes: one arm, one namespace.'),
    'params_file': Argument(
        '',
        "Parameter file whose values hold over those of the package's own; arguments that are "
        'given hold over both. Empty: none.',
    ),
    'use_sim_time': Argument('false', 'Whether to take the time from /clock.', TRUE_FALSE),
    'autostart': Argument(
        'true',
        'Whether the nodes come up by themselves, one after the other; otherwise they wait, '
        'unconfigured, for `ros2 lifecycle set`.',
        TRUE_FALSE,
    ),
    'log_level': Argument(
        'info', 'Least serious messages to show.', ('debug', 'info', 'warn', 'error', 'fatal')
    ),
    'respawn': Argument(
        'true',
        'Whether a driver, recorder or pipeline that dies is started again after 2 s: the driver '
        'streams again, the others come back idle. Bridge, hand, and a pipeline that was to predict '
        'from the start are never started again.',
        TRUE_FALSE,
    ),
    'source': Argument(
        '',
        'Where samples come from: synthetic, replay, or a source that another package offers. '
        'Empty: as the parameter files say (synthetic).',
    ),
    'path': Argument(
        '',
        'What is played: a session, or a recording in CSV or NPZ (sets source:=replay).',
    ),
    'rate': Argument(
        '', 'Speed at which it is played: 1 as recorded, 0 as fast as possible. Empty: 1.'
    ),
    'session': Argument('', 'What is played: a session, or a recording in CSV or NPZ.'),
    'player': Argument(
        'driver',
        'What plays it: driver, the source replay; rosbag2, `ros2 bag play --clock` (a session only; '
        'the nodes take their time from it).',
        ('driver', 'rosbag2'),
    ),
    'session_dir': Argument(
        '',
        'Folder of the recorded sessions. Empty: sessions, in a namespace <namespace>/sessions.',
    ),
    'decoder': Argument(
        '',
        'Decoder: path of a .py file, name of a module, or a name under which a package offers '
        'one. Empty: as the parameter files say (Hudgins features with LDA).',
    ),
    'model': Argument('', 'Model to load at the start: its name in model_dir. Empty: none.'),
    'model_dir': Argument(
        '', 'Folder of the models. Empty: models, in a namespace <namespace>/models.'
    ),
    'predict': Argument(
        'false', 'Whether the pipeline predicts from the start; it needs a model.', TRUE_FALSE
    ),
    'cues': Argument(
        'false', 'Whether to start the cues node, which runs guided protocols.', TRUE_FALSE
    ),
    'protocol': Argument(
        '',
        'Protocol of the cues node: path of a YAML file, or name of one of the package. Empty: '
        'as the parameter files say (none; a goal names one).',
    ),
    'hand': Argument(
        'sim',
        'What the bridge drives: sim, the simulated hand, which is started, too; controller, a '
        'controller of ros2_control, which is not; none: there is neither bridge nor hand.',
        ('sim', 'controller', 'none'),
    ),
    'controller': Argument(
        '',
        'Name of the controller of ros2_control, relative to the namespace. Empty: the simulated '
        f'hand, or with hand:=controller {CONTROLLER}.',
    ),
    'output': Argument(
        '',
        'What the bridge publishes: position, velocity, trajectory or joint_state. Empty: as the '
        'parameter files say (position).',
    ),
    'mapping': Argument(
        '',
        'YAML file that says what predictions mean for the joints. Empty: as the parameter files '
        "say (the simulated hand's).",
    ),
    'urdf': Argument(
        '',
        "Description of the hand, whose joint limits hold. Empty: the simulated hand's; for a "
        'controller the limits of the mapping.',
    ),
    'robot_state': Argument(
        'false',
        'Whether to start robot_state_publisher, too (its package has to be installed).',
        TRUE_FALSE,
    ),
    'rviz': Argument(
        'false', 'Whether to show the hand in RViz; starts robot_state_publisher.', TRUE_FALSE
    ),
}
