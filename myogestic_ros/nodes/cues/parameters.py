"""Parameters of the cues node."""

from __future__ import annotations

from myogestic_ros.core.parameters import Parameter

__all__ = ['CUES']

CUES = (
    Parameter(
        'protocol',
        '',
        'Protocol to run when the node is activated: path of a YAML file, or name of a protocol of '
        'this package.',
    ),
    Parameter('recorder', 'recorder', 'Name of the recorder node; empty: no recording.'),
    Parameter('session_name', '', "Name of the session; empty: the recorder's parameter."),
    Parameter('subject', '', "Name or code of the subject; empty: the recorder's parameter."),
    Parameter('label_topic', 'label', 'Topic of the labels.'),
    Parameter('target_topic', 'target', 'Topic of the targets.'),
    Parameter('target_hz', 50.0, 'Targets per second, Hz.', minimum=1.0, maximum=1000.0),
)
