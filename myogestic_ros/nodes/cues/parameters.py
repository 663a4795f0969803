"""The parameters of the cues node."""

from __future__ import annotations

from myogestic_ros.core.parameters import Parameter

__all__ = ['CUES']

CUES = (
    Parameter(
        'protocol',
        '',
        'Protocol to run when the node is activated: path of a YAML file, or the name of one that '
        'comes with this package.',
    ),
    Parameter('recorder', 'recorder', 'Node that records meanwhile; empty: none.'),
    Parameter('session_name', '', 'Name of the session; empty: as the recorder names it.'),
    Parameter('subject', '', 'Who is recorded; empty: as the recorder has it.'),
    Parameter('label_topic', 'label', 'Topic of the labels.'),
    Parameter('target_topic', 'target', 'Topic of the targets.'),
    Parameter('target_hz', 50.0, 'Targets per second, Hz.', minimum=1.0, maximum=1000.0),
)
