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
        used_at='activation',
    ),
    Parameter(
        'recorder',
        'recorder',
        'Name of the recorder node; empty: no recording.',
        used_at='configure',
    ),
    Parameter(
        'session_name',
        '',
        "Name of the session; empty: the recorder's parameter.",
        used_at='activation',
    ),
    Parameter(
        'subject',
        '',
        "Name or code of the subject; empty: the recorder's parameter.",
        used_at='activation',
    ),
    Parameter(
        'label_topic',
        'label',
        'Topic of the labels.',
        used_at='configure',
    ),
    Parameter(
        'target_topic',
        'target',
        'Topic of the targets.',
        used_at='configure',
    ),
    Parameter(
        'target_hz',
        50.0,
        'Targets per second, Hz.',
        minimum=1.0,
        maximum=1000.0,
        used_at='activation',
    ),
)
