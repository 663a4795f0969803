"""Metadata of an exported session: all but its samples, as values for JSON and YAML."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label, Samples, StreamInfo
from myogestic_ros.sessions.exchange.content import Content, Event, Frames
from myogestic_ros.sessions.session_info import SessionInfo

__all__ = ['SECTION', 'content_from_metadata', 'metadata_from_content']

SECTION = 'session'
"""Name of the metadata in an exported file."""

VERSION = 1

LABEL_FIELDS = [field.name for field in fields(Label)]


def metadata_from_content(content: Content) -> dict[str, Any]:
    """Return session info, stream info, labels and topics of a session."""
    stream = content.stream
    return {
        'version': VERSION,
        'start_ns': content.start_ns,
        'topics': dict(content.topics),
        'frame_id': content.frame_id,
        'info_frame_id': content.info_frame_id,
        'info_ns': list(content.info_ns),
        'stream': {
            'name': stream.name,
            'sampling_rate': stream.sampling_rate,
            'channel_names': list(stream.channel_names),
            'device': stream.device,
            'serial': stream.serial,
            'unit': stream.unit,
            'grid': list(stream.grid),
            'grid_places': list(stream.grid_places),
        },
        'labels': [
            {**asdict(event.label), 'log_ns': event.log_ns, 'frame_id': event.frame_id}
            for event in content.events
        ],
        'facts': content.info.to_custom_data(),
    }


def content_from_metadata(metadata: Any, data: Samples, frames: Frames, file: object) -> Content:
    """Return the content of an exported session.

    Parameters
    ----------
    metadata : dict
        Result of `metadata_from_content`.
    data : ndarray of float32, shape (n_samples, n_channels)
        Samples, in volt.
    frames : Frames
        Division of the samples into frames.
    file : object
        Name of the file, for error messages.

    Raises
    ------
    SessionError
        If the metadata has another version, is malformed, or does not fit the samples.
    """
    try:
        if metadata['version'] != VERSION:
            raise SessionError(
                f'{file} has version {metadata["version"]} of the export format, expected {VERSION}; '
                f'import it with the version of myogestic_ros that exported it.'
            )
        stream = metadata['stream']
        info = StreamInfo(
            stream['name'],
            float(stream['sampling_rate']),
            tuple(stream['channel_names']),
            stream['device'],
            stream['serial'],
            stream['unit'],
            (int(stream['grid'][0]), int(stream['grid'][1])),
            tuple(int(place) for place in stream.get('grid_places', ())),
        )
        events = [
            Event(
                Label(**{name: row[name] for name in LABEL_FIELDS if name in row}),
                row['log_ns'],
                row['frame_id'],
            )
            for row in metadata['labels']
        ]
        content = Content(
            SessionInfo.from_custom_data(metadata['facts']),
            info,
            data,
            frames,
            events,
            dict(metadata['topics']),
            (int(metadata['info_ns'][0]), int(metadata['info_ns'][1])),
            metadata['frame_id'],
            metadata['info_frame_id'],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SessionError(
            f"The section '{SECTION}' of {file} is malformed ({error!r}). Remove the section to "
            f'import the file like one of another program.'
        ) from error
    if data.ndim != 2 or data.shape[1] != info.n_channels:
        raise SessionError(
            f'{file} has samples of shape {data.shape}, expected (n_samples, {info.n_channels}): '
            f'one column for each channel name.'
        )
    rows = frames.rows
    if not len(rows) or rows[0] != 0 or np.any(np.diff(rows) <= 0) or rows[-1] >= len(data):
        raise SessionError(
            f'{file} has {len(data)} samples that do not fit its {len(rows)} frames, expected as '
            f'many samples as were exported.'
        )
    return content
