"""The values of a mapping file, as tables of parameters."""

from __future__ import annotations

from myogestic_ros.control.mapping import REST
from myogestic_ros.core.parameters import Parameter

__all__ = ['DOF', 'LIMITS', 'SETTINGS']

SETTINGS = (
    Parameter(
        'mode',
        'posture',
        'What moves the hand.',
        choices=('posture', 'velocity', 'proportional'),
    ),
    Parameter('unit', 'radian', 'Unit of the postures.', choices=('radian', 'normalised')),
    Parameter(
        'rest_speed',
        0.5,
        "Share of a joint's velocity at which the hand goes to rest by itself.",
        minimum=0.01,
        maximum=1.0,
    ),
    Parameter('debounce', 0.0, 'Time before a class counts, s.', minimum=0.0, maximum=5.0),
    Parameter('hold', 0.0, 'Time that a posture is kept, s.', minimum=0.0, maximum=5.0),
    Parameter(
        'min_probability',
        0.0,
        'A class that is less probable counts as undecided.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter('undecided', 'hold', 'What an undecided prediction does.', choices=('hold', 'rest')),
    Parameter('speed', 'confidence', 'Of mode velocity: constant, confidence or extra:<key>.'),
    Parameter('still', [REST], 'Of mode velocity: classes during which nothing moves.'),
    Parameter(
        'dof_limit',
        2.0,
        'Largest magnitude of a degree of freedom that is believed.',
        minimum=1.0,
        maximum=1e6,
    ),
)
"""Top-level values of a mapping file."""

LIMITS = (
    Parameter('lower', 0.0, 'Lower limit, rad.', minimum=-1e3, maximum=1e3),
    Parameter('upper', 0.0, 'Upper limit, rad.', minimum=-1e3, maximum=1e3),
    Parameter('velocity', 1.0, 'Limit of the speed, rad/s.', minimum=1e-3, maximum=1e3),
    Parameter('acceleration', 1.0, 'Limit of it, rad/s².', minimum=1e-3, maximum=1e6),
)
"""Values of one joint."""

DOF = (
    Parameter('control', 'position', 'What its value is.', choices=('position', 'velocity')),
    Parameter('one_way', False, 'Whether negative values count as 0.'),
    Parameter('dead_zone', 0.0, 'Smaller values count as 0.', minimum=0.0, maximum=0.9),
)
"""Values of one degree of freedom, besides its joints."""
