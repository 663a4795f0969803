"""Import mappings: sampling rate, scale, and location of channels, labels and times."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.core.untrusted import shown
from myogestic_ros.core.yaml_file import YamlDocument, YamlError, read_yaml

__all__ = ['NO_COLUMN', 'RecordingFormat', 'find_mapping']

NO_COLUMN = -2

INTERNAL_FIELDS = {'explicit', 'label_values'}
"""Fields of `RecordingFormat` that a mapping file does not contain."""


@dataclass(frozen=True)
class RecordingFormat:
    """Format of the files of a recording. The defaults are those of Myo armband recordings.

    Attributes
    ----------
    sampling_rate : float
        In Hz.
    scale : float
        Volt per unit of the file. The gain of the Myo is not published; 1 µV per count is an
        estimate that affects only the amplitude.
    channels : tuple of int
        Columns of the channels, from 0; empty: all columns except label, repetition and time.
    channel_names : tuple of str
        One name per channel; empty: EMG1, EMG2, …
    label_column, repetition_column : int
        Columns of a text file with the class and the number of its repetition; -1: the last
        column; -2: none.
    time_column : int
        Column of the time, which is not a channel; -2: none.
    time_scale : float
        Seconds per unit of the time.
    samples, labels, repetitions : str
        Names of the arrays (NPZ), variables (MAT) or streams (XDF); empty: default names.
    channels_first : bool
        True if the array of samples has the shape ``(n_channels, n_samples)``.
    first_repetition : int
        Number of the first repetition in the file. Smaller numbers mean: no repetition.
    class_names : tuple of str
        Names of the classes, by class index.
    label_values : tuple of (str, int)
        Label in the file and class index; empty: the file contains class indices or names. In
        a mapping file: ``class_names: {5: fist, 7: open, 0: null}``, null for no class.
    file_names : str
        Pattern of the file names in a folder, such as ``{class}_{repetition}.csv``; empty: names
        are not parsed. Other names in braces match any text.
    on_bad_line : str
        Treatment of lines that cannot be read: ``'error'``, or ``'skip'``, which leaves a hole.
    explicit : frozenset of str
        Names of the fields that were set and do not have their default.
    """

    sampling_rate: float = 200.0
    scale: float = 1e-6
    channels: tuple[int, ...] = ()
    channel_names: tuple[str, ...] = ()
    label_column: int = -1
    repetition_column: int = NO_COLUMN
    time_column: int = NO_COLUMN
    time_scale: float = 1.0
    samples: str = ''
    labels: str = ''
    repetitions: str = ''
    channels_first: bool = False
    first_repetition: int = 0
    class_names: tuple[str, ...] = (
        *('rest', 'flexion', 'extension', 'radial', 'ulnar', 'pronation', 'supination', 'fist'),
    )
    label_values: tuple[tuple[str, int], ...] = ()
    file_names: str = ''
    on_bad_line: str = 'error'
    explicit: frozenset[str] = field(default=frozenset(), compare=False)

    def class_name(self, index: int) -> str:
        """Return the name of a class index; '' for no class."""
        if index < 0:
            return ''
        return self.class_names[index] if index < len(self.class_names) else f'class {index}'

    def names_of(self, n_channels: int) -> tuple[str, ...]:
        """Return one name per channel: `channel_names`, or EMG1, EMG2 and so on."""
        return self.channel_names or tuple(f'EMG{channel + 1}' for channel in range(n_channels))

    @classmethod
    def from_mapping(cls, path: Path, mapping: str, given: Mapping[str, Any]) -> RecordingFormat:
        """Return the format of a recording.

        Parameters
        ----------
        path : Path
            Recording file or folder.
        mapping : str
            Path of a YAML file with fields of this class. '': a YAML file of the same name beside
            the recording file, or a ``recording.yaml`` in the folder, if there is one.
        given : mapping
            Fields that override those of the mapping file.

        Raises
        ------
        SourceError
            If the mapping file cannot be read, or contains unknown fields or invalid values.
        """
        file = Path(mapping).expanduser() if mapping else _beside(path)
        values: dict[str, Any] = {}
        if mapping or file.is_file():
            values = _fields_of(file, _load(file))
        values.update(given)
        try:
            return cls(**_typed(values), explicit=frozenset(_spread(values)))
        except (TypeError, ValueError) as error:
            raise SourceError(f'Invalid format of the recording {path}: {error}.') from error


def _load(file: Path) -> YamlDocument:
    try:
        document = read_yaml(file)
    except YamlError as error:
        raise SourceError(f'The mapping file {file} {error}.') from error
    if document.duplicates:
        raise SourceError(f'The mapping file {file}: {"; ".join(document.duplicates)}.')
    return document


def _fields_of(file: Path, document: YamlDocument) -> dict[str, Any]:
    """Return the fields of a mapping file after checking all of them."""
    content = document.content
    if not isinstance(content, dict):
        raise SourceError(
            f'The mapping file {file} has no fields; expected lines such as `sampling_rate: 1000.0`.'
        )
    known = {f.name for f in fields(RecordingFormat)} - INTERNAL_FIELDS
    errors = []
    for name in content:
        if name not in known and name != 'session':
            errors.append(f'{document.line_of(name)}: unknown {name}')
            continue
        try:
            _typed({name: content[name]} if name != 'session' else {})
        except (TypeError, ValueError) as error:
            errors.append(f'{document.line_of(name)}: {error}')
    if errors:
        expected = f'; expected {", ".join(sorted(known))}' if 'unknown' in str(errors) else ''
        raise SourceError(f'The mapping file {file}: {"; ".join(errors)}{expected}.')
    return {name: value for name, value in content.items() if name in known}


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """Convert the fields of a mapping to their types; raise ValueError or TypeError."""
    return {name: KINDS[name](name, value) for name, value in _spread(values).items()}


def _beside(path: Path) -> Path:
    if path.is_dir():
        return path / 'recording.yaml'
    own = path.with_suffix('.yaml')
    return own if own.is_file() else path.parent / 'recording.yaml'


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    """Split class names given as ``{label in the file: name}`` into two fields."""
    names = values.get('class_names')
    if not isinstance(names, dict):
        return values
    classes = list(dict.fromkeys(str(name) for name in names.values() if name is not None))
    indices = [
        (str(key), NO_CLASS if name is None else classes.index(str(name)))
        for key, name in names.items()
    ]
    return {**values, 'class_names': classes, 'label_values': indices}


def _positive(name: str, value: Any) -> float:
    """Convert to a positive number. YAML reads 1e-6, without a point, as a string."""
    if not 0 < float(value) < float('inf'):
        raise ValueError(f'{name} is {value}, expected a positive number')
    return float(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'{name} is {shown(value)}, expected the number of a column')
    return int(value)


def _columns(name: str, value: Any) -> tuple[int, ...]:
    items = () if value is None else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(i, int) for i in items):
        raise ValueError(f'{name} is {shown(value)}, expected a list of columns')
    return tuple(items)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    items = () if value is None else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(i, (str, int)) for i in items):
        raise ValueError(f'{name} is {shown(value)}, expected a list of names')
    return tuple(map(str, items))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{name} is {shown(value)}, expected a name')
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f'{name} is {shown(value)}, expected true or false')
    return value


def _on_bad_line(name: str, value: Any) -> str:
    if value not in ('error', 'skip'):
        raise ValueError(f'{name} is {shown(value)}, expected error or skip')
    return str(value)


KINDS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(('sampling_rate', 'scale', 'time_scale'), _positive),
    **dict.fromkeys(
        ('label_column', 'repetition_column', 'time_column', 'first_repetition'), _whole
    ),
    'channels': _columns,
    **dict.fromkeys(('channel_names', 'class_names'), _texts),
    'label_values': lambda _, value: tuple(value),
    **dict.fromkeys(('samples', 'labels', 'repetitions', 'file_names'), _text),
    'channels_first': _truth,
    'on_bad_line': _on_bad_line,
}
"""Conversion and check of each field."""


SHIPPED = Path('config', 'recordings')


def _folders() -> list[Path]:
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    shares = [Path(prefix, 'share', 'myogestic_ros') for prefix in prefixes if prefix]
    return [folder / SHIPPED for folder in (*shares, Path(__file__).resolve().parents[3])]


def find_mapping(mapping: str) -> str:
    """Return the path of a mapping given as a path or as the name of a shipped mapping.

    '' is returned for ''.

    Raises
    ------
    SourceError
        If there is neither such a file nor such a shipped mapping.
    """
    if not mapping or Path(mapping).expanduser().is_file():
        return mapping
    shipped = {file.stem: file for folder in _folders() for file in folder.glob('*.yaml')}
    if mapping in shipped:
        return str(shipped[mapping])
    raise SourceError(
        f"There is no mapping '{mapping}'; expected a YAML file, or the name of a shipped one: "
        f'{", ".join(sorted(shipped)) or "none is installed"}.'
    )
