"""What the names of a recording's files say: class and repetition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import SourceError
from myogestic_ros.sources.importers.labels import class_index, expected_classes
from myogestic_ros.sources.importers.mapping import RecordingFormat

__all__ = ['FileName', 'parse_file_names', 'natural_sort_key']


@dataclass(frozen=True)
class FileName:
    """A file, and what its name says; None: nothing."""

    file: Path
    label: int | None = None
    repetition: int | None = None


def natural_sort_key(file: Path) -> list[Any]:
    """Return a key that sorts names with numbers in them as people count."""
    parts = re.split(r'(\d+)', file.as_posix())
    return [int(part) if part.isdigit() else part for part in parts]


def parse_file_names(
    files: Sequence[Path], folder: Path, layout: RecordingFormat
) -> tuple[list[FileName], RecordingFormat]:
    """Return what the names of files say, and the layout with the classes that they name.

    Raises
    ------
    SourceError
        When a name does not follow the pattern, or names no class.
    """
    if not layout.file_names:
        return [FileName(file) for file in files], layout
    pattern = _compiled(layout.file_names)
    found: list[tuple[Path, dict[str, str]]] = []
    for file in files:
        match = pattern.fullmatch(file.relative_to(folder).as_posix())
        if match is None:
            raise SourceError(
                f"{file}: expected a name as in file_names '{layout.file_names}'; take the file "
                f'out of the folder, or mend the pattern.'
            )
        found.append((file, match.groupdict()))
    words = list(dict.fromkeys(parts['label'] for _, parts in found if 'label' in parts))
    if 'class_names' not in layout.explicit and not all(word.isdigit() for word in words):
        layout = replace(layout, class_names=tuple(words))
    names = []
    for file, parts in found:
        label = class_index(parts['label'], layout) if 'label' in parts else None
        if 'label' in parts and label is None:
            raise SourceError(
                f"{file}: its name says class '{parts['label']}', expected "
                f'{expected_classes(layout)} or a name out of class_names.'
            )
        number = int(parts['number']) - layout.first_repetition if 'number' in parts else None
        names.append(FileName(file, label, number))
    return names, layout


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return ``{class}_{repetition}.csv`` as a regular expression."""
    known = {'{class}': r'(?P<label>[^/]+?)', '{repetition}': r'(?P<number>\d+)'}
    parts = re.split(r'(\{[^{}]*\})', pattern)
    try:
        return re.compile(
            ''.join(
                known.get(part, '[^/]*') if part.startswith('{') else re.escape(part)
                for part in parts
            )
        )
    except re.error as error:
        raise SourceError(
            f"file_names is '{pattern}', expected a pattern with {{class}} and {{repetition}}, "
            f'each once at most ({error}).'
        ) from error
