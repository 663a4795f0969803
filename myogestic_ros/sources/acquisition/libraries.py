"""Import the optional libraries of devices, with a sentence that names what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from myogestic_ros.core.errors import SourceError

__all__ = ['optional_library']


def optional_library(name: str, package: str, extra: str) -> Any:
    """Return a module of an optional library.

    Parameters
    ----------
    name : str
        Name of the module.
    package : str
        Name of the package that contains it.
    extra : str
        Extra of this package that installs it.

    Raises
    ------
    SourceError
        If it is not installed, or is installed but does not work here.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise SourceError(
            f'The library {package} is not installed ({error}); install it with: '
            f"pip install '{package}', or pip install 'myogestic-ros[{extra}]'."
        ) from error
    except Exception as error:  # for example, without the shared library that it wraps
        first_line = (str(error).strip().splitlines() or [repr(error)])[0]
        raise SourceError(
            f'The library {package} is installed, but does not work on this machine: {first_line}'
        ) from error
