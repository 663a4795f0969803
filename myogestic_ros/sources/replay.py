"""Replay a session or recording as if a device delivered it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.signals import Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.playlist import FilePlaylist, Item, SessionPlaylist, is_session

__all__ = ['FROM_MAPPING', 'Replay']

FROM_MAPPING = -99
"""Value of a column parameter for: use the column that the mapping names."""

PARAMETERS = (
    Parameter('path', '', 'Session, recording file, or folder of recording files to play.'),
    Parameter(
        'rate',
        1.0,
        'Playback speed: 1 as recorded, 4 four times as fast, 0 as fast as possible.',
        minimum=0.0,
        maximum=1000.0,
    ),
    Parameter(
        'flow_control',
        False,
        'Wait until the pipelines and recorders that subscribe have processed each frame: no '
        'prediction is skipped and nothing is lost, however busy the machine is. Always true at '
        'rate 0.',
    ),
    Parameter('loop', False, 'Restart at the end of the recording.'),
    Parameter(
        'repetitions',
        '',
        "Repetitions to play: '' all, last, first (all but the last), or numbers such as 0-3.",
    ),
    Parameter('stream', 'emg', 'Name of the stream of a session to play.'),
    Parameter(
        'chunk',
        0,
        'Samples per frame of a recording file; 0: 10 ms of signal. Sessions keep their frames.',
        minimum=0,
        maximum=1000000,
    ),
    Parameter(
        'mapping',
        '',
        'YAML file that describes the format of a recording file; see docs/how-to/import-recordings.md.',
    ),
    Parameter(
        'sampling_rate',
        0.0,
        'Sampling rate of a recording file, Hz; 0: from the mapping.',
        minimum=0.0,
        maximum=1000000.0,
    ),
    Parameter(
        'scale',
        0.0,
        'Volt per unit of a recording file; 0: from the mapping.',
        minimum=0.0,
        maximum=1000000.0,
    ),
    Parameter('channels', [-1], 'Columns of the channels; [-1]: from the mapping.'),
    Parameter(
        'label_column',
        FROM_MAPPING,
        'Column of the class index; -1 the last, -2 none, -99 from the mapping.',
        minimum=-99,
        maximum=100000,
    ),
    Parameter(
        'time_column',
        FROM_MAPPING,
        'Column of the time, which is not a channel; -2 none, -99 from the mapping.',
        minimum=-99,
        maximum=100000,
    ),
    Parameter(
        'class_names', [''], "Names of the classes of a recording file; ['']: from the mapping."
    ),
    Parameter(
        'on_bad_line',
        '',
        "Treatment of lines that cannot be read: error or skip; '': from the mapping.",
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


class Replay:
    """Play a session, or a recording in CSV, NPZ, MAT or XDF, at any speed.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name. Missing ones have their defaults.
    pacer : Pacer, optional
        Clock that determines when chunks and labels are returned.

    Raises
    ------
    SourceError
        If a value is invalid.
    """

    HAS_LABELS = True

    PARAMETERS = PARAMETERS

    def __init__(self, values: Mapping[str, Any], pacer: Pacer | None = None) -> None:
        errors = check_values(self.PARAMETERS, values)
        if errors:
            raise SourceError(f'Invalid parameters of the replay source: {"; ".join(errors)}.')
        self._values = {**defaults(self.PARAMETERS), **values}
        self._pacer = pacer or Pacer()
        self.origin_s = 0.0
        self._playlist: FilePlaylist | SessionPlaylist | None = None
        self._items: Iterator[Item] = iter(())
        self._next: Item | None = None
        self._played_ns = 0  # length of the earlier loops
        self._samples = 0
        self._end_ns = 0

    @property
    def flow_controlled(self) -> bool:
        """True if the driver has to wait for the nodes that process the stream."""
        return bool(self._values['flow_control'] or self._values['rate'] == 0)

    @property
    def duration_s(self) -> float:
        """Length of the played signal, s."""
        return self._load().duration_s

    def _load(self) -> FilePlaylist | SessionPlaylist:
        """Open the recording once. A recording file is loaded into memory as a whole."""
        if self._playlist is None:
            values = self._values
            if not values['path']:
                raise SourceError('No recording to play: set the parameter path.')
            path = Path(values['path']).expanduser()
            try:
                if is_session(path):
                    self._playlist = SessionPlaylist(path, values['repetitions'], values['stream'])
                else:
                    layout = RecordingFormat.from_mapping(
                        path, values['mapping'], format_fields(values)
                    )
                    self._playlist = FilePlaylist(
                        path, layout, values['repetitions'], values['stream'], values['chunk']
                    )
            except SessionError as error:
                raise SourceError(str(error)) from error
        return self._playlist

    def open(self) -> StreamInfo:
        """Start at the first sample."""
        playlist = self._load()
        self._items = playlist.items()
        self._played_ns = self._samples = self._end_ns = 0
        self._next = self._advance()
        self.origin_s = time.monotonic()
        self._pacer.start()
        return playlist.info

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk or label when it is due, or None after ``timeout_s``."""
        if self._next is None:
            self._restart()
        item = self._next
        if item is None:
            raise EndOfRecording
        speed = self._values['rate']
        if speed > 0 and not self._pacer.wait_until(self._due_ns(item) * 1e-9 / speed, timeout_s):
            return None
        self._next = self._advance()
        stamp_ns = (
            self._played_ns + item.stamp_ns
        )  # in time of the signal, independent of the speed
        if isinstance(item, Label):
            return replace(item, stamp_ns=stamp_ns)
        self._end_ns = sample_time_ns(item.stamp_ns, item.n_samples, item.sampling_rate)
        return replace(item, stamp_ns=stamp_ns, first_sample=item.first_sample + self._samples)

    def _advance(self) -> Item | None:
        try:
            return next(self._items, None)
        except SessionError as error:
            raise SourceError(str(error)) from error

    def _due_ns(self, item: Item) -> int:
        """Return when an item is due, ns of signal: a chunk at the time of its newest sample."""
        if isinstance(item, Chunk):
            newest = sample_time_ns(item.stamp_ns, item.n_samples - 1, item.sampling_rate)
            return self._played_ns + newest
        return self._played_ns + item.stamp_ns

    def _restart(self) -> None:
        if not self._values['loop'] or not self._end_ns:
            return
        playlist = self._load()
        self._samples += playlist.end_sample + round(playlist.info.sampling_rate)
        self._played_ns += self._end_ns
        self._items = playlist.items()
        self._next = self._advance()

    def set_label(self, label: Label) -> None:
        """Do nothing; a recording has its own labels."""

    def close(self) -> None:
        """Do nothing; files are not kept open."""


def format_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `RecordingFormat` that parameters set."""
    given = {name: _to_list(values[name]) for name in UNSET}
    return {name: value for name, value in given.items() if value not in (UNSET[name], [])}


def _to_list(value: Any) -> Any:
    """Convert an array from a ROS parameter to a list."""
    return value if isinstance(value, (str, int, float)) else list(value)
