"""Every quality of service that the nodes use, by name."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

__all__ = [
    'COMMANDS',
    'DIAGNOSTICS',
    'EMG',
    'INFO',
    'JOINT_STATES',
    'LABEL',
    'LABEL_INPUT',
    'LOG',
    'NEWEST',
    'PREDICTIONS',
    'PROCESSED',
    'STATUS',
]


def _reliable(depth: int, *, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE),
    )


EMG = _reliable(500)
"""Half a second of a thousand frames a second; what is slower has more."""
JOINT_STATES = _reliable(100)
INFO = _reliable(1, latched=True)
STATUS = _reliable(1, latched=True)
LABEL = _reliable(1, latched=True)
LABEL_INPUT = _reliable(100, latched=True)
"""A reader of labels keeps more than the newest: a fast replay sends many in a row."""
PREDICTIONS = _reliable(50)
NEWEST = _reliable(1)
"""For a reader to whom what came before is of no use: the bridge, of predictions and states."""
COMMANDS = _reliable(1)
"""As the controllers of ros2_control listen."""
LOG = _reliable(1000)
PROCESSED = _reliable(10)
DIAGNOSTICS = _reliable(10)
