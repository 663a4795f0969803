"""How to read a recording: rate, scale, and which column is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.core.errors import SourceError

__all__ = ['RecordingFormat']

NO_COLUMN = -2


@dataclass(frozen=True)
class RecordingFormat:
    """Layout of the files of a recording; the defaults are those of a Myo armband's.

    Attributes
    ----------
    sampling_rate : float
        In Hz.
    scale : float
        Volt per unit of the file. The Myo's gain is not published: 1 µV a count is a guess that
        only moves the amplitude.
    channels : tuple of int
        Columns of the channels, from 0; empty: all that are neither label nor time.
    label_column : int
        Column of the class index; -1: the last; -2: there is none.
    time_column : int
        Column of the time, which is not a channel; -2: there is none.
    class_names : tuple of str
        A class index points into it; a class beyond is called ``class <index>``.
    on_bad_line : str
        ``'error'``, or ``'skip'``: what it held is lost, and its samples are missing.
    """

    sampling_rate: float = 200.0
    scale: float = 1e-6
    channels: tuple[int, ...] = ()
    label_column: int = -1
    time_column: int = NO_COLUMN
    class_names: tuple[str, ...] = (
        *('rest', 'flexion', 'extension', 'radial', 'ulnar', 'pronation', 'supination', 'fist'),
    )
    on_bad_line: str = 'error'

    def class_name(self, index: int) -> str:
        """Return the name of a class; '' for none."""
        if index < 0:
            return ''
        return self.class_names[index] if index < len(self.class_names) else f'class {index}'

    @classmethod
    def of(cls, path: Path, mapping: str, given: Mapping[str, Any]) -> RecordingFormat:
        """Return the format of the recording at ``path``.

        Parameters
        ----------
        path : Path
            File or folder; a ``recording.yaml`` in the folder is used when no mapping is named.
        mapping : str
            Path of a YAML file with fields of this class; '' for none.
        given : mapping
            Fields that win over the file.

        Raises
        ------
        SourceError
            When the mapping file cannot be read or has a field that is none.
        """
        folder = path if path.is_dir() else path.parent
        file = Path(mapping).expanduser() if mapping else folder / 'recording.yaml'
        values: dict[str, Any] = {}
        if mapping or file.is_file():
            values = _read(file)
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SourceError(
                f'{file}: unknown {", ".join(unknown)}; expected {", ".join(sorted(known))}.'
            )
        values.update(given)
        try:
            made = cls(**{name: _as(name, value) for name, value in values.items()})
        except (TypeError, ValueError) as error:
            raise SourceError(f'The format of {path} is not right: {error}.') from error
        return made


def _as(name: str, value: Any) -> Any:
    """Return a field's value in its type; YAML takes 1e-6, without a point, for a string."""
    if name in ('sampling_rate', 'scale'):
        if not 0 < float(value) < float('inf'):
            raise ValueError(f'{name} is {value}, expected a positive number')
        return float(value)
    if name in ('label_column', 'time_column'):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f'{name} is {value!r}, expected the number of a column')
        return value
    if name in ('channels', 'class_names'):
        kind = int if name == 'channels' else (str, int)
        items = () if value is None else value
        if not isinstance(items, (list, tuple)) or not all(isinstance(i, kind) for i in items):
            raise ValueError(f'{name} is {value!r}, expected a list')
        return tuple(item if name == 'channels' else str(item) for item in items)
    if value not in ('error', 'skip'):
        raise ValueError(f'{name} is {value!r}, expected error or skip')
    return value


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f'The mapping file {file} cannot be read: {error}') from error
    if not isinstance(values, dict):
        raise SourceError(
            f'The mapping file {file} holds no fields; expected `name: value` lines.'
        )
    return values
