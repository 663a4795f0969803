"""Parameters of the bridge node."""

from __future__ import annotations

from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory

from myogestic_ros.control.mapping import Mapping
from myogestic_ros.control.mapping_file import read_mapping
from myogestic_ros.control.urdf import read_joint_limits
from myogestic_ros.control.watchdog import WatchdogSettings
from myogestic_ros.core.parameters import Parameter

__all__ = ['BRIDGE', 'read_bridge_mapping', 'watchdog_settings']

BRIDGE = (
    Parameter('predictions', 'pipeline/predictions', 'Topic of the predictions.'),
    Parameter(
        'mapping',
        '',
        'YAML file that maps predictions to joints; empty: that of the simulated hand.',
    ),
    Parameter('urdf', '', 'URDF whose limits of joints hold; empty: those of the mapping alone.'),
    Parameter(
        'joints',
        [''],
        "Joints to command, in the controller's order; ['']: all of the mapping, in its order.",
    ),
    Parameter(
        'output',
        'position',
        'What to publish.',
        choices=('position', 'velocity', 'trajectory', 'joint_state'),
    ),
    Parameter(
        'output_topic',
        '',
        'Topic of the commands; empty: hand/commands, or hand/joint_trajectory for a trajectory.',
    ),
    Parameter(
        'controller',
        '',
        'Node of the ros2_control controller, whose joints have to be these; empty: not asked.',
    ),
    Parameter(
        'state_topic',
        'joint_states',
        'Topic on which the hand says where it is; empty for a hand that does not.',
    ),
    Parameter(
        'state_timeout',
        0.5,
        'Time without a joint state after which the hand counts as silent, s.',
        minimum=0.02,
        maximum=60.0,
    ),
    Parameter('command_rate', 100.0, 'Commands per second, Hz.', minimum=10.0, maximum=1000.0),
    Parameter(
        'timeout',
        0.25,
        'Age from which a prediction is not followed any more, s.',
        minimum=0.02,
        maximum=5.0,
    ),
    Parameter(
        'future_tolerance',
        0.1,
        'How far the stamp of a prediction may be ahead of the clock, s.',
        minimum=0.0,
        maximum=5.0,
    ),
    Parameter(
        'check_stamps',
        True,
        'Whether the age of a prediction counts from its stamp; otherwise from its arrival.',
    ),
    Parameter(
        'rest_within',
        3.0,
        'Time that the hand has to reach rest when the node is ended, s.',
        minimum=0.0,
        maximum=5.0,
    ),
)


SHIPPED = Path('config', 'mappings', 'hand.yaml')


def read_bridge_mapping(values: Map[str, Any]) -> Mapping:
    """Return the mapping that the parameters name, for the joints that they name.

    Raises
    ------
    ControlError
        When mapping, URDF or joints are not right.
    """
    path = values['mapping'] or Path(get_package_share_directory('myogestic_ros'), SHIPPED)
    urdf = values['urdf']
    limits = read_joint_limits(Path(urdf).expanduser()) if urdf else None
    mapping = read_mapping(Path(path).expanduser(), limits)
    joints = [name for name in values['joints'] if name]
    return mapping.ordered(joints) if joints else mapping


def watchdog_settings(values: Map[str, Any]) -> WatchdogSettings:
    """Return which predictions are young, as the parameters say."""
    return WatchdogSettings(
        timeout_s=float(values['timeout']),
        future_tolerance_s=float(values['future_tolerance']),
        check_stamps=bool(values['check_stamps']),
    )
