"""Find protocol files."""

from __future__ import annotations

from pathlib import Path

from ament_index_python import PackageNotFoundError, get_package_share_directory

from myogestic_ros.core.errors import ProtocolError

__all__ = ['find_protocol']


def find_protocol(protocol: str) -> Path:
    """Return the file of a protocol, given by its path or as a protocol of this package.

    Raises
    ------
    ProtocolError
        If no protocol is given, or it does not exist.
    """
    if not protocol:
        raise ProtocolError(
            'No protocol: give one in the goal or in the parameter protocol, either a path or one '
            f'of {", ".join(_names())}.'
        )
    path = Path(protocol).expanduser()
    if path.is_file():
        return path
    if protocol in _names():
        return _folder() / f'{protocol}.yaml'
    raise ProtocolError(
        f"There is no protocol '{protocol}': expected a file (relative to {Path.cwd()}) or one of "
        f'{", ".join(_names())}.'
    )


def _folder() -> Path:
    try:
        return Path(get_package_share_directory('myogestic_ros'), 'config', 'protocols')
    except PackageNotFoundError:  # not installed
        return Path(__file__).resolve().parents[3] / 'config' / 'protocols'


def _names() -> list[str]:
    return sorted(path.stem for path in _folder().glob('*.yaml'))
