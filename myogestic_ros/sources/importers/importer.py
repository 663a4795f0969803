"""Import a recording of another system as a session."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import myogestic_ros
from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS, Label, StreamInfo, sample_time_ns
from myogestic_ros.sessions.exchange.content import Content, Event, Frames, write_content
from myogestic_ros.sessions.exchange.tables import read_csv, read_npz
from myogestic_ros.sessions.quality.statistics import FILE_STARTS
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.importers.reader import Recording, load_recording
from myogestic_ros.sources.importers.repetitions import Part, merge_adjacent, number_repetitions

__all__ = ['import_recording']

FRAMES_PER_S = 100


def import_recording(
    path: Path,
    target: Path,
    mapping: str = '',
    given: Mapping[str, Any] | None = None,
    info: SessionInfo | None = None,
) -> Content:
    """Write a recording as a session and return its content.

    A file that this package exported is restored to the same messages, unless ``mapping`` or
    ``given`` is set.

    Parameters
    ----------
    path : Path
        A recording file, or a folder whose files form one recording.
    target : Path
        Folder of the session; must not exist.
    mapping : str
        Path of a YAML file with fields of `RecordingFormat`; '': the one beside the recording.
    given : mapping, optional
        Fields that override those of the mapping.
    info : SessionInfo, optional
        Subject, protocol and device, if known.

    Returns
    -------
    Content
        What was written.

    Raises
    ------
    SourceError
        If the recording cannot be read; the message gives file, line and expected content.
    SessionError
        If the session cannot be written.
    """
    path = path.expanduser()
    content = None if mapping or given else _exported(path)
    if content is None:
        layout = RecordingFormat.from_mapping(path, mapping, given or {})
        if 'class_names' not in layout.explicit:  # the default names are those of a Myo recording
            layout = replace(layout, class_names=())
        recording = load_recording(path, layout)
        if 'sampling_rate' not in recording.layout.explicit:
            raise SourceError(
                f'The sampling rate of {path} is not known: neither the file nor a mapping gives it. '
                f'Set --rate, or a mapping (--mapping FILE; --mapping myo for a Myo armband).'
            )
        content = _content(path, recording, info or SessionInfo())
    write_content(content, target)
    return content


def _exported(path: Path) -> Content | None:
    """Return the session in a file that this package exported, None for other files."""
    if not path.is_file():
        return None
    if path.suffix == '.npz':
        return read_npz(path)
    return read_csv(path) if path.suffix == '.csv' else None


def _content(path: Path, recording: Recording, info: SessionInfo) -> Content:
    layout, pieces = recording.layout, recording.pieces
    rate = layout.sampling_rate
    # The files contain no date; the modification time of the oldest is the best estimate.
    start_ns = min(int(file.stat().st_mtime) for file in recording.files) * 10**9
    parts = merge_adjacent(number_repetitions(pieces))
    frames = _frames(parts, recording, start_ns)
    n_channels = pieces[0].data.shape[1]
    stream = StreamInfo(
        'emg', rate, layout.names_of(n_channels), info.device or 'import', path.name
    )
    started = datetime.fromtimestamp(start_ns * 1e-9, timezone.utc).isoformat(timespec='seconds')
    starts = [
        piece.first_sample for before, piece in pairwise(pieces) if before.name != piece.name
    ]
    known = replace(
        info,
        class_names=_classes(parts, layout),
        software={'myogestic_ros': myogestic_ros.__version__},
        started=started,
        extra={**info.extra, 'imported_from': path.name, FILE_STARTS: json.dumps(starts)},
    )
    data = np.concatenate([piece.data for piece in pieces])
    events = _events(parts, recording, start_ns)
    return Content(known, stream, data, frames, events, info_ns=(start_ns, start_ns))


def _frames(parts: Sequence[Part], recording: Recording, start_ns: int) -> Frames:
    """Return the frames of all parts; none spans two parts."""
    rate, pieces = recording.layout.sampling_rate, recording.pieces
    offsets = np.cumsum([0, *(len(piece.data) for piece in pieces)])
    step = max(1, round(rate / FRAMES_PER_S))
    rows: list[int] = []
    first_samples: list[int] = []
    for part in parts:
        for start in range(part.start, part.stop, step):
            rows.append(int(offsets[part.piece]) + start)
            first_samples.append(pieces[part.piece].first_sample + start)
    stamps = [sample_time_ns(start_ns, first, rate) for first in first_samples]
    stamps_ns = np.array(stamps, np.int64)
    return Frames(
        np.array(rows, np.int64), np.array(first_samples, np.int64), stamps_ns, stamps_ns
    )


def _classes(parts: Sequence[Part], layout: RecordingFormat) -> tuple[str, ...]:
    """Return the class names, extended to the largest class index that occurs."""
    last = max((part.label for part in parts), default=NO_CLASS)
    names = [layout.class_name(index) for index in range(last + 1)]
    return layout.class_names if len(names) < len(layout.class_names) else tuple(names)


def _events(parts: Sequence[Part], recording: Recording, start_ns: int) -> list[Event]:
    """Return one label per repetition, and a label without class where a pause follows."""
    layout, pieces = recording.layout, recording.pieces
    events: list[Event] = []

    def add_label(sample: int, index: int, repetition: int) -> None:
        stamp_ns = sample_time_ns(start_ns, sample, layout.sampling_rate)
        label = Label(stamp_ns, index, layout.class_name(index), repetition)
        events.append(Event(label, stamp_ns))

    before: Part | None = None
    end = 0
    for part in parts:
        start = pieces[part.piece].first_sample + part.start
        if before is None or (part.label, part.repetition) != (before.label, before.repetition):
            if before is not None and before.label != NO_CLASS and end < start:
                add_label(end, NO_CLASS, -1)
            if part.label != NO_CLASS or (before is not None and end == start):
                add_label(start, part.label, part.repetition if part.label != NO_CLASS else -1)
        before, end = part, start + part.stop - part.start
    if before is not None and before.label != NO_CLASS:
        add_label(end, NO_CLASS, -1)
    return events
