"""A recording, played as if it were a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.core.parameters import check_values, defaults
from myogestic_ros.core.signals import Chunk, Label, StreamInfo, sample_time_ns
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.playlist import FilePlaylist, Item, SessionPlaylist, is_session
from myogestic_ros.sources.replay_parameters import PARAMETERS, format_fields

__all__ = ['Replay']


class Replay:
    """Play a session, or a recording in CSV, NPZ, MAT or XDF, at true speed or any other.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name; a missing one has its default.
    pacer : Pacer, optional
        Clock to follow.
    """

    HAS_LABELS = True

    PARAMETERS = PARAMETERS

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
        """Begin at the beginning."""
        playlist = self._load()
        self._items = playlist.items()
        self._played_ns = self._samples = self._end_ns = 0
        self._next = self._advance()
        self._pacer.start()
        return playlist.info

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
        self._next = self._advance()
        stamp_ns = self._played_ns + item.stamp_ns  # time of the signal, at whatever speed
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
        """Return when an item is due: a chunk when its newest sample has been acquired."""
        if isinstance(item, Chunk):
            newest = sample_time_ns(item.stamp_ns, item.n_samples - 1, item.sampling_rate)
            return self._played_ns + newest
        return self._played_ns + item.stamp_ns

    def _begin_again(self) -> None:
        if not self._values['loop'] or not self._end_ns:
            return
        playlist = self._load()
        self._samples += playlist.end_sample + round(playlist.info.sampling_rate)
        self._played_ns += self._end_ns
        self._items = playlist.items()
        self._next = self._advance()

    def set_label(self, label: Label) -> None:
        """Take no notice: a recording has its own labels."""

    def close(self) -> None:
        """Do nothing: files are not kept open."""
