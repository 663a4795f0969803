"""Models as joblib files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib

__all__ = ['load_pickle', 'save_pickle']


def save_pickle(model: Any, path: str | os.PathLike[str]) -> str:
    """Write a model to a joblib file, making the folders it lies in; return the path.

    The file is written under a temporary name and renamed, so that a crash leaves the one that
    was there before whole.
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

    Loading runs code from the file: only load what you or this machine wrote. The pipeline node
    loads models through `myogestic_ros.core.models.model_store.ModelStore`, which checks them first.
    """
    return joblib.load(path)
