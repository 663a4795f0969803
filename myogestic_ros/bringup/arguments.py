"""The arguments of this package's launch files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ['ARGUMENTS', 'CONTROLLER', 'Argument']

TRUE_FALSE = ('true', 'false')
CONTROLLER = 'hand_position_controller'


@dataclass(frozen=True)
class Argument:
    """A launch argument; an empty value leaves the parameter to the parameter files."""

    default: str
    description: str
    choices: Sequence[str] | None = None


ARGUMENTS = {
    'namespace': Argument('', 'Namespace of all nodes. Use one namespace per arm.'),
    'params_file': Argument(
        '',
        "Parameter file that overrides the package's parameter files; launch arguments override "
        'both. Empty: none.',
    ),
    'use_sim_time': Argument('false', 'True: the nodes take the time from /clock.', TRUE_FALSE),
    'autostart': Argument(
        'true',
        'True: configure and activate the nodes one after the other. False: the nodes stay '
        'unconfigured until `ros2 lifecycle set`.',
        TRUE_FALSE,
    ),
    'log_level': Argument(
        'info',
        'Lowest severity of the log messages to show.',
        ('debug', 'info', 'warn', 'error', 'fatal'),
    ),
    'localhost_only': Argument(
        'false',
        'True: the nodes talk to processes of this computer only. False: as the environment says, '
        'by default to the whole network.',
        TRUE_FALSE,
    ),
    'udp_only': Argument(
        'false',
        'True: Fast DDS uses UDP only, without shared memory, whose ports it may remove under '
        'overload.',
        TRUE_FALSE,
    ),
    'respawn': Argument(
        'true',
        'True: restart a driver, recorder or pipeline 2 s after it died. The driver is activated '
        'again, the others are configured. Bridge, hand, and a pipeline started with predict:=true '
        'are never restarted.',
        TRUE_FALSE,
    ),
    'source': Argument(
        '',
        'Source of the samples: synthetic, replay, a device such as muovi (with the parameters of '
        'config/devices/muovi.yaml), or a source of another package. Empty: the value of the '
        'parameter files (synthetic).',
    ),
    'path': Argument(
        '',
        'Session, or recording file, to replay (sets source:=replay).',
    ),
    'rate': Argument('', 'Replay rate: 1 as recorded, 0 as fast as possible. Empty: 1.'),
    'session': Argument('', 'Session, or recording file, to replay.'),
    'player': Argument(
        'driver',
        'Player: driver, the source replay; rosbag2, `ros2 bag play --clock` (sessions only; sets '
        'use_sim_time:=true).',
        ('driver', 'rosbag2'),
    ),
    'session_dir': Argument(
        '',
        'Folder of the recorded sessions. Empty: sessions, or <namespace>/sessions.',
    ),
    'decoder': Argument(
        '',
        'Decoder: path of a .py file, name of a module, or name of an installed decoder. Empty: '
        'the value of the parameter files (Hudgins features with LDA).',
    ),
    'model': Argument('', 'Name of the model in model_dir to load at the start. Empty: none.'),
    'model_dir': Argument('', 'Folder of the models. Empty: models, or <namespace>/models.'),
    'model_key': Argument(
        '', 'Key file whose signature models must have. Empty: the value of the parameter files.'
    ),
    'predict': Argument(
        'false', 'True: the pipeline predicts from the start; requires model.', TRUE_FALSE
    ),
    'cues': Argument(
        'false', 'True: start the cues node, which runs guided protocols.', TRUE_FALSE
    ),
    'protocol': Argument(
        '',
        'Protocol of the cues node: path of a YAML file, or name of a protocol of this package. '
        'Empty: the value of the parameter files (none; the goal names one).',
    ),
    'hand': Argument(
        'sim',
        'Hand to drive: sim, the simulated hand, which is started, too; controller, a ros2_control '
        'controller, which must be started separately; none: start neither bridge nor hand.',
        ('sim', 'controller', 'none'),
    ),
    'controller': Argument(
        '',
        'Name of the ros2_control controller, relative to the namespace. Empty: the simulated '
        f'hand, or {CONTROLLER} with hand:=controller.',
    ),
    'output': Argument(
        '',
        'Type of the commands: position, velocity, trajectory or joint_state. Empty: the value of '
        'the parameter files (position).',
    ),
    'mapping': Argument(
        '',
        'YAML file that maps predictions to joints. Empty: the value of the parameter files (the '
        'mapping of the simulated hand).',
    ),
    'urdf': Argument(
        '',
        'URDF file with the joint limits of the hand. Empty: the URDF of the simulated hand; for a '
        'controller the limits of the mapping.',
    ),
    'robot_state': Argument(
        'false',
        'True: start robot_state_publisher, too (its package must be installed).',
        TRUE_FALSE,
    ),
    'rviz': Argument(
        'false', 'True: show the hand in RViz; starts robot_state_publisher.', TRUE_FALSE
    ),
}
