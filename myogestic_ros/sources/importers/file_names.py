"""Parse class and repetition from the names of recording files."""

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
    """A file with the class index and repetition in its name; None where the name has none."""

    file: Path
    label: int | None = None
    repetition: int | None = None


def natural_sort_key(file: Path) -> list[Any]:
    """Return a sort key that orders numbers in names by value: 2.csv before 10.csv."""
    parts = re.split(r'(\d+)', file.as_posix())
    return [int(part) if part.isdigit() else part for part in parts]


def parse_file_names(
    files: Sequence[Path], folder: Path, layout: RecordingFormat
) -> tuple[list[FileName], RecordingFormat]:
    """Parse the names of files; return them with the layout, completed by the class names found.

    Parameters
    ----------
    files : sequence of Path
        The files.
    folder : Path
        Folder to which the pattern is relative.
    layout : RecordingFormat
        Format with the pattern ``file_names``; without one nothing is parsed.

    Raises
    ------
    SourceError
        If a name does not match the pattern, or contains an unknown class.
    """
    if not layout.file_names:
        return [FileName(file) for file in files], layout
    pattern = _compiled(layout.file_names)
    found: list[tuple[Path, dict[str, str]]] = []
    for file in files:
        match = pattern.fullmatch(file.relative_to(folder).as_posix())
        if match is None:
            raise SourceError(
                f"{file}: the name does not match file_names '{layout.file_names}'; remove the file "
                f'from the folder, or correct the pattern.'
            )
        found.append((file, match.groupdict()))
    labels = list(dict.fromkeys(parts['label'] for _, parts in found if 'label' in parts))
    if 'class_names' not in layout.explicit and not all(label.isdigit() for label in labels):
        layout = replace(layout, class_names=tuple(labels))
    names = []
    for file, parts in found:
        label = class_index(parts['label'], layout) if 'label' in parts else None
        if 'label' in parts and label is None:
            raise SourceError(
                f"{file}: the file name gives class '{parts['label']}', expected "
                f'{expected_classes(layout)} or a name in class_names.'
            )
        number = int(parts['number']) - layout.first_repetition if 'number' in parts else None
        names.append(FileName(file, label, number))
    return names, layout


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern such as ``{class}_{repetition}.csv`` as a regular expression."""
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
            f"file_names is '{pattern}', expected a pattern that contains {{class}} and "
            f'{{repetition}} at most once each ({error}).'
        ) from error
