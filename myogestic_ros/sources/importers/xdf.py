"""Read XDF files as recorded by LabRecorder (Lab Streaming Layer)."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS, Samples
from myogestic_ros.sources.importers.arrays import select_channels
from myogestic_ros.sources.importers.labels import Indices, class_index, expected_classes
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.importers.timestamps import find_segments

__all__ = ['read_xdf']

Found = tuple[Samples, Indices, int, Indices]
"""Samples in volt, shape ``(n_samples, n_channels)``; class indices; index of the first sample;
repetition numbers."""

VOLT_PER = {
    **dict.fromkeys(('v', 'volt', 'volts'), 1.0),
    **dict.fromkeys(('mv', 'millivolt', 'millivolts'), 1e-3),
    **dict.fromkeys(('uv', 'µv', 'μv', 'microvolt', 'microvolts'), 1e-6),
    **dict.fromkeys(('nv', 'nanovolt', 'nanovolts'), 1e-9),
}


def read_xdf(file: Path, layout: RecordingFormat) -> tuple[list[Found], RecordingFormat]:
    """Return the gapless segments of the signal, and the format completed by the file header.

    The signal is the stream that the mapping names as ``samples`` (stream name or type), otherwise
    the only stream of type EMG, otherwise the only stream with a sampling rate. Labels come from
    the marker stream that the mapping names as ``labels``, otherwise from the only marker stream.
    A marker is in force until the next one.

    Raises
    ------
    SourceError
        If the file cannot be read, a stream does not exist, or a marker is not a known class.
    """
    streams = _load(file)
    signal = _chosen(file, streams, layout.samples, _is_signal, 'samples')
    if signal is None:
        raise SourceError(f'{file} contains no signal; it has {_listed(streams)}.')
    values = np.asarray(signal['time_series'])
    times_s = np.asarray(signal['time_stamps'], np.float64)
    if values.ndim != 2 or values.dtype.kind not in 'iuf' or not values.size:
        raise SourceError(
            f"{file}: stream '{_name(signal)}' contains {values.dtype} of shape {values.shape}, "
            f'expected numbers of shape (n_samples, n_channels).'
        )
    used = select_channels(file, values, layout)
    channels = list(layout.channels) or list(range(values.shape[1]))
    layout = _with_header(file, signal, channels, layout)
    data = (used * layout.scale).astype(np.float32)
    markers = _chosen(file, streams, layout.labels, _is_marker, 'labels')
    labels, numbers = _labels(file, markers, times_s, layout)
    runs = find_segments(times_s, layout.sampling_rate, lambda row: f'{file}, sample {row}')
    return [(data[a:b], labels[a:b], first, numbers[a:b]) for a, b, first in runs], layout


def _load(file: Path) -> list[Any]:
    try:
        pyxdf: Any = importlib.import_module('pyxdf')
    except ImportError:
        raise SourceError(
            f'{file} is an XDF file, which requires pyxdf: pip install pyxdf.'
        ) from None
    try:
        streams, _ = pyxdf.load_xdf(str(file))
    except Exception as error:  # readers of damaged files raise many types
        raise SourceError(f'{file} cannot be read: {str(error) or repr(error)}') from error
    return list(streams)


def _info(stream: Any, field: str) -> str:
    """Return a field of a stream header; XDF stores it as a list with one item."""
    value = stream['info'].get(field)
    return str(value[0]) if isinstance(value, list) and value and value[0] is not None else ''


def _name(stream: Any) -> str:
    return _info(stream, 'name')


def _rate(stream: Any) -> float:
    return float(_info(stream, 'nominal_srate') or 0)


def _is_signal(stream: Any) -> bool:
    return _rate(stream) > 0 and _info(stream, 'channel_format') != 'string'


def _is_marker(stream: Any) -> bool:
    return _rate(stream) == 0


def _listed(streams: list[Any]) -> str:
    return (
        ', '.join(f"'{_name(s)}' ({_info(s, 'type')}, {_rate(s):g} Hz)" for s in streams)
        or 'no stream'
    )


def _chosen(file: Path, streams: list[Any], name: str, fits: Any, kind: str) -> Any:
    """Return the stream with a name or type, otherwise the only one that fits, or None."""
    if name:
        found = [s for s in streams if name in (_name(s), _info(s, 'type'))]
        if not found:
            raise SourceError(
                f"{file} has no stream '{name}' ({kind}); it has {_listed(streams)}."
            )
    else:
        found = [s for s in streams if fits(s)]
        found = [s for s in found if _info(s, 'type').upper() == 'EMG'] or found
    if len(found) > 1:
        raise SourceError(
            f'{file} has several streams that may contain the {kind}: {_listed(found)}; name one '
            f'in the mapping ({kind}: …).'
        )
    return found[0] if found else None


def _with_header(
    file: Path, signal: Any, channels: list[int], layout: RecordingFormat
) -> RecordingFormat:
    """Return the format with rate, scale and channel names of the stream header."""
    rate = _rate(signal)
    if (
        'sampling_rate' in layout.explicit
        and rate
        and abs(rate - layout.sampling_rate) > 1e-6 * rate
    ):
        raise SourceError(
            f"{file}: stream '{_name(signal)}' has a rate of {rate:g} Hz, expected "
            f'{layout.sampling_rate:g} Hz (sampling_rate); omit it to use the rate of the stream.'
        )
    known: dict[str, Any] = {'sampling_rate': rate} if rate else {}
    described = _described(signal)
    labels = [_first(channel, 'label') for channel in described]
    units = [_first(channel, 'unit').strip().lower() for channel in described]
    if len(described) > max(channels):
        if all(labels[channel] for channel in channels):
            known['channel_names'] = tuple(labels[channel] for channel in channels)
        scales = {VOLT_PER.get(units[channel]) for channel in channels}
        if len(scales) == 1 and None not in scales:
            known['scale'] = scales.pop()
    known = {name: value for name, value in known.items() if name not in layout.explicit}
    return replace(layout, **known, explicit=layout.explicit | set(known))


def _described(signal: Any) -> list[Any]:
    """Return the description of each channel; empty if the header has none."""
    try:
        channels = signal['info']['desc'][0]['channels'][0]['channel']
    except (KeyError, IndexError, TypeError):
        return []
    return list(channels)


def _first(channel: Any, field: str) -> str:
    value = channel.get(field) if hasattr(channel, 'get') else None
    return str(value[0]) if isinstance(value, list) and value and value[0] is not None else ''


def _labels(
    file: Path, markers: Any, times_s: Any, layout: RecordingFormat
) -> tuple[Indices, Indices]:
    """Return class index and repetition of each sample, both of shape ``(n_samples,)``.

    A marker starts a repetition unless it repeats the class in force.
    """
    if markers is None:
        none = np.full(len(times_s), NO_CLASS, np.int64)
        return none, none
    words = [str(row[0]) for row in markers['time_series']]
    indices = [class_index(word, layout) for word in words]
    unknown = [place for place, index in enumerate(indices) if index is None]
    if unknown:
        place = unknown[0]
        others = sorted({words[p] for p in unknown})
        raise SourceError(
            f"{file}, marker {place} of stream '{_name(markers)}' at "
            f'{float(markers["time_stamps"][place]) - float(times_s[0]):.3f} s: expected a class '
            f"{expected_classes(layout)} or its name, got '{words[place]}'; {len(unknown)} markers "
            f'are unknown: {", ".join(others[:8])}. Map each to a class in class_names (null: no '
            f'class).'
        )
    order = np.argsort(markers['time_stamps'], kind='stable')
    starts = np.asarray(markers['time_stamps'], np.float64)[order]
    classes = [NO_CLASS, *(indices[place] or 0 for place in order)]
    counts: Counter[int] = Counter()
    numbers = [-1]
    for before, own in pairwise(classes):
        counts[own] += before != own
        numbers.append(counts[own] - 1 if own != NO_CLASS else -1)
    place_of = np.searchsorted(starts, times_s, side='right')
    return np.array(classes, np.int64)[place_of], np.array(numbers, np.int64)[place_of]
