"""Sequence of labels and chunks that a replay plays, with the time at which each is due."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import (
    NO_CLASS,
    Chunk,
    Label,
    StreamInfo,
    sample_time_ns,
)
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.importers.reader import load_recording
from myogestic_ros.sources.importers.repetitions import (
    Part,
    merge_adjacent,
    number_repetitions,
    select_repetitions,
)

__all__ = ['FilePlaylist', 'Item', 'SessionPlaylist', 'is_session']

Item = Chunk | Label
"""``stamp_ns`` counts from the start of the playlist, in time of the signal."""


def is_session(path: Path) -> bool:
    """Return True if a path is a rosbag2 bag."""
    bags = ('.mcap', '.db3')
    return path.suffix in bags or any(path.glob('metadata.yaml')) or any(path.glob('*.mcap'))


class FilePlaylist:
    """Playlist of recording files. No chunk spans a change of label or the end of a file.

    The chunk boundaries depend only on sample indices, not on the speed.

    Parameters
    ----------
    path : Path
        File, or folder of files.
    layout : RecordingFormat
        Format of the files.
    repetitions : str
        Repetitions to play; see `select_repetitions`.
    stream : str
        Name of the stream.
    chunk : int
        Samples per chunk; 0: 10 ms of signal.

    Attributes
    ----------
    info : StreamInfo
        Description of the stream.
    duration_s : float
        Length of the played signal, s.
    end_sample : int
        Index after the last sample of the recording.
    """

    def __init__(
        self, path: Path, layout: RecordingFormat, repetitions: str, stream: str, chunk: int
    ) -> None:
        recording = load_recording(path, layout)
        self._layout = layout = recording.layout
        self._pieces = recording.pieces
        self._parts = merge_adjacent(
            select_repetitions(number_repetitions(self._pieces), repetitions)
        )
        rate = layout.sampling_rate
        self._chunk = chunk or max(1, round(rate / 100))
        n_channels = self._pieces[0].data.shape[1]
        names = layout.names_of(n_channels)
        self.info = StreamInfo(stream, rate, names, device='replay', serial=path.name)
        self.duration_s = sum(part.stop - part.start for part in self._parts) / rate
        last = self._pieces[-1]
        self.end_sample = last.first_sample + len(last.data)

    def items(self) -> Iterator[Item]:
        """Yield labels and chunks in the order of time."""
        rate, played = self._layout.sampling_rate, 0
        for part in self._parts:
            stamp_ns = sample_time_ns(0, played, rate)
            name = self._layout.class_name(part.label)
            index = part.label if name else NO_CLASS
            yield Label(stamp_ns, index, name, part.repetition)
            piece = self._pieces[part.piece]
            for start in range(part.start, part.stop, self._chunk):
                stop = min(start + self._chunk, part.stop)
                yield Chunk(
                    piece.first_sample + start,
                    sample_time_ns(0, played, rate),
                    rate,
                    piece.data[start:stop],
                )
                played += stop - start
        yield Label(sample_time_ns(0, played, rate), NO_CLASS)


class SessionPlaylist:
    """Playlist of a session: its frames as recorded, with their sample indices.

    The attributes are those of `FilePlaylist`.

    Parameters
    ----------
    path : Path
        The session.
    repetitions : str
        Repetitions to play; see `select_repetitions`.
    stream : str
        Name of the stream.
    """

    def __init__(self, path: Path, repetitions: str, stream: str) -> None:
        self._session = Session(path)
        self._stream = stream
        self._labels = self._session.labels()
        self._starts = [label.stamp_ns for label in self._labels]
        self._chosen = _chosen(self._labels, repetitions)
        self._session.stream_topic(stream)  # raises SessionError if there is none
        first = next(self._session.chunks(stream), None)
        if first is None:
            raise SourceError(f"{path} has no samples of stream '{stream}'.")
        names = tuple(f'EMG{channel + 1}' for channel in range(first.n_channels))
        self.info = self._session.stream_info(stream) or StreamInfo(
            stream, first.sampling_rate, names, 'replay', path.name
        )
        self.end_sample = 0

    @property
    def duration_s(self) -> float:
        """Length of the played signal, s. Reads the whole session."""
        end_ns = 0
        for item in self.items():
            end_ns = item.stamp_ns  # the last item is the closing label
        return end_ns * 1e-9

    def _is_chosen(self, label: Label | None) -> bool:
        return self._chosen is None or (
            label is not None and (label.index, label.repetition) in self._chosen
        )

    def items(self) -> Iterator[Item]:
        """Yield labels and chunks in the order of time; repetitions that are left out take no time."""
        shift_ns: int | None = None
        end_ns = next_label = 0
        for chunk in self._session.chunks(self._stream):
            self.end_sample = max(self.end_sample, chunk.end_sample)
            in_force = bisect_right(self._starts, chunk.stamp_ns)
            if not self._is_chosen(self._labels[in_force - 1] if in_force else None):
                shift_ns = None
                continue
            if shift_ns is None:
                shift_ns = chunk.stamp_ns - end_ns
                next_label = max(0, in_force - 1)  # repeat the label in force
            until_ns = sample_time_ns(chunk.stamp_ns, chunk.n_samples, chunk.sampling_rate)
            while next_label < len(self._labels) and self._starts[next_label] < until_ns:
                label = self._labels[next_label]
                stamp_ns = max(end_ns, label.stamp_ns - shift_ns)
                yield replace(label, stamp_ns=stamp_ns)
                next_label += 1
            yield Chunk(
                chunk.first_sample, chunk.stamp_ns - shift_ns, chunk.sampling_rate, chunk.data
            )
            end_ns = until_ns - shift_ns
        yield Label(end_ns, NO_CLASS)


def _chosen(labels: Sequence[Label], which: str) -> set[tuple[int, int]] | None:
    """Return (class, repetition) of the labels to play, or None for all."""
    if not which:
        return None
    parts = [
        Part(0, number, number + 1, label.index, label.repetition)
        for number, label in enumerate(labels)
    ]
    return {(part.label, part.repetition) for part in select_repetitions(parts, which)}
