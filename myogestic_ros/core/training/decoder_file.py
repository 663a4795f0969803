"""Import of decoders from Python files and modules, and references to their callbacks."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from myogestic_ros.core.errors import DecoderError

__all__ = ['CallbackReference', 'import_decoder', 'is_importing', 'load_file']

ENTRY_POINT_GROUP = 'myogestic_ros.decoders'
"""Entry point group under which installed packages offer decoders."""

_importing = threading.RLock()
_import_thread = threading.local()


@contextmanager
def _marked() -> Iterator[None]:
    depth = getattr(_import_thread, 'depth', 0)
    _import_thread.depth = depth + 1
    try:
        yield
    finally:
        _import_thread.depth = depth


def is_importing() -> bool:
    """Return True while this thread imports a decoder, so that its script must not run."""
    return getattr(_import_thread, 'depth', 0) > 0


def _module_name(file: Path) -> str:
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    stem = re.sub(r'\W', '_', file.stem)  # a dot would make it a submodule of a package
    return f'myogestic_decoder_{stem}_{digest}'


def load_file(file: Path) -> ModuleType:
    """Import a Python file under a unique module name, which is the same in every process.

    Parameters
    ----------
    file : Path
        The file; it is imported once, also through links and relative paths.

    Raises
    ------
    DecoderError
        If it is not a Python file.
    """
    with _importing, _marked():  # another thread may be importing it
        return _load_file(file.resolve())


def _load_file(file: Path) -> ModuleType:
    name = _module_name(file)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise DecoderError(
            f'{file} is not a Python file; expected a .py file or the name of a module.'
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before execution, so that its classes can be pickled
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
        Path of a Python file, dotted name of a module, or name of an entry point of an installed
        package in the group ``myogestic_ros.decoders``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    DecoderError
        If there is no such file or module, or importing it fails.
    """
    try:
        if reference.endswith('.py') or '/' in reference:
            file = Path(reference).expanduser()
            if not file.is_file():
                raise DecoderError(
                    f"There is no decoder file '{reference}' (expected {file.absolute()}); "
                    f'give the path of a .py file or the name of a module.'
                )
            return load_file(file)
        offered = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
        with _marked():
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
            f"Importing decoder '{reference}' failed: {type(error).__name__}: {error}"
        ) from error


def _found_by_name(module: ModuleType) -> bool:
    """Return True if another process that imports the module by name gets the same file."""
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
    """Reference to a function that another process can import.

    Attributes
    ----------
    module : str
        Name of the module.
    file : str
        Path of the decoder file; empty if the module is importable by name.
    name : str
        Name of the function in the module.
    """

    module: str
    file: str
    name: str

    @classmethod
    def from_function(cls, function: Callable[..., Any]) -> CallbackReference | None:
        """Return the reference of a function; None if another process could not import it."""
        name = getattr(function, '__qualname__', '<none>')
        module = sys.modules.get(getattr(function, '__module__', ''))
        if module is None or '<' in name or getattr(module, name, None) is not function:
            return None
        file = getattr(module, '__file__', None)
        if module.__name__ == '__main__' or module.__name__.startswith('myogestic_decoder_'):
            if file is None:
                return None
            path = Path(file).resolve()
            # Objects that the other process pickles name this module.
            sys.modules.setdefault(_module_name(path), module)
            return cls(_module_name(path), str(path), name)
        if not _found_by_name(module):
            return None
        return cls(module.__name__, '', name)

    def resolve(self) -> Callable[..., Any]:
        """Import the function."""
        with _marked():
            module = (
                load_file(Path(self.file)) if self.file else importlib.import_module(self.module)
            )
        function: Callable[..., Any] = getattr(module, self.name)
        return function
