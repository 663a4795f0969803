"""Models as joblib files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import joblib

from myogestic_ros.core.errors import ModelError

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
    temporary = target.with_name(f'.{target.name}.{os.getpid()}.tmp')
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
        If the file contains a class or function that this version of the package does not have.
    """
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
