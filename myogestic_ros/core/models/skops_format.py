"""Models as skops files, which run no code when they are loaded."""

from __future__ import annotations

import importlib
import os
import zipfile
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.limits import MAX_MODEL, expanded_bytes

__all__ = ['load_skops', 'save_skops']

TRUSTED = ('myogestic_ros.estimators', 'sklearn.gaussian_process.kernels')
"""Modules whose types are loaded in addition to those that skops trusts."""


def save_skops(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a skops file.

    Parameters
    ----------
    model : object
        Model of scikit-learn estimators and of classes of `myogestic_ros.estimators`.
    path : str or path
        File to write.

    Raises
    ------
    ModelError
        If the model contains other types, which would not be loaded.
    """
    skops = _skops()
    try:
        skops.dump(model, path)
        untrusted = _untrusted(skops, Path(path))
    except Exception as error:
        raise ModelError(
            f'skops cannot carry this model: {type(error).__name__}: {error}. Set model_format to '
            f'joblib for this decoder.'
        ) from error
    if untrusted:
        raise ModelError(
            f'skops does not trust types in this model: {", ".join(untrusted)}. Set model_format '
            f'to joblib for this decoder.'
        )


def load_skops(path: str | os.PathLike[str]) -> Any:
    """Return the model in a skops file.

    Raises
    ------
    ModelError
        If the file contains types that are not trusted, or expands to more than the limit.
    """
    skops = _skops()
    file = Path(path)
    with zipfile.ZipFile(file) as content:
        size = sum(entry.file_size for entry in content.infolist())
    limit, reason = expanded_bytes(file.stat().st_size, MAX_MODEL)
    if size > limit:
        raise ModelError(f"Model file '{file}' expands to more than {reason}.")
    untrusted = _untrusted(skops, file)
    if untrusted:
        raise ModelError(f'it contains types that are not trusted: {", ".join(untrusted)}')
    trusted = skops.get_untrusted_types(file=file)
    return skops.load(file, trusted=trusted)


def _untrusted(skops: Any, file: Path) -> list[str]:
    """Return the types in a file that neither skops nor this package trusts."""
    return [
        name
        for name in skops.get_untrusted_types(file=file)
        if name.rpartition('.')[0] not in TRUSTED
    ]


def _skops() -> Any:
    try:
        return importlib.import_module('skops.io')
    except ImportError:
        raise ModelError(
            'Models in the format skops require the package skops: pip install '
            "'myogestic-ros[skops]'."
        ) from None
