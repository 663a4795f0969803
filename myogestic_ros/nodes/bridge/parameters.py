"""Parameters of the bridge node."""

from __future__ import annotations

from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory

from myogestic_ros.control.mapping import Mapping
from myogestic_ros.control.mapping_file import read_mapping
from myogestic_ros.control.tracking import TrackingSettings
from myogestic_ros.control.urdf import read_joint_limits
from myogestic_ros.control.watchdog import WatchdogSettings
from myogestic_ros.core.parameters import Parameter

__all__ = ['BRIDGE', 'read_bridge_mapping', 'tracking_settings', 'watchdog_settings']

BRIDGE = (
    Parameter(
        'predictions',
        'pipeline/predictions',
        'Topic of the predictions.',
        used_at='configure',
    ),
    Parameter(
        'mapping',
        '',
        'YAML file that maps predictions to joints; empty: the mapping of the simulated hand.',
        used_at='configure',
    ),
    Parameter(
        'urdf',
        '',
        'URDF file with the joint limits; empty: the limits of the mapping.',
        used_at='configure',
    ),
    Parameter(
        'joints',
        [''],
        "Joints to command, in the order of the controller; ['']: all joints of the mapping.",
        used_at='configure',
    ),
    Parameter(
        'output',
        'position',
        'Type of the commands.',
        choices=('position', 'velocity', 'trajectory', 'joint_state'),
        used_at='configure',
    ),
    Parameter(
        'output_topic',
        '',
        'Topic of the commands; empty: hand/commands, or hand/joint_trajectory for trajectories.',
        used_at='configure',
    ),
    Parameter(
        'controller',
        '',
        'Node of the ros2_control controller whose joints are checked; empty: no check.',
        used_at='configure',
    ),
    Parameter(
        'state_topic',
        'joint_states',
        'Topic of the joint states; empty for a hand without position feedback.',
        used_at='configure',
    ),
    Parameter(
        'state_timeout',
        0.5,
        'Time without a joint state after which the hand counts as silent, s.',
        minimum=0.02,
        maximum=60.0,
        used_at='configure',
    ),
    Parameter(
        'hand_time_constant',
        0.06,
        'Time by which the hand lags behind a moving command, s. A command leads the measured '
        'position by at most this time at the speed limit.',
        minimum=0.005,
        maximum=5.0,
        used_at='configure',
    ),
    Parameter(
        'follow_timeout',
        0.5,
        'Time without movement after which a joint that lags this far counts as not following, s.',
        minimum=0.05,
        maximum=60.0,
        used_at='configure',
    ),
    Parameter(
        'emergency_stop_topic',
        '/emergency_stop',
        'Topic of the emergency stop that all bridges obey; empty: none.',
        read_only=True,
    ),
    Parameter(
        'command_rate',
        100.0,
        'Commands per second, Hz.',
        minimum=10.0,
        maximum=1000.0,
        used_at='configure',
    ),
    Parameter(
        'timeout',
        0.25,
        'Age from which a prediction is refused, s.',
        minimum=0.02,
        maximum=5.0,
    ),
    Parameter(
        'future_tolerance',
        0.1,
        'Largest accepted lead of a prediction stamp over the clock, s.',
        minimum=0.0,
        maximum=5.0,
    ),
    Parameter(
        'check_stamps',
        True,
        'True: the age of a prediction counts from its stamp; false: from its arrival.',
    ),
    Parameter(
        'rest_within',
        3.0,
        'Longest time to wait for the hand to reach rest when the node shuts down, s.',
        minimum=0.0,
        maximum=3.5,
    ),
)

DEFAULT_MAPPING = Path('config', 'mappings', 'hand.yaml')
"""Mapping of the simulated hand, in the share directory of this package."""


def read_bridge_mapping(values: Map[str, Any]) -> Mapping:
    """Return the mapping that the parameters select, reduced to the selected joints.

    Raises
    ------
    ControlError
        If the mapping, the URDF or the joints are invalid.
    """
    path = values['mapping'] or Path(get_package_share_directory('myogestic_ros'), DEFAULT_MAPPING)
    urdf = values['urdf']
    limits = read_joint_limits(Path(urdf).expanduser()) if urdf else None
    mapping = read_mapping(Path(path).expanduser(), limits)
    joints = [name for name in values['joints'] if name]
    return mapping.select_joints(joints) if joints else mapping


def tracking_settings(values: Map[str, Any]) -> TrackingSettings:
    """Return the tracking settings that the parameters define."""
    return TrackingSettings(
        time_constant_s=float(values['hand_time_constant']),
        timeout_s=float(values['follow_timeout']),
    )


def watchdog_settings(values: Map[str, Any]) -> WatchdogSettings:
    """Return the watchdog settings that the parameters define."""
    return WatchdogSettings(
        timeout_s=float(values['timeout']),
        future_tolerance_s=float(values['future_tolerance']),
        check_stamps=bool(values['check_stamps']),
    )
