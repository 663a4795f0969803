"""The public address that model files use for the classes and functions of this package."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ['PUBLIC_ADDRESS', 'public_address']

PUBLIC_ADDRESS = 'myogestic_ros.estimators'
"""Module that model files name; it never moves, and no name is removed from it."""

Public = TypeVar('Public', bound=Any)


def public_address(item: Public) -> Public:
    """Let pickles refer to a class or function as ``myogestic_ros.estimators.<name>``.

    A pickle stores the module and name of each class. With the module of the definition, moving
    a file would make all saved models unreadable; with this address, only
    `myogestic_ros.estimators` has to follow. Every decorated class or function must be imported
    there, under its own name.

    Parameters
    ----------
    item : type or function
        Its ``__module__`` is changed; it is returned otherwise unchanged.
    """
    item.__module__ = PUBLIC_ADDRESS
    return item
