"""Models as joblib files."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
from joblib.compressor import BinaryZlibFile

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.limits import MAX_MODEL, expanded_bytes

__all__ = ['load_pickle', 'missing_name', 'save_pickle']


def save_pickle(model: Any, path: str | os.PathLike[str]) -> str:
    """Write a model to a joblib file, create missing parent folders, and return the path.

    The file is written under a temporary name and then renamed: after a crash, the previous file
    is still complete.

    Parameters
    ----------
    model : object
        Any object that can be pickled.
    path : str or path
        File to write; an existing file is replaced.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'.{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp')
    try:
        joblib.dump(model, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return str(target)


def load_pickle(path: str | os.PathLike[str]) -> Any:
    """Return the model in a joblib file.

    Loading executes code from the file: load only files that you or this machine wrote. The
    pipeline node loads models through `myogestic_ros.core.models.model_store.ModelStore`, which
    verifies their digest first.

    Raises
    ------
    ModelError
        If the file contains a class or function that this version of the package does not have, or
        if it is compressed and expands to more than the limit.
    """
    _check_expansion(Path(path))
    try:
        return joblib.load(path)
    except (ImportError, AttributeError) as error:
        missing = missing_name(error)
        if missing is None:
            raise
        raise ModelError(
            f"Model file '{os.fspath(path)}' was saved by another version of myogestic_ros: it "
            f"contains '{missing}', which this version does not have; train it again."
        ) from error


def _check_expansion(file: Path) -> None:
    """Refuse a compressed file that expands to more than the limit, before it is unpickled."""
    with file.open('rb') as stream:
        start = stream.read(8)
    opener = next((opener for prefix, opener in OPENERS.items() if start.startswith(prefix)), None)
    if opener is None:
        return
    limit, reason = expanded_bytes(file.stat().st_size, MAX_MODEL)
    size = 0
    with opener(file) as stream:
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
            if size > limit:
                raise ModelError(f"Model file '{file}' expands to more than {reason}.")


def _open_lz4(file: Path) -> Any:
    return importlib.import_module('lz4.frame').open(file)


PIECE_BYTES = 2**20
OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b'\x78': lambda file: BinaryZlibFile(str(file)),
    b'\x1f\x8b': gzip.open,
    b'BZ': bz2.open,
    b'\x5d\x00': lzma.open,
    b'\xfd7zXZ': lzma.open,
    b'\x04\x22\x4d\x18': _open_lz4,
}
"""Functions that open the compressed files that joblib reads, by their first bytes."""


def missing_name(error: BaseException) -> str | None:
    """Return the module, class or function of this package that an unpickling error is about.

    Parameters
    ----------
    error : Exception
        Raised while a model was loaded; also the cause of a `ModelError`.

    Returns
    -------
    str or None
        Its full name; None if the error is about something else.
    """
    if isinstance(error, ModelError) and error.__cause__ is not None:
        error = error.__cause__
    if not isinstance(error, (ImportError, AttributeError)):
        return None
    text = str(error)
    module = re.search(r"'(myogestic_ros(?:\.\w+)*)'", text)
    if module is None:
        return None
    attribute = re.search(r"(?:attribute|import name) '(\w+)'", text)
    return '.'.join(found[1] for found in (module, attribute) if found is not None)
