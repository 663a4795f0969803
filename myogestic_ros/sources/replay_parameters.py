"""What the replay source takes, and which of it says how to read a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myogestic_ros.core.parameters import Parameter

__all__ = ['PARAMETERS', 'format_fields']

FROM_MAPPING = -99
"""Value of a column parameter that leaves it to the mapping."""

PARAMETERS = (
    Parameter('path', '', 'Session, file or folder of files to play.'),
    Parameter(
        'rate',
        1.0,
        'Speed: 1 as recorded, 4 four times as fast, 0 as fast as possible.',
        minimum=0.0,
        maximum=1000.0,
    ),
    Parameter('loop', False, 'Whether to begin again at the end.'),
    Parameter(
        'repetitions',
        '',
        "Repetitions to play: '' all, last, first (all but the last), or numbers as in 0-3.",
    ),
    Parameter('stream', 'emg', 'Name of the stream in a session.'),
    Parameter(
        'chunk',
        0,
        'Samples per frame of a file; 0: 10 ms worth. A session keeps its own.',
        minimum=0,
        maximum=1000000,
    ),
    Parameter(
        'mapping',
        '',
        'YAML file that says how to read a file; see docs/how-to/import-recordings.md.',
    ),
    Parameter(
        'sampling_rate',
        0.0,
        'Rate of a file, Hz; 0: as the mapping says.',
        minimum=0.0,
        maximum=1000000.0,
    ),
    Parameter(
        'scale',
        0.0,
        'Volt per unit of a file; 0: as the mapping says.',
        minimum=0.0,
        maximum=1000000.0,
    ),
    Parameter('channels', [-1], 'Columns of the channels; [-1]: as the mapping says.'),
    Parameter(
        'label_column',
        FROM_MAPPING,
        'Column of the class index; -1 the last, -2 none, -99 as the mapping says.',
        minimum=-99,
        maximum=100000,
    ),
    Parameter(
        'time_column',
        FROM_MAPPING,
        'Column of the time, which is no channel; -2 none, -99 as the mapping says.',
        minimum=-99,
        maximum=100000,
    ),
    Parameter('class_names', [''], "Names of the classes of a file; ['']: as mapped."),
    Parameter(
        'on_bad_line',
        '',
        'What a line that cannot be read does: error, skip, or as the mapping says.',
        choices=('', 'error', 'skip'),
    ),
)

UNSET: dict[str, Any] = {
    'sampling_rate': 0.0,
    'scale': 0.0,
    'channels': [-1],
    'label_column': FROM_MAPPING,
    'time_column': FROM_MAPPING,
    'class_names': [''],
    'on_bad_line': '',
}


def format_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `RecordingFormat` that were given as parameters."""
    given = {name: _plain(values[name]) for name in UNSET}
    return {name: value for name, value in given.items() if value not in (UNSET[name], [])}


def _plain(value: Any) -> Any:
    """Return a list for an array of ROS parameters."""
    return value if isinstance(value, (str, int, float)) else list(value)
