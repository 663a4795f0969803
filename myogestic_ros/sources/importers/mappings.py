"""Mappings that come with this package, by name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from myogestic_ros.core.errors import SourceError

__all__ = ['mapping_file']

PLACE = Path('config', 'recordings')


def _folders() -> list[Path]:
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    shares = [Path(prefix, 'share', 'myogestic_ros') for prefix in prefixes if prefix]
    return [folder / PLACE for folder in (*shares, Path(__file__).resolve().parents[2])]


def mapping_file(mapping: str) -> str:
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
