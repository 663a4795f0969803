"""How to read a recording: rate, scale, and where channels, labels and times are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.core.yaml_file import YamlDocument, YamlError, read_yaml

__all__ = ['NO_COLUMN', 'RecordingFormat', 'find_mapping']

NO_COLUMN = -2

INTERNAL_FIELDS = {'explicit', 'label_values'}
"""What no mapping says by this name."""


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
        Columns of the channels, from 0; empty: all that are neither label, repetition nor time.
    channel_names : tuple of str
        One name per channel; empty: EMG1, EMG2, …
    label_column, repetition_column : int
        Columns of a text with the class and the number of its repetition; -1: the last; -2:
        there is none.
    time_column : int
        Column of the time, which is not a channel; -2: there is none.
    time_scale : float
        Seconds per unit of the time.
    samples, labels, repetitions : str
        Names of the arrays (NPZ), variables (MAT) or streams (XDF); empty: the usual ones.
    channels_first : bool
        Whether the array of samples is (n_channels, n_samples).
    first_repetition : int
        Number that the file gives the first repetition; what is below is not numbered.
    class_names : tuple of str
        A class index points into it.
    label_values : tuple of (str, int)
        What the file writes for a class, and its index; empty: its index, or its name. A mapping
        gives it as ``class_names: {5: fist, 7: open, 0: null}``, null for no class.
    file_names : str
        What the name of a file of a folder says, as in ``{class}_{repetition}.csv``; empty:
        nothing. Any other braces stand for anything.
    on_bad_line : str
        ``'error'``, or ``'skip'``: what it held is lost, and its samples are missing.
    explicit : frozenset of str
        Fields that were given, not taken by default.
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
        """Return the name of a class; '' for none."""
        if index < 0:
            return ''
        return self.class_names[index] if index < len(self.class_names) else f'class {index}'

    def names_of(self, n_channels: int) -> tuple[str, ...]:
        """Return one name per channel."""
        return self.channel_names or tuple(f'EMG{channel + 1}' for channel in range(n_channels))

    @classmethod
    def from_mapping(cls, path: Path, mapping: str, given: Mapping[str, Any]) -> RecordingFormat:
        """Return the format of the recording at ``path``.

        Parameters
        ----------
        path : Path
            File or folder; when no mapping is named, a YAML file beside the file that is called
            like it, or a ``recording.yaml`` in the folder, is used.
        mapping : str
            Path of a YAML file with fields of this class; '' for none.
        given : mapping
            Fields that win over the file.

        Raises
        ------
        SourceError
            When the mapping file cannot be read or has a field that is none.
        """
        file = Path(mapping).expanduser() if mapping else _beside(path)
        values: dict[str, Any] = {}
        if mapping or file.is_file():
            values = _fields_of(file, _load(file))
        values.update(given)
        try:
            return cls(**_typed(values), explicit=frozenset(_spread(values)))
        except (TypeError, ValueError) as error:
            raise SourceError(f'The format of {path} is not right: {error}.') from error


def _load(file: Path) -> YamlDocument:
    try:
        document = read_yaml(file)
    except YamlError as error:
        raise SourceError(f'The mapping file {file} {error}.') from error
    if document.duplicates:
        raise SourceError(f'The mapping file {file}: {"; ".join(document.duplicates)}.')
    return document


def _fields_of(file: Path, document: YamlDocument) -> dict[str, Any]:
    """Return the fields in a mapping file, each checked."""
    content = document.content
    if not isinstance(content, dict):
        raise SourceError(
            f'The mapping file {file} holds no fields; expected `name: value` lines.'
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
    """Return each field of a mapping as its type; raise ValueError or TypeError."""
    return {name: KINDS[name](name, value) for name, value in _spread(values).items()}


def _beside(path: Path) -> Path:
    if path.is_dir():
        return path / 'recording.yaml'
    own = path.with_suffix('.yaml')
    return own if own.is_file() else path.parent / 'recording.yaml'


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    """Return class names that are given by what the file writes for each as fields of their own."""
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
    """Return a number; YAML takes 1e-6, without a point, for a string."""
    if not 0 < float(value) < float('inf'):
        raise ValueError(f'{name} is {value}, expected a positive number')
    return float(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'{name} is {value!r}, expected the number of a column')
    return value


def _columns(name: str, value: Any) -> tuple[int, ...]:
    items = () if value is None else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(i, int) for i in items):
        raise ValueError(f'{name} is {value!r}, expected a list of columns')
    return tuple(items)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    items = () if value is None else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(i, (str, int)) for i in items):
        raise ValueError(f'{name} is {value!r}, expected a list of names')
    return tuple(map(str, items))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{name} is {value!r}, expected a name')
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f'{name} is {value!r}, expected true or false')
    return value


def _on_bad_line(name: str, value: Any) -> str:
    if value not in ('error', 'skip'):
        raise ValueError(f'{name} is {value!r}, expected error or skip')
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
"""For each field what makes its value out of a mapping's."""


PLACE = Path('config', 'recordings')


def _folders() -> list[Path]:
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    shares = [Path(prefix, 'share', 'myogestic_ros') for prefix in prefixes if prefix]
    return [folder / PLACE for folder in (*shares, Path(__file__).resolve().parents[2])]


def find_mapping(mapping: str) -> str:
    """Return the path of a mapping: of a file, or of one of ours by its name; '' for ''.

    Raises
    ------
    SourceError
        When it is neither.
    """
    if not mapping or Path(mapping).expanduser().is_file():
        return mapping
    ours = {file.stem: file for folder in _folders() for file in folder.glob('*.yaml')}
    if mapping in ours:
        return str(ours[mapping])
    raise SourceError(
        f"There is no mapping '{mapping}'; expected a YAML file, or one of ours: "
        f'{", ".join(sorted(ours)) or "none is installed"}.'
    )
