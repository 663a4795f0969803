"""Decoders as Python files and modules, and callbacks that another process can find again."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from myogestic_ros.core.errors import DecoderError

__all__ = ['CallbackReference', 'import_decoder', 'load_file']

ENTRY_POINT_GROUP = 'myogestic_ros.decoders'

_importing = threading.RLock()


def _module_name(file: Path) -> str:
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    stem = re.sub(r'\W', '_', file.stem)  # a dot would make it a module of a package
    return f'myogestic_decoder_{stem}_{digest}'


def load_file(file: Path) -> ModuleType:
    """Import a Python file under a name of its own, the same in every process."""
    with _importing:  # another thread may be half-way through it
        return _load_file(file.resolve())


def _load_file(file: Path) -> ModuleType:
    name = _module_name(file)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise DecoderError(f'{file} is no Python file; a decoder is a .py file or a module.')
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, so that its classes can be pickled
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def import_decoder(reference: str) -> ModuleType:
    """Import a decoder.

    Parameters
    ----------
    reference : str
        Path of a Python file, dotted name of a module, or the name under which a package offers
        a decoder (entry point group ``myogestic_ros.decoders``).

    Raises
    ------
    DecoderError
        When there is no such file or module, or it fails while it is imported.
    """
    try:
        if reference.endswith('.py') or '/' in reference:
            file = Path(reference).expanduser()
            if not file.is_file():
                raise DecoderError(
                    f"There is no decoder file '{reference}' (looked for {file.absolute()}); "
                    f'give the path of a .py file or the name of a module.'
                )
            return load_file(file)
        offered = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
        return importlib.import_module(offered.get(reference, reference).partition(':')[0])
    except DecoderError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and reference.startswith(error.name):
            raise DecoderError(
                f"There is no decoder module '{reference}'; give the path of a .py file or the "
                f'name of a module that Python can import.'
            ) from error
        raise DecoderError(
            f"Decoder '{reference}' needs the module '{error.name}', which is not installed."
        ) from error
    except (Exception, SystemExit) as error:
        raise DecoderError(
            f"Decoder '{reference}' failed while it was imported: {type(error).__name__}: {error}"
        ) from error


def _found_by_name(module: ModuleType) -> bool:
    """Tell whether another process that imports the module's name gets the same file."""
    parent = sys.modules.get(module.__name__.rpartition('.')[0])
    path = getattr(parent, '__path__', None)
    for finder in sys.meta_path:
        spec = finder.find_spec(module.__name__, path)
        if spec is not None:
            file = getattr(module, '__file__', None)
            return bool(
                spec.origin and file and Path(spec.origin).resolve() == Path(file).resolve()
            )
    return False


@dataclass(frozen=True, slots=True)
class CallbackReference:
    """Where another process finds a function: a file or a module, and the name in it."""

    module: str
    file: str
    name: str

    @classmethod
    def from_function(cls, function: Callable[..., Any]) -> CallbackReference | None:
        """Return the reference of a function; None when no other process could import it."""
        name = getattr(function, '__qualname__', '<none>')
        module = sys.modules.get(getattr(function, '__module__', ''))
        if module is None or '<' in name or getattr(module, name, None) is not function:
            return None
        file = getattr(module, '__file__', None)
        if module.__name__ == '__main__' or module.__name__.startswith('myogestic_decoder_'):
            if file is None:
                return None
            path = Path(file).resolve()
            # What was pickled by the other process names this module.
            sys.modules.setdefault(_module_name(path), module)
            return cls(_module_name(path), str(path), name)
        if not _found_by_name(module):
            return None
        return cls(module.__name__, '', name)

    def resolve(self) -> Callable[..., Any]:
        """Import the function."""
        module = load_file(Path(self.file)) if self.file else importlib.import_module(self.module)
        function: Callable[..., Any] = getattr(module, self.name)
        return function
