"""A recording, played as if it were a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.signals import Chunk, Label, StreamFacts, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.playlist import FilePlaylist, Item, SessionPlaylist, is_session
from myogestic_ros.sources.recording_format import RecordingFormat

__all__ = ['Replay', 'playing_time']

AS_MAPPED = -99
"""Value of a column parameter that leaves it to the mapping."""


class Replay:
    """Play a session, or a recording in CSV or NPZ, at true speed or any other.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name; a missing one has its default.
    pacer : Pacer, optional
        Clock to follow.
    """

    HAS_LABELS = True

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
            'mapping', '', 'YAML file that says how to read a file; see docs/recordings.md.'
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
            AS_MAPPED,
            'Column of the class index; -1 the last, -2 none, -99 as the mapping says.',
            minimum=-99,
            maximum=100000,
        ),
        Parameter(
            'time_column',
            AS_MAPPED,
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

    def __init__(self, values: Mapping[str, Any], pacer: Pacer | None = None) -> None:
        faults = check_values(self.PARAMETERS, values)
        if faults:
            raise SourceError(f'The replay cannot be made: {"; ".join(faults)}.')
        self._values = {**defaults(self.PARAMETERS), **values}
        self._pacer = pacer or Pacer()
        self._playlist: FilePlaylist | SessionPlaylist | None = None
        self._items: Iterator[Item] = iter(())
        self._next: Item | None = None
        self._played_ns = 0  # length of the rounds played before this one
        self._samples = 0
        self._end_ns = 0

    @property
    def duration_s(self) -> float:
        """Length of what is played, in seconds of signal."""
        return self._load().duration_s

    def _load(self) -> FilePlaylist | SessionPlaylist:
        """Read the recording, once; of a file all of it is held in memory."""
        if self._playlist is None:
            values = self._values
            if not values['path']:
                raise SourceError('There is nothing to play: set the parameter path.')
            path = Path(values['path']).expanduser()
            try:
                if is_session(path):
                    self._playlist = SessionPlaylist(path, values['repetitions'], values['stream'])
                else:
                    layout = RecordingFormat.of(path, values['mapping'], self._given())
                    self._playlist = FilePlaylist(
                        path, layout, values['repetitions'], values['stream'], values['chunk']
                    )
            except SessionError as error:
                raise SourceError(str(error)) from error
        return self._playlist

    def _given(self) -> dict[str, Any]:
        """Return the fields of the format that were given as parameters."""
        values = self._values
        unset: dict[str, Any] = {
            'sampling_rate': 0.0,
            'scale': 0.0,
            'channels': [-1],
            'label_column': AS_MAPPED,
            'time_column': AS_MAPPED,
            'class_names': [''],
            'on_bad_line': '',
        }
        return {
            name: values[name] for name, empty in unset.items() if _plain(values[name]) != empty
        }

    def open(self) -> StreamFacts:
        """Begin at the beginning."""
        playlist = self._load()
        self._items = playlist.items()
        self._played_ns = self._samples = self._end_ns = 0
        self._next = next(self._items, None)
        self._pacer.start()
        return playlist.facts

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk or label when it is due."""
        if self._next is None:
            self._begin_again()
        item = self._next
        if item is None:
            raise EndOfRecording
        speed = self._values['rate']
        if speed > 0 and not self._pacer.wait_until(self._due_ns(item) * 1e-9 / speed, timeout_s):
            return None
        self._next = next(self._items, None)
        stamp_ns = self._played_ns + item.stamp_ns  # time of the signal, at whatever speed
        if isinstance(item, Label):
            return replace(item, stamp_ns=stamp_ns)
        self._end_ns = sample_time_ns(item.stamp_ns, item.n_samples, item.sampling_rate)
        return replace(item, stamp_ns=stamp_ns, first_sample=item.first_sample + self._samples)

    def _due_ns(self, item: Item) -> int:
        """Return when an item is due: a chunk when its newest sample has been acquired."""
        if isinstance(item, Chunk):
            newest = sample_time_ns(item.stamp_ns, item.n_samples - 1, item.sampling_rate)
            return self._played_ns + newest
        return self._played_ns + item.stamp_ns

    def _begin_again(self) -> None:
        if not self._values['loop'] or not self._end_ns:
            return
        playlist = self._load()
        self._samples += playlist.end_sample + round(playlist.facts.sampling_rate)
        self._played_ns += self._end_ns
        self._items = playlist.items()
        self._next = next(self._items, None)

    def set_label(self, label: Label) -> None:
        """Take no notice: a recording has its own labels."""

    def close(self) -> None:
        """Do nothing: files are not kept open."""


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else list(value)


def playing_time(values: Mapping[str, Any]) -> float:
    """Return how many seconds of signal a replay with these parameters plays."""
    return Replay(values).duration_s
