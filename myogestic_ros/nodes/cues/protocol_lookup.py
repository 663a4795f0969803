"""Where protocols are found."""

from __future__ import annotations

from pathlib import Path

from ament_index_python import PackageNotFoundError, get_package_share_directory

from myogestic_ros.core.errors import ProtocolError

__all__ = ['find_protocol']


def find_protocol(protocol: str) -> Path:
    """Return the file of a protocol: a path, or the name of one that comes with this package.

    Raises
    ------
    ProtocolError
        When there is none.
    """
    if not protocol:
        raise ProtocolError(
            'No protocol: name one in the goal or in the parameter protocol, a path or one of '
            f'{", ".join(_names())}.'
        )
    path = Path(protocol).expanduser()
    if path.is_file():
        return path
    if protocol in _names():
        return _folder() / f'{protocol}.yaml'
    raise ProtocolError(
        f"There is no protocol '{protocol}': no such file in {Path.cwd()}, and none of "
        f'{", ".join(_names())}.'
    )


def _folder() -> Path:
    try:
        return Path(get_package_share_directory('myogestic_ros'), 'config', 'protocols')
    except PackageNotFoundError:  # it runs from its sources
        return Path(__file__).resolve().parents[3] / 'config' / 'protocols'


def _names() -> list[str]:
    return sorted(path.stem for path in _folder().glob('*.yaml'))
