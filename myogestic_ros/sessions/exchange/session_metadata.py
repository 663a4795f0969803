"""What a table of samples does not hold of a session, as plain values for JSON and YAML."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Label, Samples, StreamInfo
from myogestic_ros.sessions.exchange.content import Content, Event, Frames
from myogestic_ros.sessions.session_info import SessionInfo

__all__ = ['SECTION', 'document_of', 'restored']

SECTION = 'session'
"""Name of the document in an exported file."""

VERSION = 1

LABEL_FIELDS = [field.name for field in fields(Label)]


def document_of(content: Content) -> dict[str, Any]:
    """Return info, labels and topics of a session."""
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
        },
        'labels': [
            {**asdict(event.label), 'log_ns': event.log_ns, 'frame_id': event.frame_id}
            for event in content.events
        ],
        'facts': content.info.to_custom_data(),
    }


def restored(document: Any, data: Samples, frames: Frames, file: object) -> Content:
    """Return the content that `document_of` described.

    Raises
    ------
    SessionError
        When the document is of another version or damaged, or does not fit the samples.
    """
    try:
        if document['version'] != VERSION:
            raise SessionError(
                f'{file} was exported in version {document["version"]} of the format, expected '
                f'{VERSION}; import it with the version of this package that exported it.'
            )
        stream = document['stream']
        info = StreamInfo(
            stream['name'],
            float(stream['sampling_rate']),
            tuple(stream['channel_names']),
            stream['device'],
            stream['serial'],
            stream['unit'],
            (int(stream['grid'][0]), int(stream['grid'][1])),
        )
        events = [
            Event(
                Label(**{name: row[name] for name in LABEL_FIELDS if name in row}),
                row['log_ns'],
                row['frame_id'],
            )
            for row in document['labels']
        ]
        content = Content(
            SessionInfo.from_custom_data(document['facts']),
            info,
            data,
            frames,
            events,
            dict(document['topics']),
            (int(document['info_ns'][0]), int(document['info_ns'][1])),
            document['frame_id'],
            document['info_frame_id'],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SessionError(
            f"{file}: its part '{SECTION}' is damaged ({error!r}). Without that part the file is "
            f'read as any other recording.'
        ) from error
    if data.ndim != 2 or data.shape[1] != info.n_channels:
        raise SessionError(
            f'{file} holds samples of shape {data.shape}, expected (n_samples, '
            f'{info.n_channels}), one column for each channel name.'
        )
    rows = frames.rows
    if not len(rows) or rows[0] != 0 or np.any(np.diff(rows) <= 0) or rows[-1] >= len(data):
        raise SessionError(
            f'{file}: its {len(data)} samples do not fit its {len(rows)} frames; expected as '
            f'many samples as were exported.'
        )
    return content
