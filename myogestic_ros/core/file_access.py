"""Access of other users to the files that this process writes: sessions and models are personal data."""

from __future__ import annotations

import os

from myogestic_ros.core.parameters import Parameter

__all__ = ['FILE_ACCESS', 'OWNER', 'restrict_files']

OWNER = 'owner'
UMASKS = {OWNER: 0o077, 'group': 0o027, 'all': 0o022}
"""Umask for each value of the parameter."""

FILE_ACCESS = Parameter(
    'file_access',
    OWNER,
    'Users who can read the written sessions and models: owner (umask 077), group (027) or all (022).',
    choices=tuple(UMASKS),
    read_only=True,
)


def restrict_files(access: str = OWNER) -> None:
    """Set the umask of this process, which its child processes inherit.

    Parameters
    ----------
    access : {'owner', 'group', 'all'}
        Users who can read files and folders that are created from now on. Only the owner can
        write to them.
    """
    os.umask(UMASKS[access])
