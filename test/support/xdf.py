"""Minimal XDF files for tests: a signal and markers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np


def _chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack('<H', tag) + content
    return b'\x04' + struct.pack('<I', len(body)) + body


def _header(number: int, fields: dict[str, Any], desc: str = '') -> bytes:
    text = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    xml = f'<?xml version="1.0"?><info>{text}<desc>{desc}</desc></info>'
    return _chunk(2, struct.pack('<I', number) + xml.encode())


def _footer(number: int, n_samples: int) -> bytes:
    xml = f'<?xml version="1.0"?><info><sample_count>{n_samples}</sample_count></info>'
    return _chunk(6, struct.pack('<I', number) + xml.encode())


def _samples(number: int, rows: list[tuple[float, bytes]]) -> bytes:
    body = b''.join(b'\x08' + struct.pack('<d', at_s) + row for at_s, row in rows)
    return _chunk(3, struct.pack('<I', number) + b'\x04' + struct.pack('<I', len(rows)) + body)


def write_xdf(
    path: Path,
    data: np.ndarray,
    times_s: np.ndarray,
    rate: float,
    markers: list[tuple[float, str]] | None = None,
    *,
    names: list[str] | None = None,
    unit: str = 'microvolts',
    n_extra_streams: int = 0,
) -> Path:
    """Write data (n_samples, n_channels) and markers (time in s, text) in the format of LabRecorder."""
    channels = ''.join(
        f'<channel><label>{name}</label><unit>{unit}</unit></channel>' for name in names or []
    )
    desc = f'<channels>{channels}</channels>' if names else ''
    parts = [b'XDF:', _chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
    for number in range(1, 2 + n_extra_streams):
        fields = {
            'name': 'amp' if number == 1 else f'amp{number}',
            'type': 'EMG',
            'channel_count': data.shape[1],
            'nominal_srate': rate,
            'channel_format': 'float32',
        }
        parts.append(_header(number, fields, desc))
        raw = data.astype('<f4')
        rows = [(float(t), row.tobytes()) for t, row in zip(times_s, raw, strict=True)]
        parts += [_samples(number, rows), _footer(number, len(rows))]
    if markers is not None:
        fields = {
            'name': 'cues',
            'type': 'Markers',
            'channel_count': 1,
            'nominal_srate': 0,
            'channel_format': 'string',
        }
        words = [(t, b'\x01' + struct.pack('<B', len(w)) + w.encode()) for t, w in markers]
        parts += [_header(99, fields), _samples(99, words), _footer(99, len(words))]
    path.write_bytes(b''.join(parts))
    return path
