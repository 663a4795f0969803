"""QoS profiles of all topics, by name."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

__all__ = [
    'COMMANDS',
    'DIAGNOSTICS',
    'EMERGENCY_STOP',
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
"""Holds 0.5 s at 1000 frames per second, more at lower frame rates."""
JOINT_STATES = _reliable(100)
INFO = _reliable(1, latched=True)
STATUS = _reliable(1, latched=True)
LABEL = _reliable(1, latched=True)
LABEL_INPUT = _reliable(100, latched=True)
"""For subscribers of labels: a fast replay publishes many labels in a row."""
PREDICTIONS = _reliable(500)
"""A flow-controlled replay publishes predictions as fast as they are computed."""
NEWEST = _reliable(1)
"""For subscribers that need only the newest message: the bridge, of predictions and joint states."""
EMERGENCY_STOP = _reliable(1, latched=True)
COMMANDS = _reliable(1)
"""The QoS with which ros2_control's controllers subscribe to commands."""
LOG = _reliable(1000)
PROCESSED = _reliable(500)
"""A subscriber's queue is shared by all publishers: a short one loses the acknowledgements of one
node when another node publishes many."""
DIAGNOSTICS = _reliable(10)
